// Storages and allocator figures.
#include "runtime/memory.h"

#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <unordered_map>
#include <vector>

#include "runtime/session.h"

namespace cobra {

namespace {

// Storages lent to array buffers. Node does not run every buffer's finalizer when a worker thread is terminated, so a
// loan ends with its finalizer or with the environment, whichever is first.
struct Loan {
  napi_env env;
  std::shared_ptr<Storage> storage;
};
struct Loans {
  std::mutex mutex;
  uintptr_t next = 1;
  std::unordered_map<uintptr_t, Loan> open;
};

// Never destroyed: finalizers may still come while the process exits.
Loans& TheLoans() {
  static auto* loans = new Loans;
  return *loans;
}

void EndLoan(uintptr_t id) {
  std::shared_ptr<Storage> ended;  // declared first, so destroyed after the lock is open
  Loans& loans = TheLoans();
  std::lock_guard lock(loans.mutex);
  auto found = loans.open.find(id);
  if (found == loans.open.end()) return;
  ended = std::move(found->second.storage);
  loans.open.erase(found);
}

Napi::ArrayBuffer LendTo(napi_env env, std::shared_ptr<Storage> storage, void* address, size_t bytes) {
  uintptr_t id;
  {
    Loans& loans = TheLoans();
    std::lock_guard lock(loans.mutex);
    id = loans.next++;
    loans.open[id] = {env, std::move(storage)};
  }
  struct Ticket;  // a number cast to a pointer
  try {
    return Napi::ArrayBuffer::New(
        env, address, bytes,
        [](Napi::BasicEnv, void*, Ticket* ticket) { EndLoan(reinterpret_cast<uintptr_t>(ticket)); },
        reinterpret_cast<Ticket*>(id));  // NOLINT(performance-no-int-to-ptr)
  } catch (const Napi::Error&) {
    EndLoan(id);
    throw;
  }
}

Device& Host() {
  static Device& host = Device::Of({DeviceKind::kCpu, 0});
  return host;
}

// An address for tensors without elements: ONNX Runtime requires one, and never reads it.
alignas(64) char nothing[64];

// Whether the array is over a SharedArrayBuffer, which can neither be transferred nor shrink.
bool IsShared(const Napi::TypedArray& array, void*& data) {
  napi_value buffer = nullptr;
  bool plain = true;
  napi_get_typedarray_info(array.Env(), array, nullptr, nullptr, &data, &buffer, nullptr);
  napi_is_arraybuffer(array.Env(), buffer, &plain);
  return !plain;
}

class JsMemory final : public Storage {
 public:
  explicit JsMemory(Napi::TypedArray array)
      : Storage(array.ByteLength()),
        shared_(IsShared(array, data_)),
        array_(Napi::Persistent(array.As<Napi::Object>())) {}

  void* Address() override {
    if (shared_) return bytes == 0 ? nothing : data_;
    Napi::HandleScope scope(array_.Env());
    size_t length = 0;
    void* data = nullptr;
    size_t element = array_.Value().As<Napi::TypedArray>().ElementSize();
    napi_get_typedarray_info(array_.Env(), array_.Value(), nullptr, &length, &data, nullptr, nullptr);
    if (length * element < bytes) {
      throw Fault("ERR_DISPOSED", "the memory of a tensor was taken away: its array had " + std::to_string(bytes) +
                                      " bytes and now has " + std::to_string(length * element) +
                                      "; do not transfer an ArrayBuffer that a tensor still uses");
    }
    return bytes == 0 ? nothing : data;
  }
  bool owned() const override { return shared_; }
  size_t buffer_offset() const override { return array_.Value().As<Napi::TypedArray>().ByteOffset(); }
  Device& device() const override { return Host(); }
  Napi::ArrayBuffer Buffer(Napi::Env) override { return array_.Value().As<Napi::TypedArray>().ArrayBuffer(); }

 private:
  void* data_ = nullptr;
  const bool shared_;
  Napi::ObjectReference array_;
};

// What is common to memory of the addon: the buffer over it, and its size as reported to V8.
class AddonMemory : public Storage, public std::enable_shared_from_this<AddonMemory> {
 public:
  using Storage::Storage;

  Napi::ArrayBuffer Buffer(Napi::Env env) override {
    if (!buffer_.IsEmpty() && !buffer_.Value().IsEmpty()) return buffer_.Value().As<Napi::ArrayBuffer>();
    // The buffer shares this storage: it stays valid for JS even where the tensor is collected first.
    Napi::ArrayBuffer buffer =
        bytes == 0 ? Napi::ArrayBuffer::New(env, 0) : LendTo(env, shared_from_this(), Address(), bytes);
    buffer_ = Napi::Weak(buffer.As<Napi::Object>());
    Report(env, false);  // V8 counts array buffers itself
    return buffer;
  }
  void Hold(Napi::Env env) override {
    if (holders_++ == 0) Report(env, true);
  }
  void Release(Napi::Env env, bool disposed) override {
    if (--holders_ > 0) return;
    Report(env, false);
    if (buffer_.IsEmpty()) return;
    if (disposed && detaches()) {
      Napi::HandleScope scope(env);
      Napi::Object buffer = buffer_.Value();
      if (!buffer.IsEmpty()) napi_detach_arraybuffer(env, buffer);
    }
    buffer_.Reset();  // the storage may outlive the environment, a reference must not
  }

 protected:
  // Whether `dispose` takes the memory from arrays of JS over it.
  virtual bool detaches() const = 0;

 private:
  void Report(Napi::Env env, bool held) {
    if (!on_host() || reported_ == held) return;
    reported_ = held;
    const auto amount = static_cast<int64_t>(bytes);
    int64_t total = 0;
    napi_adjust_external_memory(env, held ? amount : -amount, &total);  // finalizers call this too: it must not throw
  }

  int holders_ = 0;
  bool reported_ = false;
  Napi::ObjectReference buffer_;
};

class HostMemory final : public AddonMemory {
 public:
  explicit HostMemory(size_t byte_length)
      : AddonMemory(byte_length), memory_(byte_length == 0 ? nullptr : std::calloc(byte_length, 1)) {
    if (byte_length != 0 && !memory_) throw std::bad_alloc();
  }

  void* Address() override { return bytes == 0 ? nothing : memory_.get(); }
  Device& device() const override { return Host(); }

 protected:
  // The array was made by `Tensor.alloc` and is the caller's to keep.
  bool detaches() const override { return false; }

 private:
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  const std::unique_ptr<void, Free> memory_;
};

class DeviceMemory final : public AddonMemory {
 public:
  DeviceMemory(Device& device, std::shared_ptr<Executor> executor, size_t byte_length)
      : AddonMemory(byte_length), device_(device), executor_(std::move(executor)) {
    address_ = bytes == 0 ? nothing : device_.Allocate(bytes);
    if (device_.on_host()) std::memset(address_, 0, bytes);
  }
  ~DeviceMemory() override {
    if (bytes == 0) return;
    if (device_.on_host()) {
      device_.Free(address_, bytes);
      return;
    }
    executor_->Post([&device = device_, address = address_, size = bytes] { device.Free(address, size); });
  }

  void* Address() override { return address_; }
  Device& device() const override { return device_; }

 protected:
  bool detaches() const override { return true; }

 private:
  Device& device_;
  const std::shared_ptr<Executor> executor_;
  void* address_ = nullptr;
};

class SlabMemory final : public AddonMemory {
 public:
  SlabMemory(Device& device, std::unique_ptr<SlabLease> lease, size_t byte_length)
      : AddonMemory(byte_length), device_(device), lease_(std::move(lease)) {}

  void* Address() override { return bytes == 0 ? nothing : lease_->address(); }
  Device& device() const override { return device_.on_host() ? device_ : Host(); }
  bool in_slab_of(const Device& owner) const override { return &owner == &device_; }

 protected:
  bool detaches() const override { return true; }

 private:
  Device& device_;
  const std::unique_ptr<SlabLease> lease_;
};

class OrtMemory final : public AddonMemory {
 public:
  OrtMemory(Ort::Value value, size_t byte_length, std::shared_ptr<SessionCore> session, bool host)
      : AddonMemory(byte_length),
        session_(std::move(session)),
        value_(std::move(value)),
        device_(host && !session_->device.on_host() ? Host() : session_->device) {
    address_ = bytes == 0 ? nothing : value_.GetTensorMutableRawData();
  }
  ~OrtMemory() override {
    if (device_.on_host()) return;
    // Device memory is freed on the device's thread. The session goes with it, after it.
    struct Parting {
      std::shared_ptr<SessionCore> session;
      Ort::Value value;
    };
    auto parting = std::make_shared<Parting>(Parting{session_, std::move(value_)});
    auto executor = session_->executor;
    session_.reset();
    executor->Post([parting = std::move(parting)]() mutable { parting.reset(); });
  }

  void* Address() override { return address_; }
  Device& device() const override { return device_; }

 protected:
  bool detaches() const override { return true; }

 private:
  std::shared_ptr<SessionCore> session_;
  Ort::Value value_;
  Device& device_;
  void* address_ = nullptr;
};

}  // namespace

void EndLoans(napi_env env) {
  std::vector<std::shared_ptr<Storage>> ended;  // declared first, so destroyed after the lock is open
  Loans& loans = TheLoans();
  std::lock_guard lock(loans.mutex);
  for (auto loan = loans.open.begin(); loan != loans.open.end();) {
    const auto here = loan++;
    if (here->second.env != env) continue;
    ended.push_back(std::move(here->second.storage));
    loans.open.erase(here);
  }
}

const OrtMemoryInfo* HostPlace() {
  static const auto* place = new Ort::MemoryInfo(Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault));
  return *place;
}

std::shared_ptr<Storage> WrapJsMemory(Napi::TypedArray array) { return std::make_shared<JsMemory>(array); }

std::shared_ptr<Storage> AllocateHost(size_t bytes) { return std::make_shared<HostMemory>(bytes); }

std::shared_ptr<Storage> AllocateOn(Device& device, std::shared_ptr<Executor> executor, size_t bytes) {
  return std::make_shared<DeviceMemory>(device, std::move(executor), bytes);
}

std::shared_ptr<Storage> WrapLease(Device& device, std::unique_ptr<SlabLease> lease, size_t bytes) {
  return std::make_shared<SlabMemory>(device, std::move(lease), bytes);
}

std::shared_ptr<Storage> AdoptValue(Ort::Value value, std::shared_ptr<SessionCore> session) {
  const bool host = value.GetTensorMemoryInfo().GetDeviceType() == OrtMemoryInfoDeviceType_CPU;
  const size_t bytes = value.GetTensorSizeInBytes();
  return std::make_shared<OrtMemory>(std::move(value), bytes, std::move(session), host);
}

Napi::Object AllocatorFigures(Napi::Env env, SessionCore& session) {
  struct Figure {
    const char* ort;
    const char* js;
  };
  static constexpr Figure kFigures[] = {
      {"Limit", "limitBytes"},
      {"InUse", "inUseBytes"},
      {"TotalAllocated", "totalAllocatedBytes"},
      {"MaxInUse", "maxInUseBytes"},
      {"MaxAllocSize", "maxAllocBytes"},
      {"NumAllocs", "allocations"},
      {"NumReserves", "reserves"},
      {"NumArenaExtensions", "arenaExtensions"},
      {"NumArenaShrinkages", "arenaShrinkages"},
  };
  const auto stats = session.allocator->GetStats().GetKeyValuePairs();
  Napi::Object result = Napi::Object::New(env);
  for (const Figure& figure : kFigures) {
    auto found = stats.find(figure.ort);
    double value = found == stats.end() ? 0 : std::stod(found->second);
    if (value > 9007199254740991.0 || value < 0) value = 0;  // an arena without a limit says 2^63 - 1
    result.Set(figure.js, value);
  }
  return result;
}

}  // namespace cobra
