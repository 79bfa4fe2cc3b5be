// The number of Canny edges as OpenCV gives them (imgproc/canny.cpp): 3x3 Sobel with replicated borders, L1 gradient,
// non-maximum suppression in four sectors with the tangents of 22.5 and 67.5 degrees in 15-bit fixed point, magnitudes
// outside the picture are 0, hysteresis over 8 neighbours.
#include <algorithm>
#include <cstring>
#include <vector>

#include "pixels/kernels.h"

namespace cobra::pixels {
namespace {

enum State : uint8_t { kMaybe = 0, kNot = 1, kEdge = 2 };

/// Gradients and magnitudes of one row; all fit 16 bits (a magnitude is at most 2040). `vsum`, `vdif` have one column
/// more on each side; so has `mag`, zero there.
COBRA_CLONES void GradientRow(const uint8_t* above, const uint8_t* here, const uint8_t* below, int width,
                              int16_t* __restrict vsum, int16_t* __restrict vdif, int16_t* __restrict dx,
                              int16_t* __restrict dy, int16_t* __restrict mag) {
  for (int x = 0; x < width; ++x) {
    vsum[x + 1] = static_cast<int16_t>(above[x] + 2 * here[x] + below[x]);
    vdif[x + 1] = static_cast<int16_t>(below[x] - above[x]);
  }
  vsum[0] = vsum[1];
  vdif[0] = vdif[1];
  vsum[width + 1] = vsum[width];
  vdif[width + 1] = vdif[width];
  for (int x = 0; x < width; ++x) {
    const int16_t gx = static_cast<int16_t>(vsum[x + 2] - vsum[x]);
    const int16_t gy = static_cast<int16_t>(vdif[x] + 2 * vdif[x + 1] + vdif[x + 2]);
    dx[x] = gx;
    dy[x] = gy;
    mag[x + 1] = static_cast<int16_t>((gx < 0 ? -gx : gx) + (gy < 0 ? -gy : gy));
  }
}

inline int16_t Mask(bool condition) { return static_cast<int16_t>(-static_cast<int>(condition)); }
inline int16_t Select(int16_t mask, int16_t yes, int16_t no) {
  return static_cast<int16_t>((mask & yes) | (~mask & no));
}

/// The states of one row: kNot where the magnitude is not above `low` or not the greatest across the edge. OpenCV
/// compares y * 2^15 with x * tan22 and x * (tan22 + 2^16), tan22 = 13573 = tan(22.5 degrees) * 2^15; since 13573 is
/// odd and x < 2^15, comparing y with the quotients' whole parts is the same, and stays in 16 bits. `above`, `m`,
/// `below` point to the first pixel's magnitudes.
COBRA_CLONES void SuppressRow(const int16_t* __restrict above, const int16_t* __restrict m,
                              const int16_t* __restrict below, const int16_t* __restrict dx,
                              const int16_t* __restrict dy, int width, int16_t low, int16_t high,
                              uint8_t* __restrict states) {
  for (int i = 0; i < width; ++i) {
    // Masks of 0 and -1 instead of branches: the loop then runs sixteen pixels at a time.
    const int16_t gx = dx[i], gy = dy[i], here = m[i];
    const int16_t left = m[i - 1], right = m[i + 1], up = above[i], down = below[i], up_left = above[i - 1],
                  up_right = above[i + 1], down_left = below[i - 1], down_right = below[i + 1];
    const int16_t x = static_cast<int16_t>(gx < 0 ? -gx : gx), y = static_cast<int16_t>(gy < 0 ? -gy : gy);
    const uint16_t twice = static_cast<uint16_t>(2 * x);
    const int16_t part = static_cast<int16_t>(static_cast<uint16_t>((static_cast<uint32_t>(twice) * 13573u) >> 16));
    const int16_t across = Mask(y <= part), along = Mask(y > static_cast<int16_t>(2 * x + part)),
                  falling = Mask(static_cast<int16_t>(gx ^ gy) < 0);
    // The neighbour before has to be less, the one after may be equal, on the diagonals neither.
    const int16_t before = Select(across, left, Select(along, up, Select(falling, up_right, up_left)));
    const int16_t after = Select(across, right, Select(along, down, Select(falling, down_left, down_right)));
    const int16_t greatest = Mask(here > before) & (Mask(here > after) | (Mask(here == after) & (across | along)));
    const int16_t kept = greatest & Mask(here > low);
    states[i] = static_cast<uint8_t>(kNot + (kept & (Mask(here > high) & 2)) - (kept & 1));
  }
}

/// Follows edges through the maxima above the low threshold, from those that touch an edge. `maybe`: where they are.
void Hysteresis(std::vector<uint8_t>& map, size_t stride, const std::vector<size_t>& maybe) {
  const ptrdiff_t s = static_cast<ptrdiff_t>(stride);
  const ptrdiff_t around[8] = {-s - 1, -s, -s + 1, -1, 1, s - 1, s, s + 1};
  std::vector<size_t> edges;
  for (const size_t start : maybe) {
    if (map[start] != kMaybe) continue;
    const bool touches = std::any_of(around, around + 8, [&](ptrdiff_t step) { return map[start + step] == kEdge; });
    if (!touches) continue;
    map[start] = kEdge;
    edges.push_back(start);
    while (!edges.empty()) {
      const size_t at = edges.back();
      edges.pop_back();
      for (const ptrdiff_t step : around) {
        if (map[at + step] != kMaybe) continue;
        map[at + step] = kEdge;
        edges.push_back(at + step);
      }
    }
  }
}

/// Counted in bytes, 32 side by side, for as long as none can run over.
COBRA_CLONES size_t CountEdges(const uint8_t* states, size_t count) {
  constexpr size_t kLanes = 32, kRun = 255 * kLanes;
  size_t edges = 0, start = 0;
  for (; start + kLanes <= count; start += std::min(kRun, (count - start) / kLanes * kLanes)) {
    uint8_t lanes[kLanes] = {};
    const size_t end = start + std::min(kRun, (count - start) / kLanes * kLanes);
    for (size_t i = start; i < end; i += kLanes) {
      for (size_t k = 0; k < kLanes; ++k) lanes[k] = static_cast<uint8_t>(lanes[k] + (states[i + k] == kEdge));
    }
    for (const uint8_t lane : lanes) edges += lane;
  }
  for (; start < count; ++start) edges += states[start] == kEdge;
  return edges;
}

}  // namespace

size_t CountCannyEdges(const uint8_t* gray, int width, int height, int low, int high) {
  if (low > high) std::swap(low, high);
  const int16_t least = static_cast<int16_t>(std::min(low, 32767)),
                strong = static_cast<int16_t>(std::min(high, 32767));
  const size_t stride = static_cast<size_t>(width) + 2;
  std::vector<uint8_t> map(stride * (static_cast<size_t>(height) + 2), kNot);
  std::vector<int16_t> sums(stride), differences(stride), dx(3 * stride), dy(3 * stride), magnitudes(3 * stride, 0);
  std::vector<size_t> maybe;
  const auto row = [&](int y) { return gray + static_cast<size_t>(std::clamp(y, 0, height - 1)) * width; };
  for (int y = 0; y <= height; ++y) {
    // Row y's gradient goes into slot y % 3, then row y - 1 is judged between its neighbours.
    int16_t* fresh = &magnitudes[(y % 3) * stride];
    if (y < height) {
      GradientRow(row(y - 1), row(y), row(y + 1), width, sums.data(), differences.data(), &dx[(y % 3) * stride],
                  &dy[(y % 3) * stride], fresh);
    } else {
      std::fill(fresh, fresh + stride, 0);
    }
    if (y == 0) continue;
    const size_t slot = static_cast<size_t>((y - 1) % 3) * stride;
    const size_t at = static_cast<size_t>(y) * stride + 1;
    SuppressRow(&magnitudes[((y + 1) % 3) * stride + 1], &magnitudes[slot + 1], fresh + 1, &dx[slot], &dy[slot], width,
                least, strong, &map[at]);
    const uint8_t* states = &map[at];
    for (const uint8_t* found = states; (found = static_cast<const uint8_t*>(std::memchr(
                                             found, kMaybe, static_cast<size_t>(states + width - found)))) != nullptr;
         ++found) {
      maybe.push_back(at + static_cast<size_t>(found - states));
      if (found + 1 == states + width) break;
    }
  }
  Hysteresis(map, stride, maybe);
  return CountEdges(map.data(), map.size());
}

}  // namespace cobra::pixels
