// How much of a page's grey the model's colour has in it already. Where the colour gets darker as the page does, the grey is
// explained; where the colour does not follow, the model left the shading out. Measured as the slope of log luma over log shade.
// One value for the page: which of the two a model does is a matter of its style, and the slope of a small part is mostly chance.
#include <algorithm>
#include <cmath>

#include "pixels_ink.h"

namespace cobra::pixels {
namespace {

constexpr uint8_t kDarkest = 64;    // below it is black, not shading
constexpr double kPrior = 0.002;    // variance of log shade at which the slope counts half; without greys everything is explained
constexpr double kLow = 0.3, kHigh = 0.7;  // slopes from which on nothing and everything is explained; lines a pixel off flatten it

}  // namespace

float ShadeInColor(const ColorGrid& grid, const uint8_t* shade) {
  double logs[256];
  for (int v = 0; v < 256; ++v) logs[v] = std::log(std::max(v, 8) / 255.0);
  double count = 0, shades = 0, lumas = 0, squares = 0, products = 0;
  // Every other pixel is plenty.
  for (int y = 0; y < grid.height; y += 2) {
    const uint8_t* row = shade + static_cast<size_t>(y) * grid.width;
    const Rgbw* colors = &grid.pixels[static_cast<size_t>(y) * grid.width];
    for (int x = 0; x < grid.width; x += 2) {
      const uint8_t tone = row[x];
      // White paper says nothing about shading.
      if (tone < kDarkest || colors[x][3] > 0.5f) continue;
      const double s = logs[tone], l = logs[static_cast<int>(std::clamp(Luma(colors[x]), 0.0f, 255.0f))];
      ++count;
      shades += s;
      lumas += l;
      squares += s * s;
      products += s * l;
    }
  }
  if (count == 0) return 1.0f;
  const double variance = squares / count - (shades / count) * (shades / count), covariance = products / count - (shades / count) * (lumas / count);
  const double slope = (covariance + kPrior) / (std::max(variance, 0.0) + kPrior);
  return static_cast<float>(std::clamp((slope - kLow) / (kHigh - kLow), 0.0, 1.0));
}

}  // namespace cobra::pixels
