// Finds the regions of a page that are lettered. See lettering.cc for how that is recognised.
#pragma once
#include <cstdint>
#include <vector>

#include "pixels/regions.h"

namespace cobra::pixels {

/// Of each region the largest region of the lettered place that most of it lies in (a balloon's region itself, what
/// letters enclose); -1 for one that is not lettered.
std::vector<int32_t> FindLettering(const Regions& regions);

}  // namespace cobra::pixels
