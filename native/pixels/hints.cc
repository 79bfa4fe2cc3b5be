// Grows colour hints to the regions that they lie in (regions.cc).
//
// - strokes: connected pixels of one colour. A stroke takes every region that it touches, except one that it only
//   brushes: there it has less than kBrushed of the pixels it has in the region where it has most.
// - openings: a stroke goes on into regions that a line does not quite close off (a fold, which ends before the hem),
//   unless they are more than kMuchLarger times as large as the regions that it touches, or have a stroke of their own.
// - colours: each pixel of a region takes the stroke that is nearest along a path inside the region.
// - open: a region of more than kOpenShare of the page is not a closed shape (paper, an outline that was left open).
//   There a stroke reaches kOpenReach of the page's longer side and fades over the second half of that distance.
//
// A stroke that lies only on ink does not grow.
#include <algorithm>
#include <array>
#include <numeric>

#include "pixels/regions.h"

namespace cobra::pixels {
namespace {

constexpr double kBrushed = 0.1;
constexpr double kMuchLarger = 3.0;
constexpr double kOpenShare = 1.0 / 2.0, kOpenReach = 1.0 / 8.0;
constexpr int kStraight = 3, kDiagonal = 4;  // steps of ways; 3 is one pixel
constexpr uint32_t kNone = UINT32_MAX;

/// The hints on the grid: 0xRRGGBB where there is one, kNone elsewhere.
std::vector<uint32_t> MarksOnGrid(const View& marks, int width, int height) {
  std::vector<uint32_t> out(static_cast<size_t>(width) * height, kNone);
  for (int y = 0; y < height; ++y) {
    const uint8_t* row =
        marks.data +
        static_cast<size_t>(static_cast<int64_t>(2 * y + 1) * marks.height / (2 * height)) * marks.width * 4;
    for (int x = 0; x < width; ++x) {
      const uint8_t* mark = row + static_cast<int64_t>(2 * x + 1) * marks.width / (2 * width) * 4;
      if (mark[3] >= 128)
        out[static_cast<size_t>(y) * width + x] = static_cast<uint32_t>(mark[0] << 16 | mark[1] << 8 | mark[2]);
    }
  }
  return out;
}

class Grower {
 public:
  Grower(const Regions& regions, const std::vector<uint32_t>& marks, uint8_t* out)
      : regions_(regions),
        marks_(marks),
        out_(out),
        colors_(marks.size(), kNone),
        ways_(marks.size(), kNone),
        room_(regions.area.size()),
        touched_(regions.area.size()) {
    std::iota(room_.begin(), room_.end(), 0);
    most_ = static_cast<uint32_t>(kOpenShare * static_cast<double>(marks.size()));
    reach_ = static_cast<uint32_t>(kStraight * kOpenReach * std::max(regions.width, regions.height));
  }

  void Run() {
    std::fill(out_, out_ + 4 * marks_.size(), 0);
    SeedStrokes();
    GoThroughOpenings();
    Spread();
    for (size_t i = 0; i < colors_.size(); ++i) {
      if (colors_[i] == kNone) continue;
      if (const uint8_t strength = Strength(i)) Paint(i, colors_[i], strength);
    }
  }

 private:
  const Regions& regions_;
  const std::vector<uint32_t>& marks_;
  uint8_t* out_;
  /// Colour of every pixel reached, and its way to the stroke.
  std::vector<uint32_t> colors_, ways_;
  std::vector<int32_t> seeds_;
  /// Of every region the one that it is filled with: itself, or one that a stroke comes from. And which have a stroke.
  std::vector<int32_t> room_;
  std::vector<uint8_t> touched_;
  uint32_t most_, reach_;

  bool Open(int32_t label) const { return regions_.area[label] > most_; }

  void Paint(size_t i, uint32_t color, uint8_t alpha) {
    uint8_t* pixel = out_ + 4 * i;
    pixel[0] = static_cast<uint8_t>(color >> 16);
    pixel[1] = static_cast<uint8_t>(color >> 8);
    pixel[2] = static_cast<uint8_t>(color);
    pixel[3] = alpha;
  }

  uint8_t Strength(size_t i) const {
    const int32_t label = regions_.label[i];
    if (label < 0 || !Open(label) || 2 * ways_[i] <= reach_) return 255;
    return static_cast<uint8_t>(255 * (reach_ - std::min(ways_[i], reach_)) / (reach_ - reach_ / 2));
  }

  /// Calls `visit` with the eight neighbours of a pixel and whether each is a diagonal one.
  template <typename F>
  void Around(int32_t i, F visit) const {
    const int x = i % regions_.width, y = i / regions_.width;
    for (int v = std::max(0, y - 1); v <= std::min(regions_.height - 1, y + 1); ++v) {
      for (int u = std::max(0, x - 1); u <= std::min(regions_.width - 1, x + 1); ++u) {
        if (u != x || v != y) visit(v * regions_.width + u, u != x && v != y);
      }
    }
  }

  /// Finds the strokes and lets their pixels in the regions that they take be where ways begin.
  void SeedStrokes() {
    std::vector<uint8_t> seen(marks_.size());
    std::vector<int32_t> stroke;
    for (size_t first = 0; first < marks_.size(); ++first) {
      if (marks_[first] == kNone || seen[first]) continue;
      stroke.assign(1, static_cast<int32_t>(first));
      seen[first] = 1;
      for (size_t next = 0; next < stroke.size(); ++next) {
        Around(stroke[next], [&](int32_t other, bool) {
          if (seen[other] || marks_[other] != marks_[first]) return;
          seen[other] = 1;
          stroke.push_back(other);
        });
      }
      SeedStroke(stroke);
    }
  }

  void SeedStroke(const std::vector<int32_t>& stroke) {
    std::vector<int32_t> labels;
    for (int32_t i : stroke) {
      if (!regions_.ink[i]) labels.push_back(regions_.label[i]);
    }
    std::sort(labels.begin(), labels.end());
    std::vector<std::pair<int32_t, size_t>> touched;
    for (int32_t label : labels) {
      if (touched.empty() || touched.back().first != label) touched.emplace_back(label, 0);
      ++touched.back().second;
    }
    size_t largest = 0;
    for (const auto& [label, pixels] : touched) largest = std::max(largest, pixels);
    std::erase_if(touched, [&](const auto& one) {
      return static_cast<double>(one.second) < kBrushed * static_cast<double>(largest);
    });
    for (const auto& [label, pixels] : touched) touched_[label] = 1;
    const auto taken = [&](int32_t label) {
      const auto at = std::lower_bound(touched.begin(), touched.end(), std::pair<int32_t, size_t>(label, 0));
      return at != touched.end() && at->first == label;
    };
    for (int32_t i : stroke) {
      const int32_t label = regions_.label[i];
      if (!touched.empty() && (label < 0 || !taken(label))) continue;
      colors_[i] = marks_[i];
      ways_[i] = 0;
      if (!touched.empty()) seeds_.push_back(i);
    }
  }

  /// Joins regions that have no stroke to one of their group that has, the largest.
  void GoThroughOpenings() {
    if (seeds_.empty()) return;
    const std::vector<int32_t> groups = GroupByOpenings(regions_);
    std::vector<int32_t> source(regions_.area.size(), -1);  // of every group
    for (size_t region = 0; region < groups.size(); ++region) {
      if (!touched_[region] || groups[region] < 0 || Open(static_cast<int32_t>(region))) continue;
      int32_t& largest = source[groups[region]];
      if (largest < 0 || regions_.area[region] > regions_.area[largest]) largest = static_cast<int32_t>(region);
    }
    for (size_t region = 0; region < groups.size(); ++region) {
      const int32_t from = touched_[region] || groups[region] < 0 ? -1 : source[groups[region]];
      if (from >= 0 && regions_.area[region] <= kMuchLarger * regions_.area[from]) room_[region] = from;
    }
  }

  /// The room of a pixel, -1 for none.
  int32_t Room(int32_t i) const { return regions_.label[i] < 0 ? -1 : room_[regions_.label[i]]; }

  /// Ways from all seeds at once, in the order of their length, each inside its room.
  void Spread() {
    std::array<std::vector<int32_t>, kDiagonal + 1> waiting;
    size_t left = seeds_.size();
    waiting[0].swap(seeds_);
    for (uint32_t way = 0; left > 0; ++way) {
      std::vector<int32_t>& now = waiting[way % waiting.size()];
      left -= now.size();
      for (size_t next = 0; next < now.size(); ++next) {
        const int32_t i = now[next], room = Room(i);
        if (ways_[i] != way) continue;  // a shorter one was found since
        Around(i, [&](int32_t other, bool diagonal) {
          const uint32_t longer = way + (diagonal ? kDiagonal : kStraight);
          if (Room(other) != room || ways_[other] <= longer || (Open(room) && longer > reach_)) return;
          ways_[other] = longer;
          colors_[other] = colors_[i];
          waiting[longer % waiting.size()].push_back(other);
          ++left;
        });
      }
      now.clear();
    }
  }
};

}  // namespace

void GrowHints(const View& page, const View& marks, int width, int height, uint8_t* out) {
  const Regions regions = FindRegions(page, width, height);
  const std::vector<uint32_t> colors = MarksOnGrid(marks, width, height);
  Grower(regions, colors, out).Run();
}

}  // namespace cobra::pixels
