// Cuts a page into regions that its ink bounds, also where a line has gaps.
//
//   ink       darker than its surroundings (the closing of the tone) to less than kInk of it, or black
//   distance  of every other pixel to the nearest ink
//   regions   pixels join from the inside outwards, in the order of falling distance. Two regions that meet at a distance d have an
//             opening of 2 d pixels between them; they become one when it is wider than the gaps that are closed, or at least half as
//             wide as the narrower of the two is at its widest (a strand of hair, the tip of a sleeve). So a gap in a line parts what it
//             is narrow against, and nothing is cut where a region only tapers.
//   lines     ink takes the nearest region's number, up to its middle
//
// It is the watershed of the distance to ink, with the merging decided at each saddle; linear in the pixels.
#include "pixels_regions.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "pixels_ink.h"

namespace cobra::pixels {
namespace {

constexpr int kInk = 140;        // of 255: share of the surroundings' tone below which a pixel is ink
constexpr int kBlack = 80;       // tone below which a pixel is ink whatever is around it
constexpr int kStraight = 3, kDiagonal = 4;  // steps of the distance: 3 is one pixel
constexpr int kTapering = 5;     // tenths: an opening this wide against the narrower region's widest place is no gap
constexpr int kFar = 255;        // distances end here (85 pixels); more changes nothing

/// Radius in pixels of a thing that is `share` of the page's side, at least 2.
int Radius(int width, int height, double share) { return std::max(2, static_cast<int>(std::lround(PageSide(width, height) * share))); }

/// The page's tone on the grid: the darkest pixel of each cell, so that lines stay closed.
std::vector<uint8_t> ToneOnGrid(const View& page, int width, int height) {
  const Paper paper = FindPaper(page);
  std::vector<uint8_t> tone(static_cast<size_t>(width) * height, 255), row(page.width);
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

std::vector<uint8_t> FindInk(const std::vector<uint8_t>& tone, int width, int height) {
  std::vector<uint8_t> shade(tone.size()), ink(tone.size());
  const int radius = Radius(width, height, 1.0 / 250.0);
  MaxFilter(tone.data(), width, height, radius, shade.data());
  MinFilter(shade.data(), width, height, radius, shade.data());
  for (size_t i = 0; i < tone.size(); ++i) ink[i] = tone[i] < kBlack || tone[i] * 255 < kInk * shade[i];
  return ink;
}

/// Distance to the nearest ink by straight and diagonal steps, at most kFar. There is no ink outside the page.
std::vector<uint8_t> DistanceToInk(const std::vector<uint8_t>& ink, int width, int height) {
  std::vector<uint8_t> distance(ink.size());
  for (size_t i = 0; i < ink.size(); ++i) distance[i] = ink[i] ? 0 : kFar;
  const auto nearer = [](uint8_t& value, int other) { value = static_cast<uint8_t>(std::min<int>(value, other)); };
  for (int y = 0; y < height; ++y) {
    uint8_t* row = distance.data() + static_cast<size_t>(y) * width;
    const uint8_t* above = row - width;
    for (int x = 0; x < width; ++x) {
      if (x > 0) nearer(row[x], row[x - 1] + kStraight);
      if (y == 0) continue;
      nearer(row[x], above[x] + kStraight);
      if (x > 0) nearer(row[x], above[x - 1] + kDiagonal);
      if (x + 1 < width) nearer(row[x], above[x + 1] + kDiagonal);
    }
  }
  for (int y = height - 1; y >= 0; --y) {
    uint8_t* row = distance.data() + static_cast<size_t>(y) * width;
    const uint8_t* below = row + width;
    for (int x = width - 1; x >= 0; --x) {
      if (x + 1 < width) nearer(row[x], row[x + 1] + kStraight);
      if (y + 1 == height) continue;
      nearer(row[x], below[x] + kStraight);
      if (x > 0) nearer(row[x], below[x - 1] + kDiagonal);
      if (x + 1 < width) nearer(row[x], below[x + 1] + kDiagonal);
    }
  }
  return distance;
}

/// Places of all pixels that are not ink, those far from ink first.
std::vector<int32_t> FarFirst(const std::vector<uint8_t>& distance) {
  size_t start[257] = {};
  for (uint8_t d : distance) ++start[kFar - d + 1];
  std::partial_sum(start, start + 257, start);
  std::vector<int32_t> order(distance.size());
  for (size_t i = 0; i < distance.size(); ++i) order[start[kFar - distance[i]]++] = static_cast<int32_t>(i);
  order.resize(start[kFar - 1]); // without distance 0, the ink
  return order;
}

/// Sets of pixels, each with the greatest distance in it.
struct Sets {
  std::vector<int32_t> parent;
  std::vector<uint8_t> peak;

  int32_t Root(int32_t i) {
    while (parent[i] != i) i = parent[i] = parent[parent[i]];
    return i;
  }
};

/// The regions' numbers on everything but ink, which gets -1.
std::vector<int32_t> Flood(const std::vector<uint8_t>& distance, int width, int height, Regions& regions) {
  // Gaps of up to twice this radius are closed.
  const int closing = kStraight * Radius(width, height, 1.0 / 400.0);
  Sets sets{std::vector<int32_t>(distance.size(), -1), distance};
  for (const int32_t pixel : FarFirst(distance)) {
    const int x = pixel % width, y = pixel / width, level = distance[pixel];
    int32_t own = -1;
    const auto meet = [&](int32_t neighbour) {
      if (sets.parent[neighbour] < 0) return;
      const int32_t other = sets.Root(neighbour);
      if (own < 0) {
        own = other;
        return;
      }
      if (other == own) return;
      const int narrower = std::min(sets.peak[own], sets.peak[other]);
      if (level <= closing && 10 * level < kTapering * narrower) return;
      const bool keep = sets.peak[own] >= sets.peak[other];
      sets.parent[keep ? other : own] = keep ? own : other;
      own = keep ? own : other;
    };
    if (x > 0) meet(pixel - 1);
    if (x + 1 < width) meet(pixel + 1);
    if (y > 0) meet(pixel - width);
    if (y + 1 < height) meet(pixel + width);
    sets.parent[pixel] = own < 0 ? pixel : own;
  }
  std::vector<int32_t> label(distance.size(), -1), number(distance.size(), -1);
  for (size_t i = 0; i < distance.size(); ++i) {
    if (distance[i] == 0) continue;
    const int32_t root = sets.Root(static_cast<int32_t>(i));
    if (number[root] < 0) {
      number[root] = static_cast<int32_t>(regions.area.size());
      regions.area.push_back(0);
    }
    label[i] = number[root];
    ++regions.area[label[i]];
  }
  return label;
}

/// Gives ink the number of the nearest region, `depth` pixels far.
void EnterInk(Regions& regions, int depth) {
  std::vector<int32_t>& label = regions.label;
  std::vector<std::pair<int32_t, int32_t>> found;
  for (int step = 0; step < depth; ++step) {
    found.clear();
    for (int y = 0; y < regions.height; ++y) {
      for (int x = 0; x < regions.width; ++x) {
        const int32_t i = y * regions.width + x;
        if (label[i] >= 0) continue;
        const int32_t near = x > 0 && label[i - 1] >= 0 ? label[i - 1]
                             : x + 1 < regions.width && label[i + 1] >= 0 ? label[i + 1]
                             : y > 0 && label[i - regions.width] >= 0 ? label[i - regions.width]
                             : y + 1 < regions.height ? label[i + regions.width] : -1;
        if (near >= 0) found.emplace_back(i, near);
      }
    }
    for (const auto& [i, near] : found) label[i] = near;
  }
}

}  // namespace

Regions FindRegions(const View& page, int width, int height) {
  Regions regions{width, height, {}, FindInk(ToneOnGrid(page, width, height), width, height), {}};
  regions.label = Flood(DistanceToInk(regions.ink, width, height), width, height, regions);
  EnterInk(regions, Radius(width, height, 1.0 / 250.0));
  return regions;
}

void LabelRegions(const View& page, int width, int height, int32_t* out) {
  const Regions regions = FindRegions(page, width, height);
  for (size_t i = 0; i < regions.label.size(); ++i) out[i] = regions.ink[i] && regions.label[i] >= 0 ? -2 - regions.label[i] : regions.label[i];
}

}  // namespace cobra::pixels
