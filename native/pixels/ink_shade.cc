// Derives the shade of the model's colour from a page's greys. Each value holds for the whole page: greys are a matter
// of style, and those of a small part are mostly chance.
//
// - explained: how much of the grey is in the colour already. Where the colour darkens as the page does, the grey
//   is explained; where it does not, the model left the shading out. Measured as the slope of log luma over log shade.
// - followed: how surely the greys are those of a page that was once in colour. Then most of what has colour is grey on
//   the page and the colour's luma follows it, so the page knows better than the model how light everything is.
#include <algorithm>
#include <cmath>

#include "pixels/ink.h"

namespace cobra::pixels {
namespace {

constexpr uint8_t kDarkest = 64;  // below it is black, not shading
constexpr double kPrior =
    0.002;  // variance of log shade at which the slope counts half; without greys everything is explained
constexpr double kLow = 0.3,
                 kHigh = 0.7;  // slopes from which on nothing and everything is explained; lines a pixel off flatten it

constexpr int kToned = 235, kBlackest = 24;  // shades below and above which a pixel is grey
constexpr double kFewToned = 0.5, kMostToned = 0.75, kLoose = 0.35,
                 kClose = 0.6;  // shares of grey and correlations between which `followed` grows

/// Sums of pairs, for their covariance.
struct Pairs {
  double count = 0, x = 0, y = 0, xx = 0, yy = 0, xy = 0;
  void Add(double a, double b) { ++count, x += a, y += b, xx += a * a, yy += b * b, xy += a * b; }
  double VarianceX() const { return std::max(xx / count - x / count * (x / count), 0.0); }
  double VarianceY() const { return std::max(yy / count - y / count * (y / count), 0.0); }
  double Covariance() const { return xy / count - x / count * (y / count); }
};

double Ramp(double low, double high, double v) { return std::clamp((v - low) / (high - low), 0.0, 1.0); }

}  // namespace

ShadeOfColor ShadeInColor(const ColorGrid& grid, const uint8_t* shade) {
  double logs[256];
  for (int v = 0; v < 256; ++v) logs[v] = std::log(std::max(v, 8) / 255.0);
  Pairs shading, lightness;
  double toned = 0;
  // Every other pixel is plenty.
  for (int y = 0; y < grid.height; y += 2) {
    const uint8_t* row = shade + static_cast<size_t>(y) * grid.width;
    const Rgbw* colors = &grid.pixels[static_cast<size_t>(y) * grid.width];
    for (int x = 0; x < grid.width; x += 2) {
      const uint8_t tone = row[x];
      // White paper says nothing about shading.
      if (tone < kBlackest || colors[x][3] > 0.5f) continue;
      const int luma = static_cast<int>(std::clamp(Luma(colors[x]), 0.0f, 255.0f));
      lightness.Add(tone, luma);
      toned += tone < kToned;
      if (tone >= kDarkest) shading.Add(logs[tone], logs[luma]);
    }
  }
  ShadeOfColor result;
  if (shading.count > 0)
    result.explained =
        static_cast<float>(Ramp(kLow, kHigh, (shading.Covariance() + kPrior) / (shading.VarianceX() + kPrior)));
  if (lightness.count > 0) {
    const double correlation = lightness.Covariance() / std::sqrt(lightness.VarianceX() * lightness.VarianceY() + 1.0);
    result.followed =
        static_cast<float>(Ramp(kFewToned, kMostToned, toned / lightness.count) * Ramp(kLoose, kClose, correlation));
  }
  return result;
}

}  // namespace cobra::pixels
