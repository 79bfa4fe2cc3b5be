// Devices: where tensors live and networks run. A device is a value with a kind and a number; what differs between the
// kinds stands behind one interface.
//
// Who owns what: devices live as long as the process, so that a lost one stays lost. Memory belongs to the caller of
// `Allocate` and `AllocatePinned` until it is given back to the same device. Unless said otherwise, calls are made on
// threads of executors, never on a JS thread: a driver may take its time.
#pragma once
#include <atomic>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "runtime/ort.h"
#include "runtime/slabs.h"
#include "runtime/status.h"

namespace cobra {

enum class DeviceKind { kCpu, kCuda, kWebGpu };

struct DeviceId {
  DeviceKind kind = DeviceKind::kCpu;
  int index = 0;
  auto operator<=>(const DeviceId&) const = default;  // NOLINT(modernize-use-nullptr): clang-tidy's own fault
};

// "cpu", "cpu:1", "cuda:0", "webgpu:0".
std::string NameOf(const DeviceId& id);
// "cpu", "cuda", "webgpu".
const char* NameOf(DeviceKind kind);
// Of a name as above; throws Fault ERR_ARGUMENT.
DeviceId ReadDeviceId(const std::string& name);

struct MemoryFigures {
  size_t free_bytes = 0;
  size_t total_bytes = 0;
};

// What a device does at the moment; absent figures are not to be had.
struct LoadFigures {
  std::optional<double> busy_share;     // 0..1, over the driver's last sample period
  std::optional<double> power_watts;    // drawn
  std::optional<double> temperature_c;  // of the chip
};

// One side of a copy. `value` is over the same bytes, for devices whose memory has no addresses.
struct CopySide {
  void* address = nullptr;
  bool on_host = true;
  Ort::Value* value = nullptr;
};

class Device {
 public:
  // The one of this process.
  static Device& Of(const DeviceId& id);
  virtual ~Device() = default;
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const DeviceId id;
  const std::string name;
  // Whether its memory is host memory.
  bool on_host() const { return id.kind == DeviceKind::kCpu; }
  // Whether its memory has addresses; where not, memory comes from a session's allocator.
  virtual bool addressable() const { return true; }
  // Whether copies may be made by another thread while the device computes.
  virtual bool copies_beside_runs() const { return false; }
  // Whether the device has less memory than the host because a test says so.
  virtual bool is_limited() const { return false; }
  // Before each run. How long a simulated device waits instead of computing, in milliseconds; throws the Ort::Exception
  // that a simulation wants.
  virtual std::optional<double> BeginRun() { return std::nullopt; }
  // What ONNX Runtime calls its memory; only after the library was loaded. Any thread.
  virtual const OrtMemoryInfo* place() const = 0;
  // What ONNX Runtime calls it in the run option that shrinks arenas; empty if it has none. Any thread.
  virtual std::string arena_name() const { return ""; }

  // Memory of the device, aligned to 256 bytes, contents undefined. Throws Fault ERR_OUT_OF_MEMORY or another.
  virtual void* Allocate(size_t bytes) = 0;
  virtual void Free(void* memory, size_t bytes) noexcept = 0;
  // Host memory that the device reads and writes by itself. Throws as above.
  virtual void* AllocatePinned(size_t bytes) = 0;
  virtual void FreePinned(void* memory, size_t bytes) noexcept = 0;
  // Begins a copy beside the device's computing, and waits for all copies that were begun.
  virtual void Copy(const CopySide& from, const CopySide& to, size_t bytes) = 0;
  virtual void WaitForCopies() = 0;
  // Reads the driver's figures.
  virtual std::optional<MemoryFigures> ReadMemory() = 0;
  virtual LoadFigures ReadLoad() { return {}; }

  // The figures as they were last read; none before that. Any thread.
  virtual std::optional<MemoryFigures> memory() const;
  // Reads them if the last ones are older than a moment.
  void RefreshMemory();

  // After an error from which the device does not recover: every later call fails at once with that error. Any thread.
  void MarkLost(const Fault& why);
  void ThrowIfLost() const;

  // Page-locked memory that is lent in slices.
  SlabPool& slabs() { return slabs_; }

  // How long jobs have computed (or waited instead) on the device. Any thread.
  std::atomic<uint64_t> busy_ns{0};
  // What runs and copies have moved between the host and the device's own memory. Any thread.
  std::atomic<uint64_t> bytes_to_device{0};
  std::atomic<uint64_t> bytes_from_device{0};
  // Of memory from `Allocate` that is not given back.
  std::atomic<size_t> allocated_bytes{0};
  std::atomic<int> sessions{0};

 protected:
  explicit Device(const DeviceId& device_id) : id(device_id), name(NameOf(device_id)), slabs_(*this) {}
  // Takes a loss back; for simulations.
  void Revive();

 private:
  SlabPool slabs_;
  mutable std::mutex mutex_;  // guards the fields below
  std::optional<MemoryFigures> memory_;
  int64_t read_at_ms_ = 0;
  std::optional<Fault> lost_;
};

// Counts the time until its end as the device's.
class BusyTime {
 public:
  explicit BusyTime(Device& device);
  ~BusyTime();
  BusyTime(const BusyTime&) = delete;
  BusyTime& operator=(const BusyTime&) = delete;

 private:
  Device& device_;
  const int64_t since_ns_;
};

}  // namespace cobra
