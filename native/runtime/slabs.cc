// First fit in slabs of 32 MiB, or of one larger slice.
#include "runtime/slabs.h"

#include <algorithm>
#include <iterator>

#include "runtime/device.h"
#include "runtime/runtime.h"

namespace cobra {

namespace {

constexpr size_t kAlignment = 256;
constexpr size_t kSlabBytes = size_t{32} << 20;

size_t Rounded(size_t bytes) { return std::max(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment); }

}  // namespace

SlabLease::~SlabLease() { pool_.GiveBack(address_, bytes_); }

// Under the lock.
std::unique_ptr<SlabLease> SlabPool::Take(size_t bytes) {
  for (Slab& slab : slabs_) {
    for (auto gap = slab.free.begin(); gap != slab.free.end(); ++gap) {
      if (gap->second < bytes) continue;
      const auto [offset, room] = *gap;
      auto lease = std::make_unique<SlabLease>(*this, slab.memory + offset, bytes);
      slab.free.erase(gap);
      if (room > bytes) slab.free.emplace(offset + bytes, room - bytes);
      figures_.leased_bytes += bytes;
      ++figures_.leases;
      ++Live().leases;
      return lease;
    }
  }
  return nullptr;
}

std::unique_ptr<SlabLease> SlabPool::TryLease(size_t bytes) {
  const std::lock_guard lock(mutex_);
  return Take(Rounded(bytes));
}

std::unique_ptr<SlabLease> SlabPool::Lease(size_t bytes) {
  const size_t wanted = Rounded(bytes);
  {
    const std::lock_guard lock(mutex_);
    if (auto lease = Take(wanted)) return lease;
  }
  const size_t size = std::max(kSlabBytes, wanted);
  auto* const memory = static_cast<char*>(device_.AllocatePinned(size));
  const std::lock_guard lock(mutex_);
  slabs_.push_back({memory, size, {{0, size}}});
  figures_.held_bytes += size;
  return Take(wanted);
}

void SlabPool::GiveBack(char* address, size_t bytes) {
  const std::lock_guard lock(mutex_);
  const auto slab = std::find_if(slabs_.begin(), slabs_.end(), [&](const Slab& one) {
    return address >= one.memory && address < one.memory + one.bytes;
  });
  auto [here, fresh] = slab->free.emplace(static_cast<size_t>(address - slab->memory), bytes);
  const auto next = std::next(here);
  if (next != slab->free.end() && here->first + here->second == next->first) {
    here->second += next->second;
    slab->free.erase(next);
  }
  if (here != slab->free.begin()) {
    const auto before = std::prev(here);
    if (before->first + before->second == here->first) {
      before->second += here->second;
      slab->free.erase(here);
    }
  }
  figures_.leased_bytes -= bytes;
  --figures_.leases;
  --Live().leases;
}

void SlabPool::Trim() {
  std::vector<Slab> unused;
  {
    const std::lock_guard lock(mutex_);
    const auto idle = [](const Slab& slab) { return slab.free.size() == 1 && slab.free.begin()->second == slab.bytes; };
    for (auto slab = slabs_.begin(); slab != slabs_.end();) {
      if (!idle(*slab)) {
        ++slab;
        continue;
      }
      figures_.held_bytes -= slab->bytes;
      unused.push_back(std::move(*slab));
      slab = slabs_.erase(slab);
    }
  }
  for (const Slab& slab : unused) device_.FreePinned(slab.memory, slab.bytes);
}

SlabFigures SlabPool::figures() const {
  const std::lock_guard lock(mutex_);
  return figures_;
}

}  // namespace cobra
