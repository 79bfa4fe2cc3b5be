// CUDA behind the interface of devices (CUDA Runtime API 13: device, memory, stream and event management).
#include "runtime/cuda_device.h"

#include "platform/platform.h"
#include "runtime/nvml.h"

namespace cobra {

namespace {

using Status = int;  // cudaError_t; 0 = success
using Stream = void*;
using Event = void*;

constexpr int kMemcpyDefault = 4;           // the direction follows from the addresses
constexpr unsigned kStreamNonBlocking = 1;  // does not wait for the default stream
constexpr unsigned kEventBlocking = 1;      // a thread that waits sleeps
constexpr unsigned kEventNoTiming = 2;

struct Cuda {
  Status (*set_device)(int) = nullptr;
  Status (*malloc)(void**, size_t) = nullptr;
  Status (*free)(void*) = nullptr;
  Status (*host_alloc)(void**, size_t, unsigned) = nullptr;
  Status (*free_host)(void*) = nullptr;
  Status (*stream_create)(Stream*, unsigned) = nullptr;
  Status (*event_create)(Event*, unsigned) = nullptr;
  Status (*event_record)(Event, Stream) = nullptr;
  Status (*event_synchronize)(Event) = nullptr;
  Status (*memcpy_async)(void*, const void*, size_t, int, Stream) = nullptr;
  Status (*mem_get_info)(size_t*, size_t*) = nullptr;
  Status (*get_last_error)() = nullptr;
  const char* (*error_string)(Status) = nullptr;
};

constexpr const char* kInstall = "install the CUDA 13 runtime, or choose another provider";

template <typename Function>
void Find(const platform::Library& library, const char* name, Function*& function) {
  function = library.Find<Function>(name);
  if (!function)
    throw Fault("ERR_PROVIDER_UNAVAILABLE", std::string(platform::kCudaRuntime) + " has no " + name).With(kInstall);
}

const Cuda& TheCuda() {
  static const Cuda cuda = [] {
    const platform::Library library(platform::kCudaRuntime);
    if (!library)
      throw Fault("ERR_PROVIDER_UNAVAILABLE", std::string("the CUDA runtime cannot be loaded: ") + library.error())
          .With(kInstall);
    Cuda found;
    Find(library, "cudaSetDevice", found.set_device);
    Find(library, "cudaMalloc", found.malloc);
    Find(library, "cudaFree", found.free);
    Find(library, "cudaHostAlloc", found.host_alloc);
    Find(library, "cudaFreeHost", found.free_host);
    Find(library, "cudaStreamCreateWithFlags", found.stream_create);
    Find(library, "cudaEventCreateWithFlags", found.event_create);
    Find(library, "cudaEventRecord", found.event_record);
    Find(library, "cudaEventSynchronize", found.event_synchronize);
    Find(library, "cudaMemcpyAsync", found.memcpy_async);
    Find(library, "cudaMemGetInfo", found.mem_get_info);
    Find(library, "cudaGetLastError", found.get_last_error);
    Find(library, "cudaGetErrorString", found.error_string);
    return found;
  }();  // a load that throws is tried again by the next call
  return cuda;
}

class CudaDevice final : public Device {
 public:
  explicit CudaDevice(const DeviceId& device_id) : Device(device_id) {}

  bool copies_beside_runs() const override { return true; }
  const OrtMemoryInfo* place() const override {
    std::call_once(place_made_,
                   [this] { place_ = new Ort::MemoryInfo("Cuda", OrtDeviceAllocator, id.index, OrtMemTypeDefault); });
    return *place_;
  }
  std::string arena_name() const override { return "gpu:" + std::to_string(id.index); }

  void* Allocate(size_t bytes) override {
    Enter();
    void* memory = nullptr;
    Check(TheCuda().malloc(&memory, bytes), "cudaMalloc of " + std::to_string(bytes) + " bytes on " + name);
    allocated_bytes += bytes;
    return memory;
  }
  void Free(void* memory, size_t bytes) noexcept override {
    allocated_bytes -= bytes;
    if (TheCuda().set_device(id.index) == 0) TheCuda().free(memory);
  }
  void* AllocatePinned(size_t bytes) override {
    Enter();
    void* memory = nullptr;
    Check(TheCuda().host_alloc(&memory, bytes, 0), "cudaHostAlloc of " + std::to_string(bytes) + " bytes");
    return memory;
  }
  void FreePinned(void* memory, size_t) noexcept override {
    if (TheCuda().set_device(id.index) == 0) TheCuda().free_host(memory);
  }
  // Copies come from the thread that computes and from the one that copies.
  void Copy(const CopySide& from, const CopySide& to, size_t bytes) override {
    Enter();
    const std::lock_guard lock(copy_mutex_);
    if (!copies_) {
      Check(TheCuda().stream_create(&copies_, kStreamNonBlocking), "cudaStreamCreateWithFlags on " + name);
      Check(TheCuda().event_create(&copied_, kEventBlocking | kEventNoTiming), "cudaEventCreateWithFlags on " + name);
    }
    Check(TheCuda().memcpy_async(to.address, from.address, bytes, kMemcpyDefault, copies_),
          "cudaMemcpyAsync of " + std::to_string(bytes) + " bytes on " + name);
  }
  void WaitForCopies() override {
    Enter();
    const std::lock_guard lock(copy_mutex_);
    if (!copies_) return;
    Check(TheCuda().event_record(copied_, copies_), "cudaEventRecord on " + name);
    Check(TheCuda().event_synchronize(copied_), "waiting for copies on " + name);
  }
  std::optional<MemoryFigures> ReadMemory() override {
    Enter();
    MemoryFigures figures;
    if (TheCuda().mem_get_info(&figures.free_bytes, &figures.total_bytes) != 0) return std::nullopt;
    return figures;
  }
  LoadFigures ReadLoad() override { return ReadNvml(id.index); }

 private:
  // The current device belongs to the thread.
  void Enter() const { Check(TheCuda().set_device(id.index), "cudaSetDevice(" + std::to_string(id.index) + ")"); }
  void Check(Status status, const std::string& call) const {
    if (status == 0) return;
    TheCuda().get_last_error();  // one that is not sticky is not seen again by the next call
    const char* text = TheCuda().error_string(status);
    throw DeviceFault(ErrorLibrary::kCuda, status, call, text ? text : "");
  }

  mutable std::once_flag place_made_;
  mutable const Ort::MemoryInfo* place_ = nullptr;
  std::mutex copy_mutex_;  // guards the fields below
  Stream copies_ = nullptr;
  Event copied_ = nullptr;
};

}  // namespace

std::unique_ptr<Device> MakeCudaDevice(const DeviceId& id) { return std::make_unique<CudaDevice>(id); }

}  // namespace cobra
