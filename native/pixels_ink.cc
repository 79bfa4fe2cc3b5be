// Puts the model's colour under the page's own ink, at the page's size.
//
//   tone     the page's luma relative to its paper (255 = paper; the paper is the brightest peak of the page's histogram)
//   shade    the tone without lines: closing of `tone`. tone / shade is ink, shade is what the page's grey areas are
//   colour   the model's picture on the working grid, brought to the ink (pixels_ink_fill.cc)
//   out      colour * page / paper / shade, not brighter than the shade; where the colour is white, the page itself; never darker
//            than the page's own pixel where that is black
//
// Everything is a fixed number of passes over the pixels: time and memory are linear in the page.
#include <algorithm>
#include <cmath>
#include <vector>

#include "pixels_ink.h"

namespace cobra::pixels {
namespace {

constexpr float kBlack = 24.0f;  // pixels up to here come through unchanged

struct Paper {
  uint8_t color[3];
  uint8_t luma;
};

/// The paper: the brightest value that 1.5% of the page gather around and that is a peak there; white when there is none.
Paper FindPaper(const uint8_t* page, const uint8_t* luma, size_t count) {
  uint64_t histogram[256], around[256];
  Histogram(luma, count, histogram);
  const auto sum = [&](int value) {
    uint64_t total = 0;
    for (int v = std::max(0, value - 3); v <= std::min(255, value + 3); ++v) total += histogram[v];
    return total;
  };
  for (int v = 0; v < 256; ++v) around[v] = sum(v);
  int paper = 255;
  for (int v = 255; v >= 96; --v) {
    if (around[v] * 200 < count * 3) continue;
    const int low = std::max(0, v - 6);
    if (*std::max_element(around + low, around + v + 1) > around[v]) continue;
    // The peak of the smoothed counts may be flat; the fullest value in its window is meant.
    paper = v;
    for (int other = std::max(0, v - 3); other <= std::min(255, v + 3); ++other) {
      if (histogram[other] > histogram[paper]) paper = other;
    }
    break;
  }
  uint64_t sums[3] = {0, 0, 0}, found = 0;
  for (size_t i = 0; i < count; ++i) {
    if (std::abs(luma[i] - paper) > 3) continue;
    for (int c = 0; c < 3; ++c) sums[c] += page[3 * i + c];
    ++found;
  }
  Paper result{{255, 255, 255}, static_cast<uint8_t>(paper)};
  for (int c = 0; c < 3 && found > 0; ++c) result.color[c] = static_cast<uint8_t>(std::max<uint64_t>((sums[c] + found / 2) / found, 96));
  return result;
}

/// Least tone of each k x k block: lines stay closed on the smaller grid.
std::vector<uint8_t> ReduceTone(const std::vector<uint8_t>& tone, int width, int height, int k, int grid_width, int grid_height) {
  std::vector<uint8_t> out(static_cast<size_t>(grid_width) * grid_height, 255);
  for (int y = 0; y < height; ++y) {
    const uint8_t* row = tone.data() + static_cast<size_t>(y) * width;
    uint8_t* target = out.data() + static_cast<size_t>(y / k) * grid_width;
    for (int x = 0; x < width; ++x) target[x / k] = std::min(target[x / k], row[x]);
  }
  return out;
}

/// One pixel of the finer page: linear between four pixels of the grid, of which those count little whose tone is another one, so
/// that a pixel beside a line does not take the colour from under it.
struct Finer {
  const ColorGrid& grid;
  const uint8_t* grid_tone;
  int k;
  float likeness[256];

  Finer(const ColorGrid& grid, const uint8_t* grid_tone, int k) : grid(grid), grid_tone(grid_tone), k(k) {
    for (int step = 0; step < 256; ++step) likeness[step] = std::exp(-static_cast<float>(step) / 24.0f) + 1e-4f;
  }

  /// One row as planes of width floats: red, green, blue, white.
  void Row(const uint8_t* tone, int y, int width, float* planes) const {
    const size_t w = static_cast<size_t>(grid.width);
    const float at_y = (static_cast<float>(y) + 0.5f) / static_cast<float>(k) - 0.5f;
    const int above = std::clamp(static_cast<int>(std::floor(at_y)), 0, grid.height - 1), below = std::min(above + 1, grid.height - 1);
    const float fy = std::clamp(at_y - static_cast<float>(above), 0.0f, 1.0f);
    const Rgbw *upper = &grid.pixels[above * w], *lower = &grid.pixels[below * w];
    const uint8_t *upper_tone = grid_tone + above * w, *lower_tone = grid_tone + below * w;
    for (int x = 0; x < width; ++x) {
      const float at_x = (static_cast<float>(x) + 0.5f) / static_cast<float>(k) - 0.5f;
      const int left = std::max(static_cast<int>(at_x), 0), right = std::min(left + 1, grid.width - 1);
      const float fx = std::clamp(at_x - static_cast<float>(left), 0.0f, 1.0f);
      const auto like = [&](uint8_t other) { return likeness[std::abs(tone[x] - other)]; };
      const float w00 = (1 - fx) * (1 - fy) * like(upper_tone[left]), w01 = fx * (1 - fy) * like(upper_tone[right]);
      const float w10 = (1 - fx) * fy * like(lower_tone[left]), w11 = fx * fy * like(lower_tone[right]);
      const Rgbw c = (w00 * upper[left] + w01 * upper[right] + w10 * lower[left] + w11 * lower[right]) / (w00 + w01 + w10 + w11);
      for (int i = 0; i < 4; ++i) planes[static_cast<size_t>(i) * width + x] = c[i];
    }
  }
};

/// A row of the grid as planes, where the grid is the page's.
void SplitRow(const Rgbw* row, int width, float* planes) {
  for (int x = 0; x < width; ++x) {
    for (int i = 0; i < 4; ++i) planes[static_cast<size_t>(i) * width + x] = row[x][i];
  }
}

/// The model's picture on the working grid, brought to the ink.
ColorGrid ColorOnGrid(const View& model, const uint8_t* tone, int width, int height) {
  std::vector<uint8_t> color(static_cast<size_t>(width) * height * 3);
  const Box all{0.0f, 0.0f, static_cast<float>(model.width), static_cast<float>(model.height)};
  // Linear: sharper filters put bright rims beside the model's lines.
  Resize(model, width, height, Filter::kBilinear, all, color.data());
  const double pixel = std::sqrt(static_cast<double>(width) * height / static_cast<double>(model.pixels()));
  return FillColor(color.data(), tone, width, height, pixel);
}

struct Tables {
  /// 1 / shade as ink sees it: black areas count as ink, not as shade.
  float inverse_shade[256];
  /// The share of an area that is black.
  float black[256];
};

/// One row of the output.
COBRA_CLONES void ComposeRow(const uint8_t* page, const uint8_t* shade, const float* planes, size_t width, const Paper& paper, const Tables& tables, uint8_t* out) {
  const float per_paper[3] = {1.0f / paper.color[0], 1.0f / paper.color[1], 1.0f / paper.color[2]};
  for (size_t x = 0; x < width; ++x) {
    const float r = planes[x], g = planes[width + x], b = planes[2 * width + x], white = planes[3 * width + x];
    const float black = tables.black[shade[x]];
    const float luma = 0.299f * r + 0.587f * g + 0.114f * b;
    const float cap = std::min(1.0f, static_cast<float>(shade[x]) / std::max(luma, 1.0f));
    const float factor = (cap + black * (1.0f - cap)) * tables.inverse_shade[shade[x]];
    const float color[3] = {r, g, b};
    for (int c = 0; c < 3; ++c) {
      const float own = page[3 * x + c];
      const float ink = std::min(1.0f, own * per_paper[c]);
      // Black stays what it is: from below by the floor, from above by a ceiling that soon leaves the way free.
      const float floor = std::min(own, kBlack), ceiling = own + 4.0f * std::max(own - kBlack, 0.0f);
      const float coloured = std::clamp(color[c] * ink * factor, floor, ceiling);
      const float value = coloured + white * (own - coloured);
      out[3 * x + c] = static_cast<uint8_t>(std::min(value, 255.0f) + 0.5f);
    }
  }
}

Tables MakeTables() {
  Tables tables;
  for (int v = 0; v < 256; ++v) {
    const float shade = static_cast<float>(v) / 255.0f;
    const float t = std::clamp((0.20f - shade) / (0.20f - 0.09f), 0.0f, 1.0f);
    tables.black[v] = t * t * (3.0f - 2.0f * t);
    tables.inverse_shade[v] = 1.0f / (shade + (1.0f - shade) * tables.black[v]);
  }
  return tables;
}

}  // namespace

void ComposeInk(const View& page, const View& model, uint8_t* out) {
  const int width = page.width, height = page.height;
  const size_t count = page.pixels();
  std::vector<uint8_t> tone(count);
  ToGray(page.data, count, tone.data());
  const Paper paper = FindPaper(page.data, tone.data(), count);
  uint8_t relative[256];
  for (int v = 0; v < 256; ++v) relative[v] = static_cast<uint8_t>(std::min(255, (v * 255 + paper.luma / 2) / paper.luma));
  for (uint8_t& t : tone) t = relative[t];

  const double ratio = std::sqrt(static_cast<double>(count) / (1.5 * static_cast<double>(model.pixels())));
  const int k = std::max(1, static_cast<int>(std::lround(ratio)));
  const int grid_width = (width + k - 1) / k, grid_height = (height + k - 1) / k;
  const std::vector<uint8_t> reduced = k == 1 ? std::vector<uint8_t>() : ReduceTone(tone, width, height, k, grid_width, grid_height);
  const uint8_t* grid_tone = k == 1 ? tone.data() : reduced.data();
  const ColorGrid grid = ColorOnGrid(model, grid_tone, grid_width, grid_height);

  // Lines up to twice this radius are ink; wider grey is shade.
  const int radius = std::max(2, static_cast<int>(std::lround(std::sqrt(static_cast<double>(count)) / 250.0)));
  std::vector<uint8_t> shade(count);
  MaxFilter(tone.data(), width, height, radius, shade.data());
  MinFilter(shade.data(), width, height, radius, shade.data());

  const Tables tables = MakeTables();
  const Finer finer(grid, grid_tone, k);
  std::vector<float> planes(4 * static_cast<size_t>(width));
  for (int y = 0; y < height; ++y) {
    const size_t at = static_cast<size_t>(y) * width;
    if (k == 1) {
      SplitRow(&grid.pixels[at], width, planes.data());
    } else {
      finer.Row(tone.data() + at, y, width, planes.data());
    }
    ComposeRow(page.data + 3 * at, shade.data() + at, planes.data(), static_cast<size_t>(width), paper, tables, out + 3 * at);
  }
}

}  // namespace cobra::pixels
