// The colour under and beside the ink. Near the page's ink and on the model's own lines the model's picture is not to be trusted
// (its lines are a pixel off, thicker or grey); there the colour comes from the inside of the same region instead, carried by a
// filter that does not cross ink. Everywhere else the model's picture stays as it is.
#include <algorithm>
#include <cmath>
#include <vector>

#include "pixels_ink.h"

namespace cobra::pixels {
namespace {

constexpr float kReach = 12.0f;        // how far colour is carried, in pixels of the grid (standard deviation)
constexpr float kEdge = 0.15f;         // a tone step of this share of white costs as much as `kReach` pixels
constexpr float kLeastTrust = 0.1f;    // what a region narrower than the model's line still counts

inline float SmoothStep(float low, float high, float x) {
  const float t = std::clamp((x - low) / (high - low), 0.0f, 1.0f);
  return t * t * (3.0f - 2.0f * t);
}

/// Tables over 0..255 of a smooth step.
struct Table {
  float value[256];
  template <typename F>
  explicit Table(F f) {
    for (int i = 0; i < 256; ++i) value[i] = f(static_cast<float>(i) / 255.0f);
  }
};

/// 255 * part / whole for bytes, at most 255; 255 where whole is 0.
inline int Share(int part, int whole) { return whole == 0 ? 255 : std::min(255, (255 * part + whole / 2) / whole); }

/// Filters rows from left to right and back. Four rows at a time, whose sums do not wait for one another.
void Horizontal(ColorGrid& grid, const uint8_t* tone, const float* decay) {
  const int width = grid.width;
  constexpr int kRows = 4;
  for (int y = 0; y < grid.height; y += kRows) {
    // Beyond the last row the last one is done again; it is left alone below.
    const int rows = std::min(kRows, grid.height - y);
    Rgbw* p[kRows];
    const uint8_t* t[kRows];
    for (int r = 0; r < rows; ++r) {
      p[r] = grid.pixels.data() + static_cast<size_t>(y + r) * width;
      t[r] = tone + static_cast<size_t>(y + r) * width;
    }
    const auto step = [&](int r, int x, int from) {
      const float a = decay[std::abs(t[r][x] - t[r][from])];
      p[r][x] += a * (p[r][from] - p[r][x]);
    };
    if (rows == kRows) {
      for (int x = 1; x < width; ++x) {
        for (int r = 0; r < kRows; ++r) step(r, x, x - 1);
      }
      for (int x = width - 2; x >= 0; --x) {
        for (int r = 0; r < kRows; ++r) step(r, x, x + 1);
      }
      continue;
    }
    for (int r = 0; r < rows; ++r) {
      for (int x = 1; x < width; ++x) step(r, x, x - 1);
      for (int x = width - 2; x >= 0; --x) step(r, x, x + 1);
    }
  }
}

void MixRow(Rgbw* row, const Rgbw* from, const uint8_t* tone, const uint8_t* tone_from, int width, const float* decay) {
  for (int x = 0; x < width; ++x) row[x] += decay[std::abs(tone[x] - tone_from[x])] * (from[x] - row[x]);
}

void Vertical(ColorGrid& grid, const uint8_t* tone, const float* decay) {
  const size_t w = static_cast<size_t>(grid.width);
  for (int y = 1; y < grid.height; ++y) {
    MixRow(&grid.pixels[y * w], &grid.pixels[(y - 1) * w], tone + y * w, tone + (y - 1) * w, grid.width, decay);
  }
  for (int y = grid.height - 2; y >= 0; --y) {
    MixRow(&grid.pixels[y * w], &grid.pixels[(y + 1) * w], tone + y * w, tone + (y + 1) * w, grid.width, decay);
  }
}

/// How much each pixel of the model's picture is to be trusted: 0 at the page's ink and on the model's lines, 1 inside regions.
/// `lines`: the model's luma over the luma without its lines, as a byte.
void Trust(const uint8_t* color, const uint8_t* tone, int width, int height, double pixel, std::vector<uint8_t>& trust, std::vector<uint8_t>& lines) {
  const size_t count = static_cast<size_t>(width) * height;
  std::vector<uint8_t> a(count), b(count);
  lines.resize(count);
  trust.resize(count);
  ToGray(color, count, lines.data());
  // Lines up to twice this radius are closed over; larger dark things are colour.
  const int line_radius = std::clamp(static_cast<int>(std::lround(4.0 * pixel)), 2, 16);
  MaxFilter(lines.data(), width, height, line_radius, a.data());
  MinFilter(a.data(), width, height, line_radius, a.data());
  const int hint_radius = std::clamp(static_cast<int>(std::lround(1.5 * pixel)), 2, 6);
  std::vector<uint8_t> edges(count);
  MaxFilter(lines.data(), width, height, hint_radius, edges.data());
  for (size_t i = 0; i < count; ++i) {
    edges[i] = static_cast<uint8_t>(Share(lines[i], edges[i]));
    lines[i] = static_cast<uint8_t>(Share(lines[i], a[i]));
  }
  const int ink_radius = std::clamp(static_cast<int>(std::lround(2.0 * pixel)), 2, 8);
  MaxFilter(tone, width, height, ink_radius, a.data());
  MinFilter(tone, width, height, ink_radius, b.data());
  const Table far_from_ink([](float step) { return 255.0f * (1.0f - SmoothStep(0.10f, 0.35f, step)) + 0.5f; });
  for (size_t i = 0; i < count; ++i) {
    const int step = Share(a[i] - b[i], std::max<int>(a[i], 64));
    trust[i] = static_cast<uint8_t>(far_from_ink.value[step]);
  }
  // Close to the page's lines the model's own are expected, and a pixel darker than its neighbours is enough to tell one (its
  // rim towards a brighter region is no closed line); elsewhere only a clear line is one.
  MinFilter(trust.data(), width, height, 2 * ink_radius, b.data());
  const Table clear_line([](float share) { return SmoothStep(0.55f, 0.85f, share); });
  const Table hint_of_line([](float share) { return SmoothStep(0.84f, 0.96f, share); });
  for (size_t i = 0; i < count; ++i) {
    const float far = static_cast<float>(b[i]) / 255.0f, hint = hint_of_line.value[edges[i]], clear = clear_line.value[a[i]];
    trust[i] = static_cast<uint8_t>(static_cast<float>(trust[i]) * (hint + far * (clear - hint)) + 0.5f);
  }
}

/// How far a colour is from every colour that is not white: 0..1. Noise of the model around white counts as white.
inline float Whiteness(Rgbw c, float low, float high) {
  const float most = std::max(c[0], std::max(c[1], c[2])), least = std::min(c[0], std::min(c[1], c[2]));
  return SmoothStep(low, high, most - 2.0f * (most - least));
}

}  // namespace

void DomainTransform(ColorGrid& grid, const uint8_t* tone, float reach) {
  // Two rounds with halving reach (formula 14 of the paper for N = 2), each along rows and columns.
  for (int round = 0; round < 2; ++round) {
    const float sigma = reach * std::sqrt(3.0f) * (round == 0 ? 2.0f : 1.0f) / std::sqrt(15.0f);
    float decay[256];
    for (int step = 0; step < 256; ++step) {
      const float distance = 1.0f + reach / kEdge * static_cast<float>(step) / 255.0f;
      decay[step] = std::exp(-std::sqrt(2.0f) / sigma * distance);
    }
    Horizontal(grid, tone, decay);
    Vertical(grid, tone, decay);
  }
}

ColorGrid FillColor(const uint8_t* color, const uint8_t* tone, int width, int height, double pixel) {
  std::vector<uint8_t> trust, lines;
  Trust(color, tone, width, height, pixel, trust, lines);
  const size_t count = static_cast<size_t>(width) * height;
  ColorGrid grid{width, height, std::vector<Rgbw>(count)};
  for (size_t i = 0; i < count; ++i) {
    const float share = static_cast<float>(lines[i]) / 255.0f;
    const float weight = std::max(static_cast<float>(trust[i]) / 255.0f, kLeastTrust * share * share + 1e-4f);
    grid.pixels[i] = weight * Rgbw{static_cast<float>(color[3 * i]), static_cast<float>(color[3 * i + 1]), static_cast<float>(color[3 * i + 2]), 1.0f};
  }
  DomainTransform(grid, tone, kReach);
  for (size_t i = 0; i < count; ++i) {
    const Rgbw sum = grid.pixels[i];
    const Rgbw carried = sum / std::max(sum[3], 1e-12f);
    const Rgbw own{static_cast<float>(color[3 * i]), static_cast<float>(color[3 * i + 1]), static_cast<float>(color[3 * i + 2]), 1.0f};
    Rgbw mixed = carried + static_cast<float>(trust[i]) / 255.0f * (own - carried);
    // White when the region is and the pixel does not clearly speak against it.
    mixed[3] = Whiteness(carried, 222.0f, 238.0f) * Whiteness(mixed, 185.0f, 215.0f);
    grid.pixels[i] = mixed;
  }
  return grid;
}

}  // namespace cobra::pixels
