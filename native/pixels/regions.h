// Types of a page's regions. See regions.cc for how a page is cut.
#pragma once
#include <cstdint>
#include <vector>

#include "pixels/kernels.h"

namespace cobra::pixels {

/// Where two regions meet that are kept apart: the middle of a gap in a line, and a pixel of each region beside it.
struct Opening {
  int32_t middle, one, other;
};

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
  /// At least one of each two regions that meet.
  std::vector<Opening> openings;
};

/// Cuts a page (RGB) into regions on a grid of `width` x `height`, at most the page's size.
Regions FindRegions(const View& page, int width, int height);

/// openings.cc: of every region the number of a group. Regions of one group are parted by a line that ends just before
/// another one.
std::vector<int32_t> GroupByOpenings(const Regions& regions);

/// Radius in pixels of a thing that is `share` of the page's side, at least 2.
int Radius(int width, int height, double share);
/// Gaps in lines of up to twice this radius are closed.
inline int ClosedRadius(int width, int height) { return Radius(width, height, 1.0 / 400.0); }

}  // namespace cobra::pixels
