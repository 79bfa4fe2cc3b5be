// Memory, copies and simulation of CPU devices.
#include "runtime/cpu_device.h"

#include <cstdlib>
#include <cstring>

#include "runtime/executor.h"
#include "runtime/memory.h"

namespace cobra {

namespace {

constexpr size_t kAlignment = 256;

void* Aligned(size_t bytes) {
  void* memory = std::aligned_alloc(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment + kAlignment);
  if (!memory) throw std::bad_alloc();
  return memory;
}

class CpuDevice final : public Device {
 public:
  explicit CpuDevice(const DeviceId& device_id) : Device(device_id) {}

  const OrtMemoryInfo* place() const override { return HostPlace(); }
  std::string arena_name() const override { return "cpu:0"; }

  void* Allocate(size_t bytes) override {
    if (!Reserve(bytes)) {
      // As CUDA says it, so that what handles one handles the other.
      throw DeviceFault(ErrorLibrary::kCuda, 2, "allocating " + std::to_string(bytes) + " bytes on " + name,
                        "simulated: " + std::to_string(allocated_bytes) + " of " + std::to_string(limit_bytes_) +
                            " bytes are in use");
    }
    try {
      return Aligned(bytes);
    } catch (...) {
      allocated_bytes -= bytes;
      throw;
    }
  }
  void Free(void* memory, size_t bytes) noexcept override {
    std::free(memory);
    allocated_bytes -= bytes;
  }
  void* AllocatePinned(size_t bytes) override { return Aligned(bytes); }
  void FreePinned(void* memory, size_t) noexcept override { std::free(memory); }
  void Copy(const CopySide& from, const CopySide& to, size_t bytes) override {
    std::memmove(to.address, from.address, bytes);
  }
  void WaitForCopies() override {}
  std::optional<MemoryFigures> ReadMemory() override { return memory(); }
  std::optional<MemoryFigures> memory() const override {
    const size_t limit = limit_bytes_;
    if (limit == 0) return std::nullopt;
    const size_t used = allocated_bytes;
    return MemoryFigures{used < limit ? limit - used : 0, limit};
  }

  // False where the limit does not allow it.
  bool Reserve(size_t bytes) {
    const size_t limit = limit_bytes_;
    const size_t used = allocated_bytes.fetch_add(bytes);
    if (limit == 0 || used + bytes <= limit) return true;
    allocated_bytes -= bytes;
    return false;
  }

  bool is_limited() const override { return limit_bytes_ != 0; }
  std::optional<double> BeginRun() override {
    const std::lock_guard lock(simulation_mutex_);
    const auto failure = simulation_.failures.find(++runs_);
    if (failure != simulation_.failures.end()) throw Ort::Exception(failure->second, ORT_FAIL);
    if (simulation_.wait_ms <= 0) return std::nullopt;
    return simulation_.wait_ms;
  }
  void Simulate(const Simulation& simulation) {
    const std::lock_guard lock(simulation_mutex_);
    simulation_ = simulation;
    limit_bytes_ = simulation.limit_bytes;
    runs_ = 0;
    Revive();
  }

 private:
  std::atomic<size_t> limit_bytes_{0};
  std::mutex simulation_mutex_;  // guards the fields below
  Simulation simulation_;
  uint64_t runs_ = 0;
};

// What stands before every block of the counting allocator.
struct alignas(kAlignment) Header {
  CpuDevice* device;
  size_t bytes;
};

// Throws as the CUDA provider's allocator does; ONNX Runtime does not look for null.
void* CountedAlloc(OrtAllocator*, size_t bytes) {
  if (bytes == 0) return nullptr;
  auto* const device = dynamic_cast<CpuDevice*>(DeviceOfThisThread());
  if (device && !device->Reserve(bytes)) {
    throw std::runtime_error("CUDA failure 2: out of memory ; simulated on " + device->name + " for " +
                             std::to_string(bytes) + " bytes");
  }
  try {
    auto* const header = static_cast<Header*>(Aligned(bytes + sizeof(Header)));
    *header = {device, bytes};
    return header + 1;
  } catch (...) {
    if (device) device->allocated_bytes -= bytes;
    throw;
  }
}

void CountedFree(OrtAllocator*, void* memory) {
  if (!memory) return;
  auto* const header = static_cast<Header*>(memory) - 1;
  if (header->device) header->device->allocated_bytes -= header->bytes;
  std::free(header);
}

}  // namespace

std::unique_ptr<Device> MakeCpuDevice(const DeviceId& id) { return std::make_unique<CpuDevice>(id); }

OrtAllocator* CountingAllocator() {
  static auto* const allocator = [] {
    auto* made = new OrtAllocator{};
    made->version = ORT_API_VERSION;
    made->Alloc = CountedAlloc;
    made->Free = CountedFree;
    made->Reserve = CountedAlloc;
    made->Info = [](const OrtAllocator*) -> const OrtMemoryInfo* {
      static const auto* info = new Ort::MemoryInfo(Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeDefault));
      return *info;
    };
    return made;
  }();
  return allocator;
}

void Simulate(Device& device, const Simulation& simulation) {
  auto* const cpu = dynamic_cast<CpuDevice*>(&device);
  if (!cpu) throw Fault("ERR_ARGUMENT", "only CPU devices can be simulated, and " + device.name + " is none");
  cpu->Simulate(simulation);
}

Napi::Value SimulateDevice(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    if (!info[0].IsString()) throw Fault("ERR_ARGUMENT", "the name of a device must be a string");
    Simulation simulation;
    if (info[1].IsObject()) {
      const auto options = info[1].As<Napi::Object>();
      const auto number = [&](const char* name) {
        const Napi::Value value = options.Get(name);
        if (value.IsUndefined()) return 0.0;
        const double read = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
        if (!(read >= 0 && read <= 9007199254740991.0))
          throw Fault("ERR_ARGUMENT", std::string(name) + " of a simulation must be a number of 0 or more");
        return read;
      };
      simulation.limit_bytes = static_cast<size_t>(number("limitBytes"));
      simulation.wait_ms = number("waitMs");
      const Napi::Value failures = options.Get("failures");
      if (failures.IsObject()) {
        const auto table = failures.As<Napi::Object>();
        const auto runs = table.GetPropertyNames();
        for (uint32_t i = 0; i < runs.Length(); ++i) {
          const std::string run = runs.Get(i).ToString();
          if (run.empty() || run.size() > 9 || run.find_first_not_of("0123456789") != run.npos)
            throw Fault("ERR_ARGUMENT", "failures of a simulation are named by the number of the run");
          simulation.failures[std::stoull(run)] = table.Get(run).ToString().Utf8Value();
        }
      }
    }
    Simulate(Device::Of(ReadDeviceId(info[0].As<Napi::String>())), simulation);
    return info.Env().Undefined();
  });
}

}  // namespace cobra
