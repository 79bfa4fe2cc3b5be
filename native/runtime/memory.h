// The memory that tensors live in, and the figures of the allocators.
//
// Who owns what: a `Storage` is shared by the tensors and views on it and by every job in flight that reads or writes
// it; the last one frees it. `JsMemory` keeps the caller's typed array alive. JavaScript may transfer or resize that
// array's buffer at any time, so it is looked at on the JS thread only, and jobs take copies (`JobMemory`); an array
// over a SharedArrayBuffer stays where it is, and jobs use it in place. All other memory is the addon's: `HostMemory`
// from the heap, `DeviceMemory` from a device, `SlabMemory` a leased slice, and `OrtMemory` an Ort::Value, which keeps
// the session alive whose allocator it came from. What is not on the host is freed on the device's thread. An array
// buffer handed to JS over the addon's host memory shares the storage too, until it is detached or collected.
#pragma once
#include <napi.h>

#include <memory>
#include <string>

#include "runtime/device.h"
#include "runtime/executor.h"
#include "runtime/ort.h"

namespace cobra {

class SessionCore;

class Storage {
 public:
  explicit Storage(size_t byte_length) : bytes(byte_length) {}
  virtual ~Storage() = default;
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  // Where the bytes are; for memory of JS only on the JS thread. Throws Fault ERR_DISPOSED where JS has taken it away.
  virtual void* Address() = 0;
  // Whether the bytes stay where they are for as long as the storage lives.
  virtual bool owned() const { return true; }
  // The device whose memory it is; of host memory that belongs to none, the first CPU device.
  virtual Device& device() const = 0;
  bool on_host() const { return device().on_host(); }
  const OrtMemoryInfo* place() const { return device().place(); }
  // Whether it is page-locked memory of that device.
  virtual bool in_slab_of(const Device&) const { return false; }

  // The array buffer over the whole storage (host only), made once. JS thread only.
  virtual Napi::ArrayBuffer Buffer(Napi::Env env) = 0;
  // Where the storage begins in that buffer.
  virtual size_t buffer_offset() const { return 0; }
  // Counted by tensors: memory outside the JS heap is reported to V8 while a tensor of JS holds it. JS thread only.
  virtual void Hold(Napi::Env) {}
  // `disposed`: JS said so; arrays of JS over host memory are then detached and the memory is freed at once.
  virtual void Release(Napi::Env, bool disposed) {}

  const size_t bytes;
};

// The place of host memory; only after ONNX Runtime was loaded. Never freed.
const OrtMemoryInfo* HostPlace();

// Memory of a typed array that JS owns.
std::shared_ptr<Storage> WrapJsMemory(Napi::TypedArray array);
// Zeros on the heap. Throws std::bad_alloc.
std::shared_ptr<Storage> AllocateHost(size_t bytes);
// Memory of the device, zeros on the host, else with undefined contents; freed on the executor. Call on a thread of
// the device. Throws Fault ERR_OUT_OF_MEMORY.
std::shared_ptr<Storage> AllocateOn(Device& device, std::shared_ptr<Executor> executor, size_t bytes);
// Host memory in a slab of the device, for as long as the storage lives.
std::shared_ptr<Storage> WrapLease(Device& device, std::unique_ptr<SlabLease> lease, size_t bytes);
// Memory of a value that ONNX Runtime allocated for the session (an output, or `Tensor.alloc`).
std::shared_ptr<Storage> AdoptValue(Ort::Value value, std::shared_ptr<SessionCore> session);

// { limitBytes, inUseBytes, … } of the session's device allocator.
Napi::Object AllocatorFigures(Napi::Env env, SessionCore& session);

// Takes back what array buffers of an environment still hold; call when it has ended.
void EndLoans(napi_env env);

}  // namespace cobra
