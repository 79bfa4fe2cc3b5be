// Greatest and least values of square windows. Both passes are plain maxima over shifted rows, which compilers turn into 16 or 32
// bytes an instruction: for the radii in use (below 20) nothing cleverer is faster.
#include <algorithm>
#include <cstring>
#include <vector>

#include "pixels_ink.h"

namespace cobra::pixels {
namespace {

template <bool kMax>
inline __attribute__((always_inline)) void Combine(uint8_t* into, const uint8_t* row, size_t count) {
  for (size_t i = 0; i < count; ++i) into[i] = kMax ? std::max(into[i], row[i]) : std::min(into[i], row[i]);
}
COBRA_CLONES void CombineMax(uint8_t* into, const uint8_t* row, size_t count) { Combine<true>(into, row, count); }
COBRA_CLONES void CombineMin(uint8_t* into, const uint8_t* row, size_t count) { Combine<false>(into, row, count); }

template <bool kMax>
void Slide(const uint8_t* in, int width, int height, int radius, uint8_t* out) {
  const size_t w = static_cast<size_t>(width);
  constexpr uint8_t kIdentity = kMax ? 0 : 255;
  const auto combine = [w](uint8_t* into, const uint8_t* row) { kMax ? CombineMax(into, row, w) : CombineMin(into, row, w); };
  // Rows after the horizontal pass, as many as one output row needs, so that `out` may be `in`.
  const int kept = std::min(2 * radius + 1, height);
  std::vector<uint8_t> ring(w * kept), padded(w + 2 * static_cast<size_t>(radius), kIdentity);
  int next = 0;
  for (int y = 0; y < height; ++y) {
    for (; next < height && next <= y + radius; ++next) {
      std::memcpy(padded.data() + radius, in + next * w, w);
      uint8_t* row = ring.data() + (next % kept) * w;
      std::memcpy(row, padded.data(), w);
      for (int shift = 1; shift <= 2 * radius; ++shift) combine(row, padded.data() + shift);
    }
    uint8_t* target = out + y * w;
    const int first = std::max(0, y - radius), last = std::min(height - 1, y + radius);
    std::memcpy(target, ring.data() + (first % kept) * w, w);
    for (int other = first + 1; other <= last; ++other) combine(target, ring.data() + (other % kept) * w);
  }
}

}  // namespace

void MaxFilter(const uint8_t* in, int width, int height, int radius, uint8_t* out) { Slide<true>(in, width, height, radius, out); }
void MinFilter(const uint8_t* in, int width, int height, int radius, uint8_t* out) { Slide<false>(in, width, height, radius, out); }

}  // namespace cobra::pixels
