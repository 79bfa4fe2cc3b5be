// Cuts a page into regions bounded by its ink, even where a line has gaps.
//
// - ink: darker than kInk of its surroundings (the closing of the tone), or black.
// - distance: from every other pixel to the nearest ink.
// - regions: pixels join from the inside outwards, in order of decreasing distance. Two regions that meet at
//   a distance d have an opening of 2 d pixels between them. They become one when it is wider than the gaps that are
//   closed, or at least half as wide as the narrower of the two at its widest (a strand of hair, the tip of a sleeve).
//   So a gap in a line separates the regions that it is narrow against, and nothing is cut where a region only tapers.
// - lines: ink takes the nearest region's number, up to its middle.
//
// This is the watershed of the distance to ink, with the merging decided at each saddle; linear in the pixels. Openings
// wider than the gaps that are closed separate nothing, so pixels that far from ink are joined by runs, in any order;
// only nearer ones are taken one by one.
#include "pixels/regions.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_set>

#include "pixels/ink.h"
#include "pixels/pieces.h"

namespace cobra::pixels {
namespace {

constexpr int kInk = 140;                    // of 255: share of the surroundings' tone below which a pixel is ink
constexpr int kBlack = 80;                   // tone below which a pixel is ink whatever is around it
constexpr int kStraight = 3, kDiagonal = 4;  // steps of the distance: 3 is one pixel
constexpr int kTapering = 5;  // tenths: an opening this wide against the narrower region's widest place is no gap
constexpr int kFar = 255;     // distances end here (85 pixels); more changes nothing

/// The page's tone on the grid: the darkest pixel of each cell, so that lines stay closed.
std::vector<uint8_t> ToneOnGrid(const View& page, int width, int height) {
  const Paper paper = FindPaper(page);
  std::vector<uint8_t> tone(static_cast<size_t>(width) * height, 255), row(page.width);
  if (width == page.width && height == page.height) {
    for (int y = 0; y < height; ++y) GrayRow(page, y, tone.data() + static_cast<size_t>(y) * width);
    RelateToPaper(paper, tone.data(), tone.size());
    return tone;
  }
  std::vector<int> column(page.width);
  for (int x = 0; x < page.width; ++x) column[x] = static_cast<int>(static_cast<int64_t>(x) * width / page.width);
  for (int y = 0; y < page.height; ++y) {
    GrayRow(page, y, row.data());
    RelateToPaper(paper, row.data(), row.size());
    uint8_t* target = tone.data() + (static_cast<int64_t>(y) * height / page.height) * width;
    for (int x = 0; x < page.width; ++x) target[column[x]] = std::min(target[column[x]], row[x]);
  }
  return tone;
}

COBRA_CLONES void MarkInk(const uint8_t* tone, const uint8_t* shade, size_t count, uint8_t* ink) {
  for (size_t i = 0; i < count; ++i) ink[i] = (tone[i] < kBlack) | (tone[i] * 255 < kInk * shade[i]);
}

std::vector<uint8_t> FindInk(const std::vector<uint8_t>& tone, int width, int height) {
  std::vector<uint8_t> shade(tone.size()), ink(tone.size());
  const int radius = Radius(width, height, 1.0 / 250.0);
  MaxFilter(tone.data(), width, height, radius, shade.data());
  MinFilter(shade.data(), width, height, radius, shade.data());
  MarkInk(tone.data(), shade.data(), tone.size(), ink.data());
  return ink;
}

/// A row's distances by way of the row before it.
COBRA_CLONES void ByWayOf(const uint8_t* before, int width, uint8_t* row) {
  const auto nearest = [&](int x, int left, int right) {
    const int straight = before[x] + kStraight, diagonal = std::min(before[left], before[right]) + kDiagonal;
    row[x] = static_cast<uint8_t>(std::min<int>(row[x], std::min(straight, diagonal)));
  };
  nearest(0, 0, std::min(1, width - 1));
  for (int x = 1; x < width - 1; ++x) nearest(x, x - 1, x + 1);
  if (width > 1) nearest(width - 1, width - 2, width - 1);
}

/// Distance to the nearest ink by straight and diagonal steps, at most kFar. There is no ink outside the page.
std::vector<uint8_t> DistanceToInk(const std::vector<uint8_t>& ink, int width, int height) {
  std::vector<uint8_t> distance(ink.size());
  for (size_t i = 0; i < ink.size(); ++i) distance[i] = ink[i] ? 0 : kFar;
  for (int y = 0; y < height; ++y) {
    uint8_t* row = distance.data() + static_cast<size_t>(y) * width;
    if (y > 0) ByWayOf(row - width, width, row);
    int last = kFar;
    for (int x = 0; x < width; ++x) row[x] = static_cast<uint8_t>(last = std::min<int>(row[x], last + kStraight));
  }
  for (int y = height - 1; y >= 0; --y) {
    uint8_t* row = distance.data() + static_cast<size_t>(y) * width;
    if (y + 1 < height) ByWayOf(row + width, width, row);
    int last = kFar;
    for (int x = width - 1; x >= 0; --x) row[x] = static_cast<uint8_t>(last = std::min<int>(row[x], last + kStraight));
  }
  return distance;
}

/// Regions that grow: which are one by now, and each one's greatest distance.
struct Basins : Sets {
  std::vector<uint8_t> peak;

  int32_t Add(uint8_t distance) {
    peak.push_back(distance);
    return Sets::Add();
  }
};

/// Joins all pixels further from ink than `closing`, by runs.
Basins JoinInside(const std::vector<uint8_t>& distance, int width, int height, int closing,
                  std::vector<int32_t>& label) {
  std::vector<uint8_t> inside(distance.size());
  for (size_t i = 0; i < distance.size(); ++i) inside[i] = distance[i] > closing;
  const Pieces pieces = FindPieces(inside.data(), width, height, Touch::kOnesStraight);
  Basins basins;
  for (int32_t piece = 0; piece < pieces.count; ++piece) basins.Add(0);
  for (const Run& run : pieces.runs) {
    const size_t row = static_cast<size_t>(run.y) * width;
    std::fill(label.begin() + row + run.begin, label.begin() + row + run.end, run.piece);
    uint8_t& peak = basins.peak[run.piece];
    peak = std::max(peak, *std::max_element(distance.begin() + row + run.begin, distance.begin() + row + run.end));
  }
  return basins;
}

/// Places of the pixels that are not ink and no further from it than `closing`, the further ones first.
std::vector<int32_t> FarFirst(const std::vector<uint8_t>& distance, int closing) {
  std::vector<int32_t> near(distance.size());
  size_t count = 0;
  for (size_t i = 0; i < distance.size(); ++i) {
    near[count] = static_cast<int32_t>(i);  // written over by the next unless it counts
    count += static_cast<uint8_t>(distance[i] - 1) < closing;
  }
  near.resize(count);
  std::vector<size_t> start(static_cast<size_t>(closing) + 1);
  for (const int32_t i : near) ++start[closing - distance[i] + 1];
  std::partial_sum(start.begin(), start.end(), start.begin());
  std::vector<int32_t> order(count);
  for (const int32_t i : near) order[start[closing - distance[i]]++] = i;
  return order;
}

/// The regions' numbers on everything but ink, which gets -1.
std::vector<int32_t> Flood(const std::vector<uint8_t>& distance, int width, int height, Regions& regions) {
  const int closing = kStraight * ClosedRadius(width, height);
  std::vector<int32_t> label(distance.size(), -1);
  Basins basins = JoinInside(distance, width, height, closing, label);
  std::unordered_set<uint64_t> met;
  for (const int32_t pixel : FarFirst(distance, closing)) {
    const int x = pixel % width, y = pixel / width, level = distance[pixel];
    int32_t own = -1, from = -1;
    const auto meet = [&](int32_t neighbour) {
      if (label[neighbour] < 0) return;
      const int32_t other = basins.Root(label[neighbour]);
      if (own < 0) {
        own = other;
        from = neighbour;
        return;
      }
      if (other == own) return;
      const int narrower = std::min(basins.peak[own], basins.peak[other]);
      if (10 * level < kTapering * narrower) {
        if (met.insert(static_cast<uint64_t>(own) << 32 | static_cast<uint32_t>(other)).second)
          regions.openings.push_back({pixel, from, neighbour});
        return;
      }
      const bool keep = basins.peak[own] >= basins.peak[other];
      basins.parent[keep ? other : own] = keep ? own : other;
      own = keep ? own : other;
    };
    if (x > 0) meet(pixel - 1);
    if (x + 1 < width) meet(pixel + 1);
    if (y > 0) meet(pixel - width);
    if (y + 1 < height) meet(pixel + width);
    label[pixel] = own < 0 ? basins.Add(distance[pixel]) : own;
  }
  std::vector<int32_t> number(basins.parent.size(), -1);
  for (size_t i = 0, end; i < label.size(); i = end) {
    for (end = i + 1; end < label.size() && label[end] == label[i]; ++end) {
    }
    if (label[i] < 0) continue;
    const int32_t root = basins.Root(label[i]);
    if (number[root] < 0) {
      number[root] = static_cast<int32_t>(regions.area.size());
      regions.area.push_back(0);
    }
    regions.area[number[root]] += static_cast<uint32_t>(end - i);
    std::fill(label.begin() + i, label.begin() + end, number[root]);
  }
  return label;
}

/// Gives ink the number of the nearest region, `depth` pixels far.
void EnterInk(Regions& regions, int depth) {
  struct Place {
    int32_t i, x;
  };
  const int32_t width = regions.width, last = static_cast<int32_t>(regions.label.size()) - width;
  std::vector<int32_t>& label = regions.label;
  std::vector<Place> left;
  for (int32_t y = 0, i = 0; y < regions.height; ++y) {
    for (int32_t x = 0; x < width; ++x, ++i) {
      if (label[i] < 0) left.push_back({i, x});
    }
  }
  std::vector<std::pair<int32_t, int32_t>> found;
  for (int step = 0; step < depth; ++step) {
    found.clear();
    size_t kept = 0;
    for (const Place place : left) {
      const auto [i, x] = place;
      const int32_t near = x > 0 && label[i - 1] >= 0            ? label[i - 1]
                           : x + 1 < width && label[i + 1] >= 0  ? label[i + 1]
                           : i >= width && label[i - width] >= 0 ? label[i - width]
                           : i < last                            ? label[i + width]
                                                                 : -1;
      if (near >= 0)
        found.emplace_back(i, near);
      else
        left[kept++] = place;
    }
    left.resize(kept);
    for (const auto& [i, near] : found) label[i] = near;
  }
}

}  // namespace

int Radius(int width, int height, double share) {
  return std::max(2, static_cast<int>(std::lround(PageSide(width, height) * share)));
}

Regions FindRegions(const View& page, int width, int height) {
  Regions regions{width, height, {}, FindInk(ToneOnGrid(page, width, height), width, height), {}, {}};
  regions.label = Flood(DistanceToInk(regions.ink, width, height), width, height, regions);
  EnterInk(regions, Radius(width, height, 1.0 / 250.0));
  return regions;
}

void LabelRegions(const View& page, int width, int height, int32_t* out) {
  const Regions regions = FindRegions(page, width, height);
  for (size_t i = 0; i < regions.label.size(); ++i)
    out[i] = regions.ink[i] && regions.label[i] >= 0 ? -2 - regions.label[i] : regions.label[i];
}

}  // namespace cobra::pixels
