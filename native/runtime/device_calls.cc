// Figures of devices for JS.
#include "runtime/device_calls.h"

#include "runtime/environment.h"
#include "runtime/simulation.h"

namespace cobra {

namespace {

Device& ReadDevice(const Napi::Value& value) {
  if (!value.IsString()) throw Fault("ERR_ARGUMENT", "the name of a device must be a string");
  return Device::Of(ReadDeviceId(value.As<Napi::String>()));
}

void SetMemory(Napi::Object& result, const std::optional<MemoryFigures>& memory) {
  if (!memory) return;
  result.Set("freeBytes", static_cast<double>(memory->free_bytes));
  result.Set("totalBytes", static_cast<double>(memory->total_bytes));
}

// (name) -> figures as they were last read; no call of the driver
Napi::Value DeviceFigures(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    Device& device = ReadDevice(info[0]);
    const SlabFigures slabs = device.slabs().figures();
    Napi::Object result = Napi::Object::New(info.Env());
    result.Set("kind", NameOf(device.id.kind));
    result.Set("index", device.id.index);
    result.Set("onHost", device.on_host());
    result.Set("addressable", device.addressable());
    result.Set("copiesBesideRuns", device.copies_beside_runs());
    result.Set("allocatedBytes", static_cast<double>(device.allocated_bytes));
    result.Set("busyMs", static_cast<double>(device.busy_ns) / 1e6);
    result.Set("bytesToDevice", static_cast<double>(device.bytes_to_device));
    result.Set("bytesFromDevice", static_cast<double>(device.bytes_from_device));
    result.Set("pinnedBytes", static_cast<double>(slabs.held_bytes));
    result.Set("leasedBytes", static_cast<double>(slabs.leased_bytes));
    result.Set("leases", static_cast<double>(slabs.leases));
    SetMemory(result, device.memory());
    return result;
  });
}

// Asks the driver, on a thread of the device.
class ReadJob final : public Job {
 public:
  explicit ReadJob(Device& device) : device_(device) {}
  void Execute() override {
    memory_ = device_.ReadMemory();
    load_ = device_.ReadLoad();
  }
  Napi::Value Result(Napi::Env env) override {
    Napi::Object result = Napi::Object::New(env);
    SetMemory(result, memory_);
    if (load_.busy_share) result.Set("busyShare", *load_.busy_share);
    if (load_.power_watts) result.Set("powerWatts", *load_.power_watts);
    if (load_.temperature_c) result.Set("temperatureC", *load_.temperature_c);
    return result;
  }

 private:
  Device& device_;
  std::optional<MemoryFigures> memory_;
  LoadFigures load_;
};

// (name, settle) -> job id
Napi::Value ReadDeviceLoad(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    NodeEnvironment& environment = NodeEnvironment::Of(info.Env());
    Device& device = ReadDevice(info[0]);
    auto executor = environment.CopyExecutorFor(device);
    const uint64_t id = environment.Submit(*executor, std::make_unique<ReadJob>(device), info[1]);
    return Napi::Number::New(info.Env(), static_cast<double>(id));
  });
}

}  // namespace

void RegisterDevices(Napi::Env env, Napi::Object exports) {
  exports.Set("deviceFigures", Napi::Function::New(env, DeviceFigures, "deviceFigures"));
  exports.Set("readDeviceLoad", Napi::Function::New(env, ReadDeviceLoad, "readDeviceLoad"));
  exports.Set("simulateDevice", Napi::Function::New(env, SimulateDevice, "simulateDevice"));
}

}  // namespace cobra
