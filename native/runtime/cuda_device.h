// NVIDIA GPUs through the CUDA runtime, which is loaded with the first call that needs it, on a thread of the device;
// nothing is linked. It is the same libcudart that ONNX Runtime's CUDA provider loads, so both work in the same
// context.
#pragma once
#include <memory>

#include "runtime/device.h"

namespace cobra {

// Its calls throw Fault ERR_PROVIDER_UNAVAILABLE if there is no usable CUDA runtime.
std::unique_ptr<Device> MakeCudaDevice(const DeviceId& id);

}  // namespace cobra
