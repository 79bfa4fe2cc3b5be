// What the calibrated decision looks at: sums over a shrunk picture, from which src/classification/evidence.ts makes its figures.
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "pixels_kernels.h"

namespace cobra::pixels {
namespace {

constexpr double kTinted = 0.12;
constexpr double kVivid = 0.3;

inline int Luma(const uint8_t* p) { return (p[0] * 77 + p[1] * 150 + p[2] * 29) >> 8; }

struct PaperMean {
  double channels[3];
};

/// The mean of the pixels around the brightest luma that 2% of the picture gather at; white where there is none.
PaperMean MeanOfPaper(const uint8_t* rgb, size_t pixels, const std::vector<uint8_t>& luma) {
  uint64_t histogram[256];
  Histogram(luma.data(), pixels, histogram);
  const auto around = [&](int value) {
    uint64_t sum = 0;
    for (int v = std::max(0, value - 4); v <= std::min(255, value + 4); ++v) sum += histogram[v];
    return sum;
  };
  int paper = 255;
  for (int value = 255; value >= 110; --value) {
    if (around(value) * 50 < pixels || around(value - 1) > around(value)) continue;
    paper = value;
    break;
  }
  uint64_t sums[3] = {0, 0, 0}, count = 0;
  for (size_t i = 0; i < pixels; ++i) {
    if (std::abs(luma[i] - paper) > 4) continue;
    for (int c = 0; c < 3; ++c) sums[c] += rgb[3 * i + c];
    ++count;
  }
  if (count == 0) return {{255.0, 255.0, 255.0}};
  PaperMean mean;
  for (int c = 0; c < 3; ++c) mean.channels[c] = std::max(static_cast<double>(sums[c]) / static_cast<double>(count), 96.0);
  return mean;
}

/// Second moments of ink amounts: xx, yy, zz, xy, xz, yz.
inline void Add(double* moments, double x, double y, double z) {
  moments[0] += x * x;
  moments[1] += y * y;
  moments[2] += z * z;
  moments[3] += x * y;
  moments[4] += x * z;
  moments[5] += y * z;
}

}  // namespace

void ColorSums(const uint8_t* rgb, size_t pixels, double sums[kColorSums]) {
  std::fill(sums, sums + kColorSums, 0.0);
  std::vector<uint8_t> luma(pixels);
  for (size_t i = 0; i < pixels; ++i) luma[i] = static_cast<uint8_t>(Luma(rgb + 3 * i));
  const PaperMean paper = MeanOfPaper(rgb, pixels, luma);
  double ink[3][256];
  for (int c = 0; c < 3; ++c) {
    for (int v = 0; v < 256; ++v) ink[c][v] = std::max(0.0, 1.0 - v / paper.channels[c]);
  }
  double *all = sums, *light = sums + 6, *axes = sums + 12;
  for (size_t i = 0; i < pixels; ++i, rgb += 3) {
    const double red = ink[0][rgb[0]], green = ink[1][rgb[1]], blue = ink[2][rgb[2]];
    const double high = std::max({red, green, blue});
    if (high == 0.0) continue; // paper
    const double chroma = high - std::min({red, green, blue});
    sums[15] += chroma > kTinted;
    sums[16] += chroma > kVivid;
    Add(all, red, green, blue);
    if (red + green + blue < 1.5) Add(light, red, green, blue);
    const double a = red - green, b = (red + green) / 2 - blue;
    axes[0] += a * a;
    axes[1] += b * b;
    axes[2] += a * b;
  }
}

}  // namespace cobra::pixels
