// Slices of page-locked memory: what goes up to a device and comes down from it lies in them, so that the device copies
// by itself while it computes. On the CPU the same slices are plain aligned memory.
//
// Who owns what: a pool belongs to its device and allocates whole slabs, once. A `SlabLease` is owned by whoever took
// it; its end, on any thread, gives the slice back. Slabs are freed by `Trim` only.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace cobra {

class Device;
class SlabPool;

class SlabLease {
 public:
  SlabLease(SlabPool& pool, char* address, size_t bytes) : pool_(pool), address_(address), bytes_(bytes) {}
  ~SlabLease();
  SlabLease(const SlabLease&) = delete;
  SlabLease& operator=(const SlabLease&) = delete;
  char* address() const { return address_; }
  size_t bytes() const { return bytes_; }

 private:
  SlabPool& pool_;
  char* const address_;
  const size_t bytes_;
};

struct SlabFigures {
  size_t held_bytes = 0;    // of all slabs
  size_t leased_bytes = 0;  // of slices that are lent
  size_t leases = 0;
};

class SlabPool {
 public:
  explicit SlabPool(Device& device) : device_(device) {}
  ~SlabPool() = default;
  SlabPool(const SlabPool&) = delete;
  SlabPool& operator=(const SlabPool&) = delete;

  // A slice from the slabs there are, aligned to 256 bytes; null if none has room. Any thread: no call of the driver.
  std::unique_ptr<SlabLease> TryLease(size_t bytes);
  // A slice, from a new slab if there must be one. On a thread of the device. Throws as `Device::AllocatePinned`.
  std::unique_ptr<SlabLease> Lease(size_t bytes);
  // Frees slabs of which nothing is lent. On a thread of the device.
  void Trim();
  SlabFigures figures() const;

 private:
  friend class SlabLease;
  struct Slab {
    char* memory;
    size_t bytes;
    std::map<size_t, size_t> free;  // offset -> bytes; neighbours are joined
  };
  std::unique_ptr<SlabLease> Take(size_t bytes);
  void GiveBack(char* address, size_t bytes);

  Device& device_;
  mutable std::mutex mutex_;  // guards the fields below
  std::vector<Slab> slabs_;
  SlabFigures figures_;
};

}  // namespace cobra
