// Types of a page's regions. See regions.cc for how a page is cut.
#pragma once
#include <cstdint>
#include <vector>

#include "pixels/kernels.h"

namespace cobra::pixels {

/// A page cut into regions that its ink bounds.
struct Regions {
  int width = 0;
  int height = 0;
  /// Of every pixel the number of its region. Ink has that of the nearest region, up to the middle of a line; -1
  /// further in.
  std::vector<int32_t> label;
  /// 1 on ink.
  std::vector<uint8_t> ink;
  /// Pixels of each region, without ink.
  std::vector<uint32_t> area;
};

/// Cuts a page (RGB) into regions on a grid of `width` x `height`, at most the page's size.
Regions FindRegions(const View& page, int width, int height);

}  // namespace cobra::pixels
