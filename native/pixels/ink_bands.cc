// A page's tone and shade, a few rows at a time, so that a page of 100 megapixels needs no further planes of its own
// size.
#include <algorithm>
#include <cstring>

#include "pixels/ink.h"

namespace cobra::pixels {

ToneBands::ToneBands(const View& page, const Paper& paper, int radius, int rows)
    : page_(page),
      paper_(paper),
      radius_(radius),
      rows_(rows),
      reach_(2 * radius + (paper.dither > 0 ? kEvenReach : 0)) {}

bool ToneBands::Next() {
  if (last_ == page_.height) return false;
  const size_t w = static_cast<size_t>(page_.width);
  first_ = last_;
  last_ = std::min(page_.height, first_ + rows_);
  const int low = std::max(0, first_ - reach_), high = std::min(page_.height, last_ + reach_);
  const int kept = high_ - low;  // rows that are known already
  if (kept > 0) std::memmove(tone_.data(), tone_.data() + (low - low_) * w, kept * w);
  tone_.resize((high - low) * w);
  for (int y = std::max(low, high_); y < high; ++y) {
    uint8_t* row = tone_.data() + (y - low) * w;
    GrayRow(page_, y, row);
    RelateToPaper(paper_, row, w);
  }
  low_ = low;
  high_ = high;
  shade_.resize(tone_.size());
  if (paper_.dither > 0) EvenOut(tone_.data(), page_.width, high - low, paper_.dither, shade_.data());
  MaxFilter(paper_.dither > 0 ? shade_.data() : tone_.data(), page_.width, high - low, radius_, shade_.data());
  MinFilter(shade_.data(), page_.width, high - low, radius_, shade_.data());
  return true;
}

void EvenOut(const uint8_t* in, int width, int height, uint8_t dither, uint8_t* out) {
  const size_t w = static_cast<size_t>(width), count = w * height;
  std::vector<uint8_t> most(count), least(count);
  MaxFilter(in, width, height, kEvenReach, most.data());
  MinFilter(in, width, height, kEvenReach, least.data());
  std::vector<uint32_t> columns(w, 0);  // sums of the rows around the present one
  const auto add = [&](int y, uint32_t sign) {
    for (size_t x = 0; x < w; ++x) columns[x] += sign * in[y * w + x];
  };
  for (int y = 0; y < std::min(kEvenReach, height); ++y) add(y, 1u);
  for (int y = 0; y < height; ++y) {
    if (y + kEvenReach < height) add(y + kEvenReach, 1u);
    if (y - kEvenReach > 0) add(y - kEvenReach - 1, ~0u);
    const uint32_t rows = std::min(y + kEvenReach, height - 1) - std::max(y - kEvenReach, 0) + 1;
    for (int x = 0; x < width; ++x) {
      const size_t at = y * w + x;
      if (most[at] - least[at] > dither) {
        out[at] = in[at];
        continue;
      }
      const int left = std::max(x - kEvenReach, 0), right = std::min(x + kEvenReach, width - 1);
      uint32_t sum = 0;
      for (int i = left; i <= right; ++i) sum += columns[i];
      const uint32_t all = rows * (right - left + 1);
      out[at] = static_cast<uint8_t>((sum + all / 2) / all);
    }
  }
}

}  // namespace cobra::pixels
