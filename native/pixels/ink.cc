// Puts the model's colour under the page's own ink, at the page's size.
//
// - tone: the page's luma relative to its paper. 255 is paper, which is the brightest peak of the page's histogram.
// - shade: the tone without lines, that is its closing, with dither smoothed out. tone / shade is ink, shade is
//   the page's grey areas.
// - colour: the model's picture on the working grid, kept from crossing the ink (ink_fill.cc).
// - hints: where the user has given colours, they replace the model's (ink_hints.cc).
// - out: colour * page / paper. In grey areas it is lightened by as much shade as the colour already has. On a page
//   that was once in colour it is exactly as light as the page (both in ink_shade.cc). Where the colour is white or the
//   page is black, it is the page itself.
//
// Everything is a fixed number of passes over the pixels: time and memory are linear in the page.
#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "pixels/ink.h"

namespace cobra::pixels {
namespace {

constexpr float kBlack = 24.0f;         // pixels up to here come through unchanged
constexpr size_t kAtOnce = 16'000'000;  // pixels of a page whose tone and shade are kept; of a larger one they are made
                                        // twice, some rows at a time
constexpr int kBandRows = 256;

/// One pixel of the finer page: linear between four pixels of the grid, of which those count little whose tone is
/// another one, so that a pixel beside a line does not take the colour from under it.
struct Finer {
  const ColorGrid& grid;
  const uint8_t* grid_tone;
  int k;
  float likeness[256];

  Finer(const ColorGrid& grid, const uint8_t* grid_tone, int k) : grid(grid), grid_tone(grid_tone), k(k) {
    for (int step = 0; step < 256; ++step) likeness[step] = std::exp(-static_cast<float>(step) / 24.0f) + 1e-4f;
  }

  /// `flat`: which pixels have a flat, where the grid has any.
  COBRA_CLONES void Row(const uint8_t* tone, int y, int width, Rgbw* out, uint8_t* flat) const {
    const size_t w = static_cast<size_t>(grid.width);
    const float at_y = (static_cast<float>(y) + 0.5f) / static_cast<float>(k) - 0.5f;
    const int above = std::clamp(static_cast<int>(std::floor(at_y)), 0, grid.height - 1),
              below = std::min(above + 1, grid.height - 1);
    const float fy = std::clamp(at_y - static_cast<float>(above), 0.0f, 1.0f);
    const Rgbw *upper = &grid.pixels[above * w], *lower = &grid.pixels[below * w];
    const uint8_t *upper_tone = grid_tone + above * w, *lower_tone = grid_tone + below * w;
    const uint8_t* upper_flat = grid.flat.empty() ? nullptr : &grid.flat[above * w];
    const uint8_t* lower_flat = grid.flat.empty() ? nullptr : &grid.flat[below * w];
    for (int x = 0; x < width; ++x) {
      const float at_x = (static_cast<float>(x) + 0.5f) / static_cast<float>(k) - 0.5f;
      const int left = std::max(static_cast<int>(at_x), 0), right = std::min(left + 1, grid.width - 1);
      const float fx = std::clamp(at_x - static_cast<float>(left), 0.0f, 1.0f);
      const auto like = [&](uint8_t other) { return likeness[std::abs(tone[x] - other)]; };
      const float w00 = (1 - fx) * (1 - fy) * like(upper_tone[left]), w01 = fx * (1 - fy) * like(upper_tone[right]);
      const float w10 = (1 - fx) * fy * like(lower_tone[left]), w11 = fx * fy * like(lower_tone[right]);
      if (upper_flat != nullptr) {
        // Flats do not mix: the likeliest of the four.
        const float most = std::max(std::max(w00, w01), std::max(w10, w11));
        const bool above_is = w00 == most || w01 == most;
        const int at = above_is ? (w00 == most ? left : right) : (w10 == most ? left : right);
        flat[x] = (above_is ? upper_flat : lower_flat)[at];
        if (flat[x] != 0) {
          out[x] = (above_is ? upper : lower)[at];
          continue;
        }
      }
      out[x] = (w00 * upper[left] + w01 * upper[right] + w10 * lower[left] + w11 * lower[right]) *
               (1.0f / (w00 + w01 + w10 + w11));
    }
  }
};

/// The model's picture on the working grid, brought to the ink. Of four channels: flats as they are.
ColorGrid ColorOnGrid(const View& model, const uint8_t* tone, int width, int height) {
  const size_t count = static_cast<size_t>(width) * height;
  std::vector<uint8_t> color(count * model.channels);
  const Box all{0.0f, 0.0f, static_cast<float>(model.width), static_cast<float>(model.height)};
  // Linear: sharper filters put bright rims beside the model's lines.
  Resize(model, width, height, Filter::kBilinear, all, color.data());
  if (model.channels == 4) ChangeChannels(color.data(), count, 4, 3, color.data());
  const double pixel = 1.25 * std::sqrt(static_cast<double>(count) / static_cast<double>(model.pixels()));
  ColorGrid grid = FillColor(color.data(), tone, width, height, pixel);
  if (model.channels == 4) LayFlats(model, grid);
  return grid;
}

/// By value 0..255 of a page's shade.
struct ShadeTables {
  /// The share of it that is black and stays as it is.
  float black[256];
  /// v^-b, where b is the share of the shading that the colour has already and v what `Darkness` gives.
  float lift[256];
  /// The part of the shade that a colour's layer has, v^b; the ink's has the rest.
  float part[256];
  float followed;

  explicit ShadeTables(const ShadeOfColor& shading) : followed(shading.followed) {
    constexpr float kBlackShade = 0.09f, kGreyShade = 0.20f;
    const float explained = std::max(shading.explained, followed);
    for (int v = 0; v < 256; ++v) {
      const float level = static_cast<float>(std::max(v, 1)) / 255.0f;
      black[v] = std::clamp((kGreyShade - level) / (kGreyShade - kBlackShade), 0.0f, 1.0f) * (1.0f - followed);
      lift[v] = std::pow(level, -explained);
      part[v] = std::pow(std::max(level, kLeast / 255.0f), explained);
    }
  }

  /// What a colour on `shade` is divided by, 0..255: the lighter of the two, so that with b = 1 the result is as dark
  /// as the darker, and with b = 0 the colour is shaded in full. Where the page's greys are followed it is the colour's
  /// own luma: the result is as light as the page.
  int Darkness(uint8_t shade, float luma) const {
    const float lighter = std::max(static_cast<float>(shade), luma);
    return static_cast<int>(std::clamp(lighter + followed * (luma - lighter), kLeast, 255.0f));
  }

 private:
  static constexpr float kLeast = 16.0f;
};

/// A colour brighter than white can be, with as much white as it takes to be as light within 255.
inline Rgbw Within(Rgbw color) {
  const float most = std::max(color[0], std::max(color[1], color[2])), luma = Luma(color);
  if (most <= 255.0f) return color;
  if (luma >= 255.0f) return Rgbw{255.0f, 255.0f, 255.0f, color[3]};
  return luma + (color - luma) * ((255.0f - luma) / (most - luma));
}

/// One row of the output. `colors`: red, green, blue, white of each pixel.
COBRA_CLONES void ComposeRow(const uint8_t* page, const uint8_t* shade, const Rgbw* colors, int width,
                             const Paper& paper, const ShadeTables& tables, uint8_t* out) {
  const Rgbw per_paper{1.0f / paper.color[0], 1.0f / paper.color[1], 1.0f / paper.color[2], 0.0f};
  const Rgbw floor_black = Rgbw{} + kBlack, one = Rgbw{} + 1.0f, nothing{}, most = Rgbw{} + 255.0f;
  for (int x = 0; x < width; ++x, page += 3, out += 3) {
    const Rgbw color = colors[x];
    if (color[3] == 1.0f) {
      for (int c = 0; c < 3; ++c) out[c] = page[c];
      continue;
    }
    const Rgbw own{static_cast<float>(page[0]), static_cast<float>(page[1]), static_cast<float>(page[2]), 0.0f};
    const Rgbw ink = own * per_paper < one ? own * per_paper : one;
    Rgbw coloured = color * ink;
    float keep = color[3];
    if (tables.followed > 0.0f) {
      const float part = tables.part[shade[x]];
      coloured = Within(color * (tables.lift[tables.Darkness(shade[x], Luma(color))] * part)) * (ink * (1.0f / part));
      keep = std::max(keep, tables.black[shade[x]]);
    } else if (shade[x] < 255) {
      coloured *= tables.lift[tables.Darkness(shade[x], Luma(color))];
      keep = std::max(keep, tables.black[shade[x]]);
    }
    // Black stays what it is: from below by a floor, from above by a ceiling, both of which soon leave the way free.
    const Rgbw over = own - floor_black;
    const Rgbw lowest = over < nothing ? own : floor_black - over;
    const Rgbw ceiling = own + 4.0f * (over < nothing ? nothing : over);
    coloured = coloured < lowest ? lowest : coloured;
    coloured = coloured > ceiling ? ceiling : coloured;
    Rgbw value = coloured + keep * (own - coloured);
    value = (value > most ? most : value) + 0.5f;
    for (int c = 0; c < 3; ++c) out[c] = static_cast<uint8_t>(value[c]);
  }
}

/// One row of the layers: multiplied with one another they are the output but for its black, which is the ink's alone.
/// White has the paper's colour, or the page's where that is brighter, the ink none of it. Grey that the colour has in
/// it already lies in the colour's layer, the rest in the ink's.
COBRA_CLONES void LayerRow(const uint8_t* page, const uint8_t* shade, const Rgbw* colors, int width, const Paper& paper,
                           const ShadeTables& tables, const uint8_t* flat, uint8_t* color_out, uint8_t* ink_out) {
  const Rgbw white{static_cast<float>(paper.color[0]), static_cast<float>(paper.color[1]),
                   static_cast<float>(paper.color[2]), 0.0f};
  for (int x = 0; x < width; ++x) {
    const Rgbw color = colors[x];
    const float part = tables.part[shade[x]] + color[3] * (1.0f - tables.part[shade[x]]);
    const Rgbw lit = Within(color * (tables.lift[tables.Darkness(shade[x], Luma(color))] * part));
    const Rgbw own{static_cast<float>(page[3 * x]), static_cast<float>(page[3 * x + 1]),
                   static_cast<float>(page[3 * x + 2]), 0.0f};
    if (flat != nullptr && flat[x] != 0 && tables.followed == 0.0f) {
      // The flat as it is; all light and shade of the page lies in the ink.
      const Rgbw even = color + color[3] * (white - color);
      const float lift = tables.lift[tables.Darkness(shade[x], Luma(color))];
      for (int c = 0; c < 3; ++c) {
        const float ink = own[c] / white[c], shaded = color[c] * ink * lift;
        const float wanted = shaded + color[3] * (own[c] - shaded);
        const float base = std::floor(std::clamp(even[c], 0.0f, 255.0f) + 0.5f);
        color_out[3 * x + c] = static_cast<uint8_t>(base);
        ink_out[3 * x + c] =
            static_cast<uint8_t>(std::min(base > 0.0f ? wanted * 255.0f / base : 255.0f * ink, 255.0f) + 0.5f);
      }
      continue;
    }
    const Rgbw layer = lit + color[3] * ((own > white ? own : white) - lit);
    for (int c = 0; c < 3; ++c) {
      const float ink = static_cast<float>(page[3 * x + c]) * 255.0f / (static_cast<float>(paper.color[c]) * part);
      color_out[3 * x + c] = static_cast<uint8_t>(std::clamp(layer[c], 0.0f, 255.0f) + 0.5f);
      ink_out[3 * x + c] = static_cast<uint8_t>(std::min(ink, 255.0f) + 0.5f);
    }
  }
}

}  // namespace

void ComposeInk(const View& page, const View& model, const View* hints, uint8_t* out, uint8_t* color_out,
                uint8_t* ink_out) {
  const int width = page.width, height = page.height;
  const size_t w = static_cast<size_t>(width);
  const Paper paper = FindPaper(page);
  const double ratio = std::sqrt(static_cast<double>(page.pixels()) / (1.5 * static_cast<double>(model.pixels())));
  const int k = std::max(1, static_cast<int>(std::lround(ratio)));
  const int grid_width = (width + k - 1) / k, grid_height = (height + k - 1) / k;
  // Lines up to twice this radius are ink; wider grey is shade.
  const int radius = std::max(2, static_cast<int>(std::lround(PageSide(width, height) / 250.0)));
  const bool at_once = k == 1 || page.pixels() <= kAtOnce;
  const int rows = at_once ? height : std::max(kBandRows, 8 * radius);

  std::optional<ToneBands> bands(std::in_place, page, paper, radius, rows);
  std::vector<uint8_t> grid_tone(k == 1 ? 0 : static_cast<size_t>(grid_width) * grid_height, 255),
      grid_shade(grid_tone.size());
  while (bands->Next()) {
    for (int y = bands->first(); y < bands->last() && k > 1; ++y) {
      const size_t at = static_cast<size_t>(y / k) * grid_width;
      const uint8_t *tone = bands->tone(y), *shade = bands->shade(y);
      // The least tone of each block: lines stay closed on the smaller grid.
      for (int x = 0; x < width; ++x) grid_tone[at + x / k] = std::min(grid_tone[at + x / k], tone[x]);
      if (y != std::min(y / k * k + k / 2, height - 1)) continue;
      for (int x = 0; x < grid_width; ++x) grid_shade[at + x] = shade[std::min(x * k + k / 2, width - 1)];
    }
    if (at_once) break;
  }
  const uint8_t* tone_on_grid = k == 1 ? bands->tone(0) : grid_tone.data();
  const ColorGrid grid = ColorOnGrid(model, tone_on_grid, grid_width, grid_height);
  const ShadeTables tables(ShadeInColor(grid, k == 1 ? bands->shade(0) : grid_shade.data()));

  const Finer finer(grid, tone_on_grid, k);
  std::optional<HintLayer> layer;
  if (hints != nullptr) layer.emplace(*hints, grid);
  std::vector<Rgbw> row(k == 1 && !layer ? 0 : w);
  std::vector<uint8_t> flat_row(k == 1 || grid.flat.empty() ? 0 : w);
  std::vector<uint8_t> scratch(page.channels == 3 ? 0 : 3 * w);
  if (!at_once) bands.emplace(page, paper, radius, rows);
  for (bool more = at_once || bands->Next(); more; more = !at_once && bands->Next()) {
    for (int y = bands->first(); y < bands->last(); ++y) {
      if (k > 1)
        finer.Row(bands->tone(y), y, width, row.data(), flat_row.data());
      else if (layer)
        std::copy_n(&grid.pixels[y * w], width, row.data());
      if (layer) layer->PutInRow(y, width, height, row.data());
      const Rgbw* colors = row.empty() ? &grid.pixels[y * w] : row.data();
      const uint8_t* own = RgbRow(page, y, scratch.data());
      // Hints have light and shade.
      const uint8_t* flat = grid.flat.empty() || layer ? nullptr : k > 1 ? flat_row.data() : &grid.flat[y * w];
      if (color_out != nullptr)
        LayerRow(own, bands->shade(y), colors, width, paper, tables, flat, color_out + 3 * y * w, ink_out + 3 * y * w);
      ComposeRow(own, bands->shade(y), colors, width, paper, tables, out + 3 * y * w);
    }
  }
}

}  // namespace cobra::pixels
