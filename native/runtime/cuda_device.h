// NVIDIA GPUs through the CUDA runtime, which is loaded when the first one is asked for; nothing is linked. It is the
// same libcudart that ONNX Runtime's CUDA provider loads, so both work in the same context.
#pragma once
#include <memory>

#include "runtime/device.h"

namespace cobra {

// Throws Fault ERR_PROVIDER_UNAVAILABLE if there is no usable CUDA runtime.
std::unique_ptr<Device> MakeCudaDevice(const DeviceId& id);

}  // namespace cobra
