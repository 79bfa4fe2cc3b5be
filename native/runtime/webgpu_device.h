// WebGPU devices: their memory has no addresses and comes from ONNX Runtime, which copies too.
#pragma once
#include <memory>

#include "runtime/device.h"

namespace cobra {

std::unique_ptr<Device> MakeWebGpuDevice(const DeviceId& id);

}  // namespace cobra
