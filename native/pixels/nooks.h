// Finds the small places of a region that have a colour of their own. See nooks.cc for how they are recognised.
#pragma once
#include <cstdint>
#include <vector>

#include "pixels/regions.h"

namespace cobra::pixels {

/// 1 on every pixel that keeps the model's colour instead of its region's flat. `flats`: of each region 0xRRGGBB, -1
/// without one; `model`: the model's RGB on the regions' grid.
std::vector<uint8_t> FindNooks(const Regions& regions, const std::vector<int32_t>& flats, const uint8_t* model);

}  // namespace cobra::pixels
