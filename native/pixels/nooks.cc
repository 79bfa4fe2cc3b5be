// Nooks: places of a region that are small, nearly closed, and in the model's picture of another colour than the
// region. An iris is a ring of two pixels between a fine outline and a pupil: any break in the outline joins it to the
// face, since no gap is narrow against a ring that is as narrow itself. So a nook keeps the model's colour.
//
// - narrow: no square with sides of about a hundredth of the page's fits there between lines. A region that is narrow
//   everywhere (a strand, a hatched place) has no nooks.
// - apart: the model's colour is further than kApart from the region's flat.
// - a nook: pixels that are both and touch, when nearly all that they border on is ink.
// - The ink around it takes its colour, where the model has that there too.
#include "pixels/nooks.h"

#include <algorithm>

#include "pixels/ink.h"
#include "pixels/pieces.h"

namespace cobra::pixels {
namespace {

constexpr double kNarrow = 1.0 / 224.0;  // of the page's side: half of the square that does not fit
constexpr int kApart = 64;               // RGB distance
constexpr double kClosed = 0.85;         // of a nook's border that must be ink
constexpr double kLeast = 4e-5;          // of the page: what is smaller is an edge of a line
constexpr double kMost = 2e-3;           // of the page: what is larger is no nook

/// 1 where a square fits between lines.
std::vector<uint8_t> FindWide(const Regions& regions) {
  const int radius = Radius(regions.width, regions.height, kNarrow);
  std::vector<uint8_t> wide(regions.ink.size());
  for (size_t i = 0; i < wide.size(); ++i) wide[i] = !regions.ink[i];
  MinFilter(wide.data(), regions.width, regions.height, radius, wide.data());
  MaxFilter(wide.data(), regions.width, regions.height, radius, wide.data());
  return wide;
}

/// 1 on pixels, ink too, that are narrow and apart from the flat of a region that is not narrow everywhere.
std::vector<uint8_t> FindApart(const Regions& regions, const std::vector<int32_t>& flats, const uint8_t* model) {
  std::vector<uint8_t> apart = FindWide(regions), has_wide(flats.size(), 0);
  for (size_t i = 0; i < apart.size(); ++i) {
    if (apart[i] && regions.label[i] >= 0) has_wide[static_cast<size_t>(regions.label[i])] = 1;
  }
  for (size_t i = 0; i < apart.size(); ++i) {
    const int32_t label = regions.label[i];
    const bool narrow = !apart[i] && label >= 0 && has_wide[static_cast<size_t>(label)];
    const int32_t flat = narrow ? flats[static_cast<size_t>(label)] : -1;
    const int r = model[3 * i] - (flat >> 16 & 255), g = model[3 * i + 1] - (flat >> 8 & 255),
              b = model[3 * i + 2] - (flat & 255);
    apart[i] = flat >= 0 && r * r + g * g + b * b > kApart * kApart;
  }
  return apart;
}

/// How much of a piece's border there is, and how much of it is ink. What lies outside the page counts as ink.
struct Border {
  size_t pixels = 0, all = 0, ink = 0;
};

std::vector<Border> Borders(const Regions& regions, const std::vector<uint8_t>& inside, const Pieces& pieces) {
  std::vector<Border> borders(static_cast<size_t>(pieces.count));
  for (const Run& run : pieces.runs) {
    Border& border = borders[static_cast<size_t>(run.piece)];
    border.pixels += static_cast<size_t>(run.end - run.begin);
    const auto look = [&](int x, int y) {
      const bool outside = x < 0 || y < 0 || x >= regions.width || y >= regions.height;
      const size_t i = outside ? 0 : static_cast<size_t>(y) * regions.width + x;
      if (!outside && inside[i]) return;
      ++border.all;
      border.ink += outside || regions.ink[i];
    };
    look(run.begin - 1, run.y);
    look(run.end, run.y);
    for (int x = run.begin; x < run.end; ++x) look(x, run.y - 1), look(x, run.y + 1);
  }
  return borders;
}

}  // namespace

std::vector<uint8_t> FindNooks(const Regions& regions, const std::vector<int32_t>& flats, const uint8_t* model) {
  const std::vector<uint8_t> apart = FindApart(regions, flats, model);
  std::vector<uint8_t> inside(apart.size()), nooks(apart.size(), 0), grown(apart.size());
  for (size_t i = 0; i < apart.size(); ++i) inside[i] = apart[i] && !regions.ink[i];
  const Pieces pieces = FindPieces(inside.data(), regions.width, regions.height, Touch::kOnesStraight);
  const std::vector<Border> borders = Borders(regions, inside, pieces);
  const double page = static_cast<double>(apart.size());
  for (const Run& run : pieces.runs) {
    const Border& border = borders[static_cast<size_t>(run.piece)];
    const double pixels = static_cast<double>(border.pixels);
    if (pixels < kLeast * page || pixels > kMost * page) continue;
    if (static_cast<double>(border.ink) < kClosed * static_cast<double>(border.all)) continue;
    const auto row = nooks.begin() + static_cast<ptrdiff_t>(run.y) * regions.width;
    std::fill(row + run.begin, row + run.end, uint8_t{1});
  }
  MaxFilter(nooks.data(), regions.width, regions.height, 1, grown.data());
  for (size_t i = 0; i < nooks.size(); ++i) nooks[i] |= grown[i] && regions.ink[i] && apart[i];
  return nooks;
}

}  // namespace cobra::pixels
