// The CUDA driver's figures (CUDA driver API, "Primary Context Management" and "Memory Management").
#include "runtime/device_memory.h"

#include "platform/platform.h"

namespace cobra {

namespace {

using Status = int;  // CUresult; 0 = success
using Device = int;  // CUdevice

struct Driver {
  Status (*init)(unsigned int) = nullptr;
  Status (*device)(Device*, int) = nullptr;
  Status (*retain)(void**, Device) = nullptr;
  Status (*release)(Device) = nullptr;
  Status (*push)(void*) = nullptr;
  Status (*pop)(void**) = nullptr;
  Status (*info)(size_t*, size_t*) = nullptr;
  bool complete = false;
};

template <typename Function>
bool Find(const platform::Library& library, const char* name, Function*& function) {
  function = library.Find<Function>(name);
  return function != nullptr;
}

const Driver& TheDriver() {
  static const Driver driver = [] {
    Driver found;
    const platform::Library library(platform::kCudaDriver);
    if (!library) return found;
    found.complete = Find(library, "cuInit", found.init) && Find(library, "cuDeviceGet", found.device) &&
                     Find(library, "cuDevicePrimaryCtxRetain", found.retain) &&
                     Find(library, "cuDevicePrimaryCtxRelease_v2", found.release) &&
                     Find(library, "cuCtxPushCurrent_v2", found.push) &&
                     Find(library, "cuCtxPopCurrent_v2", found.pop) && Find(library, "cuMemGetInfo_v2", found.info) &&
                     found.init(0) == 0;
    return found;
  }();
  return driver;
}

}  // namespace

std::optional<DeviceFigures> DeviceMemory(const std::string& device) {
  if (device.rfind("cuda:", 0) != 0) return std::nullopt;
  const Driver& driver = TheDriver();
  if (!driver.complete) return std::nullopt;
  Device number = 0;
  void* context = nullptr;
  if (driver.device(&number, std::stoi(device.substr(5))) != 0 || driver.retain(&context, number) != 0)
    return std::nullopt;
  DeviceFigures figures{0, 0};
  bool known = false;
  if (driver.push(context) == 0) {
    known = driver.info(&figures.free_bytes, &figures.total_bytes) == 0;
    void* popped = nullptr;
    driver.pop(&popped);
  }
  driver.release(number);
  if (!known) return std::nullopt;
  return figures;
}

}  // namespace cobra
