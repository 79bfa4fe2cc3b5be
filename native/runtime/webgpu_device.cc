// WebGPU behind the interface of devices.
#include "runtime/webgpu_device.h"

#include <cstdlib>

#include "runtime/runtime.h"

namespace cobra {

namespace {

constexpr size_t kAlignment = 256;

class WebGpuDevice final : public Device {
 public:
  explicit WebGpuDevice(const DeviceId& device_id) : Device(device_id) {}

  bool addressable() const override { return false; }
  bool copies_beside_runs() const override { return false; }
  const OrtMemoryInfo* place() const override {
    static const auto* info = new Ort::MemoryInfo("WebGPU_Buf", OrtDeviceAllocator, 0, OrtMemTypeDefault);
    return *info;
  }

  void* Allocate(size_t) override {
    throw Fault("ERR_TENSOR_DEVICE", "memory on " + name + " belongs to a session; allocate it with one");
  }
  void Free(void*, size_t) noexcept override {}
  // The driver copies through buffers of its own; any host memory does.
  void* AllocatePinned(size_t bytes) override {
    void* memory = std::aligned_alloc(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment);
    if (!memory) throw std::bad_alloc();
    return memory;
  }
  void FreePinned(void* memory, size_t) noexcept override { std::free(memory); }
  void Copy(const CopySide& from, const CopySide& to, size_t) override {
    const auto runtime = Runtime::Loaded();
    if (!runtime || !from.value || !to.value) throw Fault("ERR_STATE", "ONNX Runtime is not loaded yet");
    const Ort::Status status = runtime->env().CopyTensor(*from.value, *to.value, nullptr);
    if (!status.IsOK()) throw Ort::Exception(status.GetErrorMessage(), status.GetErrorCode());
  }
  void WaitForCopies() override {}
  std::optional<MemoryFigures> ReadMemory() override { return std::nullopt; }
};

}  // namespace

std::unique_ptr<Device> MakeWebGpuDevice(const DeviceId& id) { return std::make_unique<WebGpuDevice>(id); }

}  // namespace cobra
