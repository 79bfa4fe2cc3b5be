// Tells a line that ends just before another one (a fold, which stops short of the hem) from a broken line. Both leave
// a narrow opening between two regions. Beside a line's end that stops short, the other line runs on to both sides; the
// two ends of a broken line face each other.
#include <cmath>
#include <cstdlib>
#include <numbers>

#include "pixels/pieces.h"
#include "pixels/regions.h"

namespace cobra::pixels {
namespace {

constexpr int kDirections = 16;

class Page {
 public:
  explicit Page(const Regions& regions)
      : regions_(regions), radius_(ClosedRadius(regions.width, regions.height)), reach_(2 * radius_ + 1) {}

  /// Whether a line runs past the opening on one side of it, and nothing but a line's end lies on the other.
  bool IsShortOf(const Opening& opening) const {
    const int x = opening.middle % regions_.width, y = opening.middle / regions_.width;
    for (int k = 0; k < kDirections; ++k) {
      const double angle = 2.0 * std::numbers::pi * k / kDirections;
      const double u = std::cos(angle), v = std::sin(angle);
      // The regions meet anywhere beside the line's end.
      for (int off = -2 * radius_; off <= 2 * radius_; ++off) {
        if (IsShortOf(x - off * v, y + off * u, u, v)) return true;
      }
    }
    return false;
  }

 private:
  const Regions& regions_;
  const int radius_, reach_;

  bool IsShortOf(double x, double y, double u, double v) const {
    const int ahead = Way(x, y, u, v, reach_), behind = Way(x, y, -u, -v, reach_);
    return ahead > 0 && ahead <= reach_ && behind <= reach_ && RunsPast(x, y, u, v, ahead) &&
           IsEnd(x, y, -u, -v, behind);
  }

  /// The label of a place, -1 also outside the page and on ink.
  int32_t Label(double x, double y) const {
    const int column = static_cast<int>(std::lround(x)), row = static_cast<int>(std::lround(y));
    if (column < 0 || row < 0 || column >= regions_.width || row >= regions_.height) return -1;
    const size_t at = static_cast<size_t>(row) * regions_.width + column;
    return regions_.ink[at] ? -1 : regions_.label[at];
  }

  /// Steps from a place to ink, `most` + 1 if there is none within `most`.
  int Way(double x, double y, double u, double v, int most) const {
    int way = 0;
    while (way <= most && Label(x + way * u, y + way * v) >= 0) ++way;
    return way;
  }

  /// Whether the line that is `way` ahead is there to the left and to the right too.
  bool RunsPast(double x, double y, double u, double v, int way) const {
    for (const int off : {-4 * radius_, -2 * radius_, 2 * radius_, 4 * radius_}) {
      const int most = way + 1 + std::abs(off) / 2, there = Way(x - off * v, y + off * u, u, v, most);
      if (there == 0 || there > most) return false;
    }
    return true;
  }

  /// Whether the ink that is `way` ahead is narrow, with another region on each side.
  bool IsEnd(double x, double y, double u, double v, int way) const {
    const int beside = way + radius_;
    int32_t sides[2];
    for (const int side : {0, 1}) {
      const int off = (2 * side - 1) * 4 * radius_;
      if (Way(x - off * v, y + off * u, u, v, beside) <= beside) return false;
      sides[side] = Label(x - off * v + beside * u, y + off * u + beside * v);
    }
    return sides[0] != sides[1];
  }
};

}  // namespace

std::vector<int32_t> GroupByOpenings(const Regions& regions) {
  Sets groups;
  for (size_t region = 0; region < regions.area.size(); ++region) groups.Add();
  const Page page(regions);
  for (const Opening& opening : regions.openings) {
    const int32_t one = groups.Root(regions.label[opening.one]), other = groups.Root(regions.label[opening.other]);
    if (one != other && page.IsShortOf(opening)) groups.parent[one] = other;
  }
  std::vector<int32_t> group(regions.area.size());
  for (size_t region = 0; region < group.size(); ++region) group[region] = groups.Root(static_cast<int32_t>(region));
  return group;
}

}  // namespace cobra::pixels
