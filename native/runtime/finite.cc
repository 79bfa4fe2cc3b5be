// Checks for NaN and infinity: all bits of the exponent are set.
#include "runtime/finite.h"

#include <algorithm>
#include <cstdint>

#include "pixels/kernels.h"

namespace cobra {

namespace {

constexpr size_t kBlock = 4096;  // values between two checks

// Shifted left, the bits lose the sign, and values that are not finite become the largest numbers: the maximum of a
// block decides for all of it.
template <typename Bits>
inline __attribute__((always_inline)) bool AllBelow(const Bits* bits, size_t count, Bits limit) {
  for (size_t start = 0; start < count; start += kBlock) {
    const size_t end = std::min(count, start + kBlock);
    Bits most = 0;
    for (size_t i = start; i < end; ++i) most = std::max(most, static_cast<Bits>(bits[i] << 1));
    if (most >= limit) return false;
  }
  return true;
}

COBRA_CLONES bool AllBelow32(const uint32_t* bits, size_t count) {
  return AllBelow<uint32_t>(bits, count, 0xff000000u);
}
COBRA_CLONES bool AllBelow16(const uint16_t* bits, size_t count) { return AllBelow<uint16_t>(bits, count, 0xf800u); }

}  // namespace

bool AllFinite32(const void* values, size_t count) { return AllBelow32(static_cast<const uint32_t*>(values), count); }
bool AllFinite16(const void* values, size_t count) { return AllBelow16(static_cast<const uint16_t*>(values), count); }

}  // namespace cobra
