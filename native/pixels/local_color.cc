// Colour that differs within a block of pixels, lightness aside, for src/classification/local-color.ts. The sums are
// doubles, added in reading order: the figures are the same on every processor, which a fitted decision needs.
#include <algorithm>
#include <array>
#include <cmath>

#include "pixels/kernels.h"

namespace cobra::pixels {
namespace {

constexpr double kPixels = kBlock * kBlock;

/// (R + G + B) / 3 of every sum of three channels.
const std::array<double, 3 * 255 + 1>& Lightness() {
  static const std::array<double, 3 * 255 + 1> values = [] {
    std::array<double, 3 * 255 + 1> made{};
    for (size_t sum = 0; sum < made.size(); ++sum) made[sum] = static_cast<double>(sum) / 3.0;
    return made;
  }();
  return values;
}

/// The part of a colour difference's variance that does not go with lightness.
double Unexplained(double sum, double squares, double products, double light, double light_variance) {
  const double mean = sum / kPixels;
  const double variance = squares / kPixels - mean * mean;
  const double shared = products / kPixels - (light * sum) / (kPixels * kPixels);
  return variance - (light_variance > 1.0 ? shared * shared / light_variance : 0.0);
}

typedef double Four __attribute__((vector_size(4 * sizeof(double))));

/// Sums over a block.
struct Sums {
  Four light;  // lightness, its squares, its products with red and with yellow
  // Whole numbers, so that compilers may add them in any order; yellow is doubled.
  int red, yellow, red_squares, yellow_squares;
};

COBRA_CLONES void SumBlock(const uint8_t* rgb, size_t stride, const double* lightness, Sums* sums) {
  Four light = {};
  int red = 0, yellow = 0, red_squares = 0, yellow_squares = 0;
  for (int y = 0; y < kBlock; ++y, rgb += stride) {
    int p[kBlock], q[kBlock], sum[kBlock];
    for (int x = 0; x < kBlock; ++x) {
      const int r = rgb[3 * x], g = rgb[3 * x + 1], b = rgb[3 * x + 2];
      p[x] = r - g;
      q[x] = r + g - 2 * b;
      sum[x] = r + g + b;
    }
    for (int x = 0; x < kBlock; ++x) {
      red += p[x];
      yellow += q[x];
      red_squares += p[x] * p[x];
      yellow_squares += q[x] * q[x];
    }
    for (int x = 0; x < kBlock; ++x) {
      const double l = lightness[sum[x]];
      const Four factors = {1.0, l, static_cast<double>(p[x]), q[x] * 0.5};
      light += factors * l;
    }
  }
  *sums = {light, red, yellow, red_squares, yellow_squares};
}

/// Deviation of R - G and yellow - blue in the block that begins at `rgb`, in rows of `stride` bytes.
double BlockSpread(const uint8_t* rgb, size_t stride, const double* lightness) {
  Sums sums;
  SumBlock(rgb, stride, lightness, &sums);
  const double light = sums.light[0], mean = light / kPixels;
  const double light_variance = sums.light[1] / kPixels - mean * mean;
  const double unexplained =
      Unexplained(sums.red, sums.red_squares, sums.light[2], light, light_variance) +
      Unexplained(sums.yellow * 0.5, sums.yellow_squares * 0.25, sums.light[3], light, light_variance);
  return std::sqrt(std::max(0.0, unexplained));
}

}  // namespace

void BlockSpreads(const View& rgb, double* out) {
  const double* lightness = Lightness().data();
  const size_t stride = static_cast<size_t>(rgb.width) * 3;
  for (int y = 0; y + kBlock <= rgb.height; y += kBlock)
    for (int x = 0; x + kBlock <= rgb.width; x += kBlock)
      *out++ = BlockSpread(rgb.data + y * stride + static_cast<size_t>(x) * 3, stride, lightness);
}

}  // namespace cobra::pixels
