// The devices of the process, and what all kinds have in common.
#include "runtime/device.h"

#include <chrono>
#include <map>

#include "runtime/cpu_device.h"
#include "runtime/cuda_device.h"
#include "runtime/webgpu_device.h"

namespace cobra {

namespace {

struct KindRow {
  DeviceKind kind;
  const char* name;
  std::unique_ptr<Device> (*make)(const DeviceId&);
};
constexpr KindRow kKinds[] = {
    {DeviceKind::kCpu, "cpu", MakeCpuDevice},
    {DeviceKind::kCuda, "cuda", MakeCudaDevice},
    {DeviceKind::kWebGpu, "webgpu", MakeWebGpuDevice},
};

const KindRow& RowOf(DeviceKind kind) {
  for (const KindRow& row : kKinds) {
    if (row.kind == kind) return row;
  }
  throw Fault("ERR_INTERNAL", "a device of unknown kind");
}

constexpr int64_t kMomentMs = 100;  // figures younger than this are not read again

int64_t NowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

const char* NameOf(DeviceKind kind) { return RowOf(kind).name; }

std::string NameOf(const DeviceId& id) {
  const std::string kind = NameOf(id.kind);
  return id.kind == DeviceKind::kCpu && id.index == 0 ? kind : kind + ":" + std::to_string(id.index);
}

DeviceId ReadDeviceId(const std::string& name) {
  const size_t colon = name.find(':');
  const std::string kind = name.substr(0, colon);
  const std::string number = colon == std::string::npos ? "0" : name.substr(colon + 1);
  const bool is_number = !number.empty() && number.size() <= 4 && number.find_first_not_of("0123456789") == number.npos;
  for (const KindRow& row : kKinds) {
    if (is_number && kind == row.name) return {row.kind, std::stoi(number)};
  }
  throw Fault("ERR_ARGUMENT", "\"" + name + "\" names no device; devices are cpu, cpu:1, cuda:0, webgpu:0 and so on");
}

Device& Device::Of(const DeviceId& id) {
  // Never destroyed: threads may still look at it while the process exits.
  static auto* mutex = new std::mutex;
  static auto* devices = new std::map<DeviceId, std::unique_ptr<Device>>;
  const std::lock_guard lock(*mutex);
  auto& known = (*devices)[id];
  if (!known) known = RowOf(id.kind).make(id);
  return *known;
}

std::optional<MemoryFigures> Device::memory() const {
  const std::lock_guard lock(mutex_);
  return memory_;
}

void Device::RefreshMemory() {
  const int64_t now_ms = NowNs() / 1'000'000;
  {
    const std::lock_guard lock(mutex_);
    if (lost_ || (memory_ && now_ms - read_at_ms_ < kMomentMs)) return;
  }
  const auto figures = ReadMemory();
  const std::lock_guard lock(mutex_);
  memory_ = figures;
  read_at_ms_ = now_ms;
}

void Device::MarkLost(const Fault& why) {
  const std::lock_guard lock(mutex_);
  if (!lost_) lost_ = why;
}

void Device::ThrowIfLost() const {
  const std::lock_guard lock(mutex_);
  if (lost_) throw Fault(*lost_);
}

void Device::Revive() {
  const std::lock_guard lock(mutex_);
  lost_.reset();
  memory_.reset();
}

BusyTime::BusyTime(Device& device) : device_(device), since_ns_(NowNs()) {}
BusyTime::~BusyTime() { device_.busy_ns += static_cast<uint64_t>(NowNs() - since_ns_); }

}  // namespace cobra
