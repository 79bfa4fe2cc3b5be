// Free and total memory of a device, from the device's own driver. Nothing is linked: the driver's library is looked up
// when a session uses the device, and if it is missing or too old there are no figures.
//
// Who owns what: the library stays loaded. The device's primary context is retained for the call only; it is the one
// that ONNX Runtime's CUDA provider uses, so no second one is made.
#pragma once
#include <cstddef>
#include <optional>
#include <string>

namespace cobra {

struct DeviceFigures {
  size_t free_bytes;
  size_t total_bytes;
};

// Of "cuda:N"; nothing for any other device.
std::optional<DeviceFigures> DeviceMemory(const std::string& device);

}  // namespace cobra
