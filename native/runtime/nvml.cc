// NVML, loaded when first asked for. CUDA and NVML number GPUs differently, so a GPU is found by its PCI bus.
#include "runtime/nvml.h"

#include <array>

#include "platform/platform.h"

namespace cobra {

namespace {

using NvmlDevice = void*;
constexpr unsigned kGpuTemperature = 0;

struct Utilization {
  unsigned gpu;  // percent
  unsigned memory;
};

struct Nvml {
  int (*init)() = nullptr;
  int (*by_bus)(const char*, NvmlDevice*) = nullptr;
  int (*utilization)(NvmlDevice, Utilization*) = nullptr;
  int (*power)(NvmlDevice, unsigned*) = nullptr;  // milliwatts
  int (*temperature)(NvmlDevice, unsigned, unsigned*) = nullptr;
  int (*bus_of)(char*, int, int) = nullptr;  // CUDA's
  bool works = false;
};

const Nvml& TheNvml() {
  static const Nvml nvml = [] {
    Nvml found;
    const platform::Library library(platform::kNvml);
    const platform::Library cuda(platform::kCudaRuntime);
    if (!library || !cuda) return found;
    found.init = library.Find<int()>("nvmlInit_v2");
    found.by_bus = library.Find<int(const char*, NvmlDevice*)>("nvmlDeviceGetHandleByPciBusId_v2");
    found.utilization = library.Find<int(NvmlDevice, Utilization*)>("nvmlDeviceGetUtilizationRates");
    found.power = library.Find<int(NvmlDevice, unsigned*)>("nvmlDeviceGetPowerUsage");
    found.temperature = library.Find<int(NvmlDevice, unsigned, unsigned*)>("nvmlDeviceGetTemperature");
    found.bus_of = cuda.Find<int(char*, int, int)>("cudaDeviceGetPCIBusId");
    found.works = found.init && found.by_bus && found.bus_of && found.init() == 0;
    return found;
  }();
  return nvml;
}

}  // namespace

LoadFigures ReadNvml(int cuda_index) {
  const Nvml& nvml = TheNvml();
  LoadFigures figures;
  std::array<char, 32> bus{};
  NvmlDevice device = nullptr;
  if (!nvml.works || nvml.bus_of(bus.data(), static_cast<int>(bus.size()), cuda_index) != 0 ||
      nvml.by_bus(bus.data(), &device) != 0) {
    return figures;
  }
  Utilization busy{};
  if (nvml.utilization && nvml.utilization(device, &busy) == 0) figures.busy_share = busy.gpu / 100.0;
  unsigned milliwatts = 0;
  if (nvml.power && nvml.power(device, &milliwatts) == 0) figures.power_watts = milliwatts / 1000.0;
  unsigned celsius = 0;
  if (nvml.temperature && nvml.temperature(device, kGpuTemperature, &celsius) == 0) figures.temperature_c = celsius;
  return figures;
}

}  // namespace cobra
