// Canny edges as OpenCV gives them (imgproc/canny.cpp): 3x3 Sobel with replicated borders, L1 gradient, non-maximum suppression in
// four sectors with the tangents of 22.5 and 67.5 degrees in 15-bit fixed point, magnitudes outside the picture are 0,
// hysteresis over 8 neighbours.
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "pixels_kernels.h"

namespace cobra::pixels {
namespace {

enum State : uint8_t { kMaybe = 0, kNot = 1, kEdge = 2 };

/// Gradients and magnitudes of one row. `vsum`, `vdif` have one column more on each side; so has `mag`, zero there.
COBRA_CLONES void GradientRow(const uint8_t* above, const uint8_t* here, const uint8_t* below, int width, int16_t* vsum, int16_t* vdif, int16_t* dx, int16_t* dy, int32_t* mag) {
  for (int x = 0; x < width; ++x) {
    vsum[x + 1] = static_cast<int16_t>(above[x] + 2 * here[x] + below[x]);
    vdif[x + 1] = static_cast<int16_t>(below[x] - above[x]);
  }
  vsum[0] = vsum[1];
  vdif[0] = vdif[1];
  vsum[width + 1] = vsum[width];
  vdif[width + 1] = vdif[width];
  for (int x = 0; x < width; ++x) {
    const int gx = vsum[x + 2] - vsum[x];
    const int gy = vdif[x] + 2 * vdif[x + 1] + vdif[x + 2];
    dx[x] = static_cast<int16_t>(gx);
    dy[x] = static_cast<int16_t>(gy);
    mag[x + 1] = (gx < 0 ? -gx : gx) + (gy < 0 ? -gy : gy);
  }
}

constexpr int kBlock = 32;

/// True when none of a block's magnitudes is above the threshold: most of a page is flat.
COBRA_CLONES bool IsQuiet(const int32_t* mag, int low) {
  int above = 0;
  for (int i = 0; i < kBlock; ++i) above |= mag[i] > low;
  return above == 0;
}

/// True when the gradient at a place is a maximum across the edge. `m` points into the row's magnitudes.
inline bool IsMaximum(const int32_t* above, const int32_t* m, const int32_t* below, int gx, int gy) {
  constexpr int kTan22 = 13573;  // tan(22.5 degrees) * 2^15
  const int x = std::abs(gx);
  const int y = std::abs(gy) << 15;
  const int tan22 = x * kTan22;
  if (y < tan22) return *m > m[-1] && *m >= m[1];
  if (y > tan22 + (x << 16)) return *m > *above && *m >= *below;
  const int s = (gx ^ gy) < 0 ? -1 : 1;
  return *m > above[-s] && *m > below[s];
}

/// Follows edges from the seeds through the maxima above the low threshold.
void Hysteresis(std::vector<uint8_t>& map, size_t stride, std::vector<size_t>& seeds) {
  const ptrdiff_t s = static_cast<ptrdiff_t>(stride);
  const ptrdiff_t around[8] = {-s - 1, -s, -s + 1, -1, 1, s - 1, s, s + 1};
  while (!seeds.empty()) {
    const size_t at = seeds.back();
    seeds.pop_back();
    for (const ptrdiff_t step : around) {
      uint8_t& state = map[at + step];
      if (state == kMaybe) {
        state = kEdge;
        seeds.push_back(at + step);
      }
    }
  }
}

}  // namespace

size_t Canny(const uint8_t* gray, int width, int height, int low, int high, uint8_t* out) {
  if (low > high) std::swap(low, high);
  const size_t stride = static_cast<size_t>(width) + 2;
  std::vector<uint8_t> map(stride * (static_cast<size_t>(height) + 2), kNot);
  std::vector<int16_t> sums(stride), differences(stride), dx(3 * stride), dy(3 * stride);
  std::vector<int32_t> magnitudes(3 * stride, 0);
  std::vector<size_t> seeds;
  const auto row = [&](int y) { return gray + static_cast<size_t>(std::clamp(y, 0, height - 1)) * width; };
  for (int y = 0; y <= height; ++y) {
    // Row y's gradient goes into slot y % 3, then row y - 1 is judged between its neighbours.
    int32_t* fresh = &magnitudes[(y % 3) * stride];
    if (y < height) {
      GradientRow(row(y - 1), row(y), row(y + 1), width, sums.data(), differences.data(), &dx[(y % 3) * stride], &dy[(y % 3) * stride], fresh);
    } else {
      std::fill(fresh, fresh + stride, 0);
    }
    if (y == 0) continue;
    const int slot = (y - 1) % 3;
    const int32_t* above = &magnitudes[((y + 1) % 3) * stride];
    const int32_t* here = &magnitudes[slot * stride];
    uint8_t* states = &map[static_cast<size_t>(y) * stride];
    for (int x = 1; x <= width; ++x) {
      if (x % kBlock == 1 && x + kBlock <= width && IsQuiet(here + x, low)) {
        x += kBlock - 1;
        continue;
      }
      if (here[x] <= low) continue;
      if (!IsMaximum(above + x, here + x, fresh + x, dx[slot * stride + x - 1], dy[slot * stride + x - 1])) continue;
      states[x] = here[x] > high ? kEdge : kMaybe;
      if (here[x] > high) seeds.push_back(static_cast<size_t>(y) * stride + x);
    }
  }
  Hysteresis(map, stride, seeds);
  size_t edges = 0;
  for (int y = 0; y < height; ++y) {
    const uint8_t* states = &map[(static_cast<size_t>(y) + 1) * stride + 1];
    for (int x = 0; x < width; ++x) edges += states[x] == kEdge;
    if (out) {
      for (int x = 0; x < width; ++x) out[static_cast<size_t>(y) * width + x] = states[x] == kEdge ? 255 : 0;
    }
  }
  return edges;
}

}  // namespace cobra::pixels
