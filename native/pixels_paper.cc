// What a page is drawn on: its colour, found from the histogram, and the page's tone relative to it.
#include <algorithm>
#include <cstdlib>

#include "pixels_ink.h"

namespace cobra::pixels {

Paper FindPaper(const uint8_t* page, const uint8_t* luma, size_t count) {
  uint64_t histogram[256], around[256];
  Histogram(luma, count, histogram);
  const auto sum = [&](int value) {
    uint64_t total = 0;
    for (int v = std::max(0, value - 3); v <= std::min(255, value + 3); ++v) total += histogram[v];
    return total;
  };
  for (int v = 0; v < 256; ++v) around[v] = sum(v);
  int paper = 255;
  for (int v = 255; v >= 96; --v) {
    if (around[v] * 200 < count * 3) continue;
    const int low = std::max(0, v - 6);
    if (*std::max_element(around + low, around + v + 1) > around[v]) continue;
    // The peak of the smoothed counts may be flat; the fullest value in its window is meant.
    paper = v;
    for (int other = std::max(0, v - 3); other <= std::min(255, v + 3); ++other) {
      if (histogram[other] > histogram[paper]) paper = other;
    }
    break;
  }
  uint64_t sums[3] = {0, 0, 0}, found = 0;
  for (size_t i = 0; i < count; ++i) {
    if (std::abs(luma[i] - paper) > 3) continue;
    for (int c = 0; c < 3; ++c) sums[c] += page[3 * i + c];
    ++found;
  }
  Paper result{{255, 255, 255}, static_cast<uint8_t>(paper)};
  for (int c = 0; c < 3 && found > 0; ++c) result.color[c] = static_cast<uint8_t>(std::max<uint64_t>((sums[c] + found / 2) / found, 96));
  return result;
}

void RelateToPaper(const Paper& paper, uint8_t* luma, size_t count) {
  uint8_t relative[256];
  for (int v = 0; v < 256; ++v) relative[v] = static_cast<uint8_t>(std::min(255, (v * 255 + paper.luma / 2) / paper.luma));
  for (size_t i = 0; i < count; ++i) luma[i] = relative[luma[i]];
}

}  // namespace cobra::pixels
