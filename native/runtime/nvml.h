// Figures of NVIDIA's management library, which the driver brings: busy share, power, temperature.
#pragma once
#include "runtime/device.h"

namespace cobra {

// Of the GPU that CUDA numbers so. Empty where the library or the GPU is not to be had. On threads of devices.
LoadFigures ReadNvml(int cuda_index);

}  // namespace cobra
