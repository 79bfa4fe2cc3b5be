// A page's tone and shade, some rows at a time, so that a page of 100 megapixels needs no planes of its own size beside it.
#include <algorithm>
#include <cstring>

#include "pixels_ink.h"

namespace cobra::pixels {

ToneBands::ToneBands(const View& page, const Paper& paper, int radius, int rows) : page_(page), paper_(paper), radius_(radius), rows_(rows) {}

bool ToneBands::Next() {
  if (last_ == page_.height) return false;
  const size_t w = static_cast<size_t>(page_.width);
  first_ = last_;
  last_ = std::min(page_.height, first_ + rows_);
  const int low = std::max(0, first_ - 2 * radius_), high = std::min(page_.height, last_ + 2 * radius_);
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
  MaxFilter(tone_.data(), page_.width, high - low, radius_, shade_.data());
  MinFilter(shade_.data(), page_.width, high - low, radius_, shade_.data());
  return true;
}

}  // namespace cobra::pixels
