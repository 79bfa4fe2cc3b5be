// CPU devices: lanes on the host's memory and cores, "cpu", "cpu:1" and so on.
#pragma once
#include <memory>

#include "runtime/device.h"
#include "runtime/simulation.h"

namespace cobra {

std::unique_ptr<Device> MakeCpuDevice(const DeviceId& id);

// Makes a CPU device a simulated one, or a plain one again. Throws Fault ERR_ARGUMENT for another kind of device.
void Simulate(Device& device, const Simulation& simulation);

// ONNX Runtime's allocator of simulated devices with a limit: sessions that use it are counted against the device of
// the thread that allocates. Never freed.
OrtAllocator* CountingAllocator();

}  // namespace cobra
