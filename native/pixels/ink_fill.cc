// The colour under and beside the ink. Near the page's ink and on the model's own lines the model's picture is not to
// be trusted (its lines are a pixel off, thicker or grey); there the colour comes from the inside of the same region
// instead, carried by a filter that does not cross ink. Everywhere else the model's picture stays as it is.
#include <algorithm>
#include <cmath>
#include <vector>

#include "pixels/ink.h"

namespace cobra::pixels {
namespace {

constexpr float kReach = 12.0f;  // how far colour is carried, in pixels of the grid (standard deviation)
constexpr float kEdge = 0.15f;   // a tone step of this share of white costs as much as `kReach` pixels
constexpr float kLeak =
    3e-3f;  // what passes an edge however steep: a closed region without a pixel to be trusted takes its neighbour's
constexpr float kLeastWeight = 1e-7f;
constexpr float kSureWeight = 2e-3f;  // a carried weight of which half came from the region itself

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
struct Shares {
  uint32_t inverse[256];
  Shares() {
    inverse[0] = 0;
    for (uint32_t whole = 1; whole < 256; ++whole) inverse[whole] = (255u * 65536u + whole / 2) / whole;
  }
  int operator()(int part, int whole) const {
    return whole == 0 ? 255 : std::min<int>(255, (static_cast<uint32_t>(part) * inverse[whole] + 32768u) >> 16);
  }
};

/// Filters rows from left to right and back. Four rows at a time, whose sums do not wait for one another.
COBRA_CLONES void Horizontal(ColorGrid& grid, const uint8_t* tone, const float* decay) {
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

COBRA_CLONES void MixRow(Rgbw* row, const Rgbw* from, const uint8_t* tone, const uint8_t* tone_from, int width,
                         const float* decay) {
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

/// A radius in pixels of the grid for one in pixels of the model's picture.
int Radius(double of_model, double pixel, int most) {
  return std::clamp(static_cast<int>(std::lround(of_model * pixel)), 2, most);
}

/// How much each pixel of the model's picture is to be trusted: 0 at the page's ink and on the model's lines, 255
/// inside regions.
std::vector<uint8_t> Trust(const uint8_t* color, const uint8_t* tone, int width, int height, double pixel) {
  const size_t count = static_cast<size_t>(width) * height;
  const Shares share;
  std::vector<uint8_t> luma(count), a(count), b(count), trust(count);

  // Far from every step of the page's tone, be it a line or the border of a grey area.
  const int ink_radius = Radius(2.0, pixel, 10);
  MaxFilter(tone, width, height, ink_radius, a.data());
  MinFilter(tone, width, height, ink_radius, b.data());
  const Table far_from_ink([](float step) { return 255.0f * (1.0f - SmoothStep(0.10f, 0.35f, step)) + 0.5f; });
  uint8_t far[256];
  for (int i = 0; i < 256; ++i) far[i] = static_cast<uint8_t>(far_from_ink.value[i]);
  for (size_t i = 0; i < count; ++i) trust[i] = far[share(a[i] - b[i], std::max<int>(a[i], 64))];

  // On no line of the model. Close to the page's lines the model's own are expected, and a pixel darker than its
  // neighbours is enough to tell one (its rim towards a brighter region is no closed line); elsewhere only a clear line
  // is one: dark in the picture, and not in its closing. Larger dark things are colour.
  ToGray(color, count, luma.data());
  std::vector<uint8_t> lines(count);
  const int line_radius = Radius(4.0, pixel, 16);
  MaxFilter(luma.data(), width, height, line_radius, lines.data());
  MinFilter(lines.data(), width, height, line_radius, lines.data());
  MaxFilter(luma.data(), width, height, Radius(2.0, pixel, 8), a.data());
  MinFilter(trust.data(), width, height, 2 * ink_radius, b.data());
  const Table clear_line([](float share) { return SmoothStep(0.55f, 0.85f, share); });
  const Table hint_of_line([](float share) { return SmoothStep(0.86f, 0.97f, share); });
  for (size_t i = 0; i < count; ++i) {
    if (trust[i] == 0) continue;
    const float far_off = static_cast<float>(b[i]) * (1.0f / 255.0f), hint = hint_of_line.value[share(luma[i], a[i])],
                clear = clear_line.value[share(luma[i], lines[i])];
    trust[i] = static_cast<uint8_t>(static_cast<float>(trust[i]) * (hint + far_off * (clear - hint)) + 0.5f);
  }
  return trust;
}

inline float Most(Rgbw c) { return std::max(c[0], std::max(c[1], c[2])); }

/// How near to white a colour is, 0..1. Noise of the model around white counts as white.
struct Whiteness {
  float value[256];
  Whiteness(float low, float high) {
    for (int i = 0; i < 256; ++i) value[i] = SmoothStep(low, high, static_cast<float>(i));
  }
  float operator()(Rgbw c) const {
    const float most = Most(c), least = std::min(c[0], std::min(c[1], c[2]));
    return value[static_cast<int>(std::clamp(2.0f * least - most, 0.0f, 255.0f))];
  }
};

inline Whiteness OfRegion() { return {216.0f, 234.0f}; }
inline Whiteness OfPixel() { return {185.0f, 215.0f}; }

/// A colour without its brightness: its channels' shares above the black of a drawn line. Mixtures of two colours and
/// that black lie on the line between the two.
inline Rgbw Hue(Rgbw color) {
  constexpr float kLineBlack = 20.0f;
  const Rgbw above = color - kLineBlack, light = above < Rgbw{} ? Rgbw{} : above;
  return light * (1.0f / std::max(light[0] + light[1] + light[2], 1.0f));
}

/// Tells a thing's own colour from the neighbours' and from ink, by the hues that are to be trusted around each 8 x 8
/// pixels.
class Surroundings {
 public:
  explicit Surroundings(const ColorGrid& weighted)
      : width_((weighted.width + 7) / 8),
        height_((weighted.height + 7) / 8),
        hues_(static_cast<size_t>(width_) * height_) {
    for (int y = 0; y < weighted.height; ++y) {
      const Rgbw* row = &weighted.pixels[static_cast<size_t>(y) * weighted.width];
      Rgbw* target = &hues_[static_cast<size_t>(y / 8) * width_];
      for (int x = 0; x < weighted.width; ++x) target[x / 8] += row[x];
    }
    for (Rgbw& hue : hues_) {
      const float weight = hue[3];
      hue = Hue(hue * (1.0f / weight));
      hue[3] = weight;
    }
  }

  /// The share of the model's colour `own` at (x, y) to keep although it is not to be trusted, 0..1. What differs from
  /// the carried colour by darkness is the model's ink, and what leans to a colour near by is that one, run over the
  /// line. What neither explains (an eye, a button, smaller than the model's lines are thick) is the thing's own
  /// colour. In a closed region, where the carried colour came through the ink too, a colour near by explains nothing.
  /// `carried` has its weight as fourth value.
  float Unexplained(Rgbw own, Rgbw carried, int x, int y) const {
    // The hue of something nearly black is chance.
    const float lit = std::min((Most(own) - 48.0f) * (1.0f / 64.0f), 1.0f);
    if (lit <= 0.0f) return 0.0f;
    const Rgbw from = Hue(carried), apart = Hue(own) - from;
    float left = Largest(apart);
    if (left * lit < kSameHue) return 0.0f;
    const float closed = kSureWeight / (carried[3] + kSureWeight) * SmoothStep(kSameHue, kOtherHue, left * lit);
    for (int v = std::max(0, y / 8 - 1); v <= std::min(height_ - 1, y / 8 + 1); ++v) {
      for (int u = std::max(0, x / 8 - 1); u <= std::min(width_ - 1, x / 8 + 1); ++u) {
        const Rgbw hue = hues_[static_cast<size_t>(v) * width_ + u], side = hue - from;
        if (hue[3] < 0.1f) continue;
        const float along = apart[0] * side[0] + apart[1] * side[1] + apart[2] * side[2],
                    length = side[0] * side[0] + side[1] * side[1] + side[2] * side[2];
        left = std::min(left, Largest(apart - std::clamp(along / std::max(length, 1e-6f), 0.0f, 1.3f) * side));
      }
    }
    return std::max(closed, SmoothStep(kSameHue, kOtherHue, left * lit));
  }

 private:
  static constexpr float kSameHue = 0.06f, kOtherHue = 0.18f;
  static float Largest(Rgbw c) { return std::max(std::fabs(c[0]), std::max(std::fabs(c[1]), std::fabs(c[2]))); }

  int width_, height_;
  std::vector<Rgbw> hues_;
};

inline Rgbw Own(const uint8_t* color) {
  return Rgbw{static_cast<float>(color[0]), static_cast<float>(color[1]), static_cast<float>(color[2]), 1.0f};
}

COBRA_CLONES void WeighColors(const uint8_t* color, const uint8_t* trust, size_t count, Rgbw* out) {
  for (size_t i = 0; i < count; ++i)
    out[i] = std::max(static_cast<float>(trust[i]) * (1.0f / 255.0f), kLeastWeight) * Own(color + 3 * i);
}

/// Carried sums to colours: the carried colour where the model's is not to be trusted, and the share of white paper.
COBRA_CLONES void MixColors(const uint8_t* color, const uint8_t* trust, const Surroundings& surroundings,
                            ColorGrid& grid) {
  const Whiteness white_region = OfRegion(), white_pixel = OfPixel();
  size_t i = 0;
  for (int y = 0; y < grid.height; ++y) {
    for (int x = 0; x < grid.width; ++x, ++i) {
      const Rgbw own = Own(color + 3 * i);
      Rgbw mixed = own, carried = grid.pixels[i] * (1.0f / grid.pixels[i][3]);
      if (trust[i] < 255) {
        carried[3] = grid.pixels[i][3];
        float share = static_cast<float>(trust[i]) * (1.0f / 255.0f);
        if (trust[i] < 128) share = std::max(share, surroundings.Unexplained(own, carried, x, y));
        mixed = carried + share * (own - carried);
      }
      // White when the region is and the pixel does not clearly speak against it.
      const float white = white_pixel(mixed);
      mixed[3] = white > 0.0f ? white * white_region(carried) : 0.0f;
      grid.pixels[i] = mixed;
    }
  }
}

}  // namespace

void DomainTransform(ColorGrid& grid, const uint8_t* tone, float reach) {
  // Two rounds with halving reach (formula 14 of the paper for N = 2), each along rows and columns.
  for (int round = 0; round < 2; ++round) {
    const float sigma = reach * std::sqrt(3.0f) * (round == 0 ? 2.0f : 1.0f) / std::sqrt(15.0f);
    float decay[256];
    for (int step = 0; step < 256; ++step) {
      const float distance = 1.0f + reach / kEdge * static_cast<float>(step) / 255.0f;
      decay[step] = std::max(std::exp(-std::sqrt(2.0f) / sigma * distance), kLeak);
    }
    Horizontal(grid, tone, decay);
    Vertical(grid, tone, decay);
  }
}

ColorGrid FillColor(const uint8_t* color, const uint8_t* tone, int width, int height, double pixel) {
  const std::vector<uint8_t> trust = Trust(color, tone, width, height, pixel);
  ColorGrid grid{width, height, std::vector<Rgbw>(trust.size())};
  WeighColors(color, trust.data(), trust.size(), grid.pixels.data());
  const Surroundings surroundings(grid);
  DomainTransform(grid, tone, kReach);
  MixColors(color, trust.data(), surroundings, grid);
  return grid;
}

void LayFlats(const View& flats, ColorGrid& grid) {
  const Whiteness white_region = OfRegion(), white_pixel = OfPixel();
  grid.flat.resize(grid.pixels.size());
  size_t i = 0;
  for (int y = 0; y < grid.height; ++y) {
    const auto from = static_cast<size_t>(static_cast<int64_t>(y) * flats.height / grid.height);
    for (int x = 0; x < grid.width; ++x, ++i) {
      const auto column = static_cast<size_t>(static_cast<int64_t>(x) * flats.width / grid.width);
      const uint8_t* flat = flats.data + 4 * (from * static_cast<size_t>(flats.width) + column);
      if (flat[3] != 255) continue;
      Rgbw color = Own(flat);
      color[3] = white_pixel(color) * white_region(color);
      grid.pixels[i] = color;
      grid.flat[i] = 255;
    }
  }
}

}  // namespace cobra::pixels
