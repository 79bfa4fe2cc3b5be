// A page's paper: its colour, found from the histogram, and the page's tone relative to it; row by row, so that a
// large page needs no second copy in memory.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "pixels/ink.h"

namespace cobra::pixels {

void GrayRow(const View& page, int y, uint8_t* out) {
  const uint8_t* row = page.data + static_cast<size_t>(y) * page.width * page.channels;
  if (page.channels == 1)
    std::memcpy(out, row, page.width);
  else
    ToGray(row, page.width, out);
}

const uint8_t* RgbRow(const View& page, int y, uint8_t* scratch) {
  const uint8_t* row = page.data + static_cast<size_t>(y) * page.width * page.channels;
  if (page.channels == 3) return row;
  ChangeChannels(row, page.width, 1, 3, scratch);
  return scratch;
}

namespace {

/// What dither may span on a page with these counts of greys, as a part of the paper's (255): one and a half of the
/// widest steps from grey to grey. 0 where there are too many greys for it, or so few that they are lines and areas of
/// one grey.
uint8_t DitherOf(const uint64_t* histogram, int paper) {
  constexpr int kFewest = 5, kMost = 32, kWidest = 64;
  int greys = 0, widest = 0, last = -1;
  for (int v = 0; v < 256; ++v) {
    if (histogram[v] == 0) continue;
    if (last >= 0) widest = std::max(widest, v - last);
    last = v;
    ++greys;
  }
  return greys < kFewest || greys > kMost || widest > kWidest
             ? 0
             : static_cast<uint8_t>(std::min(widest * 3 * 255 / (2 * paper), 96));
}

/// The mean colour of the pixels whose luma is the paper's or nearly so.
void MeanOfPaper(const View& page, const uint64_t* histogram, Paper& paper) {
  constexpr int kNear = 3;
  uint64_t sums[3] = {0, 0, 0}, found = 0;
  if (page.channels == 1) {
    for (int v = std::max(0, paper.luma - kNear); v <= std::min(255, paper.luma + kNear); ++v)
      sums[0] += v * histogram[v], found += histogram[v];
    sums[1] = sums[2] = sums[0];
  } else {
    std::vector<uint8_t> luma(page.width);
    for (int y = 0; y < page.height; ++y) {
      GrayRow(page, y, luma.data());
      const uint8_t* row = page.data + static_cast<size_t>(y) * page.width * 3;
      for (int x = 0; x < page.width; ++x) {
        if (std::abs(luma[x] - paper.luma) > kNear) continue;
        for (int c = 0; c < 3; ++c) sums[c] += row[3 * x + c];
        ++found;
      }
    }
  }
  for (int c = 0; c < 3 && found > 0; ++c)
    paper.color[c] = static_cast<uint8_t>(std::max<uint64_t>((sums[c] + found / 2) / found, 96));
}

}  // namespace

Paper FindPaper(const View& page) {
  const size_t count = page.pixels();
  uint64_t histogram[256] = {}, around[256];
  // Some rows at a time: a histogram of its own costs as much as a row.
  const int rows = page.channels == 1 ? page.height : std::max(1, (1 << 16) / page.width);
  std::vector<uint8_t> luma(page.channels == 1 ? 0 : static_cast<size_t>(rows) * page.width);
  for (int y = 0; y < page.height; y += rows) {
    const size_t pixels = static_cast<size_t>(std::min(rows, page.height - y)) * page.width;
    const uint8_t* gray = page.data;
    if (page.channels != 1)
      ToGray(page.data + static_cast<size_t>(y) * page.width * 3, pixels, luma.data()), gray = luma.data();
    uint64_t part[256];
    Histogram(gray, pixels, part);
    for (int v = 0; v < 256; ++v) histogram[v] += part[v];
  }
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
  Paper result{{255, 255, 255}, static_cast<uint8_t>(paper), DitherOf(histogram, paper), {}};
  MeanOfPaper(page, histogram, result);
  for (int v = 0; v < 256; ++v) result.relative[v] = static_cast<uint8_t>(std::min(255, (v * 255 + paper / 2) / paper));
  return result;
}

void RelateToPaper(const Paper& paper, uint8_t* luma, size_t count) {
  for (size_t i = 0; i < count; ++i) luma[i] = paper.relative[luma[i]];
}

}  // namespace cobra::pixels
