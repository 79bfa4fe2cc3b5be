// Maxima and minima over square windows. The number of passes over rows does not grow with the window (down) or grows
// with its logarithm (across). Each pass is a plain maximum of two rows, which compilers turn into 16 or 32 bytes per
// instruction.
#include <algorithm>
#include <cstring>
#include <vector>

#include "pixels/ink.h"

namespace cobra::pixels {
namespace {

template <bool kMax>
inline __attribute__((always_inline)) void Combine(uint8_t* into, const uint8_t* row, size_t count) {
  for (size_t i = 0; i < count; ++i) into[i] = kMax ? std::max(into[i], row[i]) : std::min(into[i], row[i]);
}
COBRA_CLONES void CombineMax(uint8_t* into, const uint8_t* row, size_t count) { Combine<true>(into, row, count); }
COBRA_CLONES void CombineMin(uint8_t* into, const uint8_t* row, size_t count) { Combine<false>(into, row, count); }

/// One row's values over `window` pixels to the right, by doubling: `row` holds width + window - 1 pixels, of which the
/// first `width` are the result; `spare` as many.
template <bool kMax>
uint8_t* SlideRow(uint8_t* row, uint8_t* spare, size_t width, size_t window) {
  for (size_t done = 1; done < window;) {
    const size_t shift = std::min(done, window - done), left = width + window - done - shift;
    std::memcpy(spare, row, left);
    kMax ? CombineMax(spare, row + shift, left) : CombineMin(spare, row + shift, left);
    std::swap(row, spare);
    done += shift;
  }
  return row;
}

template <bool kMax>
void Slide(const uint8_t* in, int width, int height, int radius, uint8_t* out) {
  const size_t w = static_cast<size_t>(width), window = 2 * static_cast<size_t>(radius) + 1;
  constexpr uint8_t kIdentity = kMax ? 0 : 255;
  const auto combine = [w](uint8_t* into, const uint8_t* row) {
    kMax ? CombineMax(into, row, w) : CombineMin(into, row, w);
  };
  // Rows are numbered from `radius` above the picture, so that output row y is of rows y to y + window - 1. They come
  // in blocks of a window (van Herk; Gil and Werman): such a window is the end of one block and the beginning of the
  // next. `ends` holds for each row of the block before the value from it to the block's end. A row is read `radius`
  // rows before it is written over, so `out` may be `in`.
  std::vector<uint8_t> a(w + window), b(a.size()), ends(w * window, kIdentity), block(ends.size()), begin(w);
  const auto across = [&](int row, uint8_t* target) {
    const int y = row - radius;
    if (y < 0 || y >= height) {
      std::memset(target, kIdentity, w);
      return;
    }
    std::memset(a.data(), kIdentity, radius);
    std::memcpy(a.data() + radius, in + y * w, w);
    std::memset(a.data() + radius + w, kIdentity, radius);
    std::memcpy(target, SlideRow<kMax>(a.data(), b.data(), w, window), w);
  };
  for (int first = 0; first - static_cast<int>(window) + 1 < height; first += static_cast<int>(window)) {
    std::memset(begin.data(), kIdentity, w);
    for (size_t j = 0; j < window; ++j) {
      uint8_t* row = block.data() + j * w;
      across(first + static_cast<int>(j), row);
      combine(begin.data(), row);
      const int y = first + static_cast<int>(j) - static_cast<int>(window) + 1;
      if (y < 0 || y >= height) continue;
      uint8_t* target = out + y * w;
      std::memcpy(target, begin.data(), w);
      if (j + 1 < window) combine(target, ends.data() + (j + 1) * w);
    }
    for (size_t j = window - 1; j > 0; --j) combine(block.data() + (j - 1) * w, block.data() + j * w);
    std::swap(ends, block);
  }
}

}  // namespace

void MaxFilter(const uint8_t* in, int width, int height, int radius, uint8_t* out) {
  Slide<true>(in, width, height, radius, out);
}
void MinFilter(const uint8_t* in, int width, int height, int radius, uint8_t* out) {
  Slide<false>(in, width, height, radius, out);
}

}  // namespace cobra::pixels
