// The evidence for the calibrated classifier: sums over a picture halved until it is small, from which
// src/classification/evidence.ts computes its figures. The loops run over planes of a few hundred pixels, so that
// compilers vectorise them.
#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "pixels/kernels.h"

namespace cobra::pixels {
namespace {

constexpr float kTinted = 0.12f;
constexpr float kVivid = 0.3f;
/// Neither side of the picture that is summed over is longer, in pixels.
constexpr int kLongest = 320;

int Shrunk(int side, int factor) { return (side + factor - 1) / factor; }

/// A picture shrunk in two ways; the picture itself where it is small already.
struct Small {
  int width, height;
  const uint8_t* halved;
  View reduced;
  /// Of both: one block of memory, which stays in the heap where two would be given back to the system each time.
  std::unique_ptr<uint8_t[]> memory;
  size_t pixels() const { return static_cast<size_t>(width) * height; }
};

/// Halves an RGB picture (means of 2 x 2 pixels) as often as it takes, strip by strip, so that what is between stays in
/// the nearest cache. The reduced picture is made from the same strips.
Small Shrink(const View& in) {
  const int width = in.width, height = in.height;
  int times = 0;
  while ((std::max(width, height) - 1) >> times >= kLongest) ++times;
  if (times == 0) return {width, height, in.data, in, nullptr};
  const auto halves = [times](int side) { return ((side - 1) >> times) + 1; };
  const int factor = ReductionOf(width, height);
  Small small{
      halves(width), halves(height), nullptr, {nullptr, Shrunk(width, factor), Shrunk(height, factor), 3}, nullptr};
  small.memory = std::make_unique_for_overwrite<uint8_t[]>((small.pixels() + small.reduced.pixels()) * 3);
  uint8_t* halved = small.memory.get();
  uint8_t* reduced = halved + small.pixels() * 3;
  small.halved = halved;
  small.reduced.data = reduced;
  // Four rows of the small picture at a time.
  const int rows = 4 << times;
  std::vector<uint8_t> strips[2];
  int done = 0;
  for (int y = 0, row = 0; y < height; y += rows, row += 4) {
    View view{in.data + static_cast<size_t>(y) * width * 3, width, std::min(rows, height - y), 3};
    for (int i = 0; i < times; ++i) {
      const int half_width = (view.width + 1) / 2, half_height = (view.height + 1) / 2;
      std::vector<uint8_t>& strip = strips[i % 2];
      uint8_t* out = halved + static_cast<size_t>(row) * small.width * 3;
      if (i + 1 < times) {
        strip.resize(static_cast<size_t>(half_width) * half_height * 3);
        out = strip.data();
      }
      Reduce(view, 2, 2, out);
      view = {out, half_width, half_height, 3};
    }
    const int seen = y + rows >= height ? small.reduced.height : (y + rows) / factor;
    ReduceRows(in, factor, factor, done, seen, reduced + static_cast<size_t>(done) * small.reduced.width * 3);
    done = seen;
  }
  return small;
}

struct PaperMean {
  float channels[3];
};

COBRA_CLONES void Lumas(const uint8_t* rgb, size_t pixels, uint8_t* out) {
  for (size_t i = 0; i < pixels; ++i)
    out[i] = static_cast<uint8_t>((rgb[3 * i] * 77 + rgb[3 * i + 1] * 150 + rgb[3 * i + 2] * 29) >> 8);
}

/// Adds the channels, and 1, of the pixels whose luma is from `low` on and not over `low + range`.
COBRA_CLONES void SumNear(const uint8_t* rgb, const uint8_t* luma, size_t pixels, uint8_t low, uint8_t range,
                          uint32_t sums[4]) {
  uint32_t red = 0, green = 0, blue = 0, count = 0;
  for (size_t i = 0; i < pixels; ++i) {
    const uint32_t near = static_cast<uint8_t>(luma[i] - low) <= range;
    red += near * rgb[3 * i];
    green += near * rgb[3 * i + 1];
    blue += near * rgb[3 * i + 2];
    count += near;
  }
  sums[0] = red, sums[1] = green, sums[2] = blue, sums[3] = count;
}

/// The mean of the pixels around the brightest luma that 2% of the picture gather at; white if there is none.
PaperMean MeanOfPaper(const uint8_t* rgb, size_t pixels) {
  std::vector<uint8_t> luma(pixels);
  Lumas(rgb, pixels, luma.data());
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
  uint32_t sums[4];  // of at most 320 x 320 pixels: they fit
  SumNear(rgb, luma.data(), pixels, static_cast<uint8_t>(paper - 4),
          static_cast<uint8_t>(std::min(255, paper + 4) - (paper - 4)), sums);
  if (sums[3] == 0) return {{255.0f, 255.0f, 255.0f}};
  PaperMean mean;
  for (int c = 0; c < 3; ++c)
    mean.channels[c] = std::max(static_cast<float>(sums[c]) / static_cast<float>(sums[3]), 96.0f);
  return mean;
}

constexpr size_t kRun = 256;
constexpr size_t kLanes = 8;
typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float))));

#define COBRA_INLINE inline __attribute__((always_inline))

// By reference: how such vectors are returned depends on the processor a caller is compiled for.
COBRA_INLINE void Load(const float* from, Lanes& to) { std::memcpy(&to, from, sizeof(to)); }
COBRA_INLINE void Store(const Lanes& lanes, float* to) { std::memcpy(to, &lanes, sizeof(lanes)); }

/// The sum of products of two planes, side by side in lanes: the order of additions is the same on every processor.
COBRA_INLINE double Dot(const float* a, const float* b) {
  Lanes even = {}, odd = {}, x, y;
  for (size_t i = 0; i < kRun; i += 2 * kLanes) {
    Load(a + i, x);
    Load(b + i, y);
    even += x * y;
    Load(a + i + kLanes, x);
    Load(b + i + kLanes, y);
    odd += x * y;
  }
  even += odd;
  float sum = 0.0f;
  for (size_t k = 0; k < kLanes; ++k) sum += even[k];
  return sum;
}

/// Adds the sums of at most kRun pixels. The planes are filled up with pixels without ink, which add nothing.
COBRA_CLONES void AddRun(const uint8_t* rgb, size_t pixels, const PaperMean& paper, double sums[kColorSums]) {
  float red[kRun] = {}, green[kRun] = {}, blue[kRun] = {}, light[3][kRun], first[kRun], second[kRun], tinted[kRun],
        vivid[kRun], ones[kRun];
  const float by_red = 1.0f / paper.channels[0], by_green = 1.0f / paper.channels[1],
              by_blue = 1.0f / paper.channels[2];
  for (size_t i = 0; i < pixels; ++i) {
    red[i] = std::max(0.0f, 1.0f - static_cast<float>(rgb[3 * i]) * by_red);
    green[i] = std::max(0.0f, 1.0f - static_cast<float>(rgb[3 * i + 1]) * by_green);
    blue[i] = std::max(0.0f, 1.0f - static_cast<float>(rgb[3 * i + 2]) * by_blue);
  }
  const Lanes none = {}, one = none + 1.0f;
  for (size_t i = 0; i < kRun; i += kLanes) {
    Lanes r, g, b;
    Load(red + i, r);
    Load(green + i, g);
    Load(blue + i, b);
    const Lanes sum = r + g;
    const Lanes high = r > g ? r : g, low = r > g ? g : r;
    const Lanes chroma = (high > b ? high : b) - (low > b ? b : low);
    const auto is_light = sum + b < 1.5f;
    Store(is_light ? r : none, light[0] + i);
    Store(is_light ? g : none, light[1] + i);
    Store(is_light ? b : none, light[2] + i);
    Store(r - g, first + i);
    Store(sum * 0.5f - b, second + i);
    Store(chroma > kTinted ? one : none, tinted + i);
    Store(chroma > kVivid ? one : none, vivid + i);
    Store(one, ones + i);
  }
  const float* factors[kColorSums][2] = {
      {red, red},           {green, green},       {blue, blue},         {red, green},         {red, blue},
      {green, blue},        {light[0], light[0]}, {light[1], light[1]}, {light[2], light[2]}, {light[0], light[1]},
      {light[0], light[2]}, {light[1], light[2]}, {first, first},       {second, second},     {first, second},
      {tinted, ones},       {vivid, ones}};
  for (size_t i = 0; i < kColorSums; ++i) sums[i] += Dot(factors[i][0], factors[i][1]);
}

}  // namespace

int ReductionOf(int width, int height) { return Shrunk(std::max(width, height), kLongest); }

size_t CountBlocks(int width, int height) {
  const int factor = ReductionOf(width, height);
  return static_cast<size_t>(Shrunk(width, factor) / kBlock) * (Shrunk(height, factor) / kBlock);
}

size_t ColorSums(const View& rgb, double sums[kColorSums], double* blocks) {
  std::fill(sums, sums + kColorSums, 0.0);
  const Small small = Shrink(rgb);
  BlockSpreads(small.reduced, blocks);
  const PaperMean paper = MeanOfPaper(small.halved, small.pixels());
  for (size_t i = 0; i < small.pixels(); i += kRun)
    AddRun(small.halved + 3 * i, std::min(kRun, small.pixels() - i), paper, sums);
  return small.pixels();
}

}  // namespace cobra::pixels
