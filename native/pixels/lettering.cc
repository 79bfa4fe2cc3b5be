// Finds the regions of a page that are lettered: speech balloons and captions. Small marks of ink lie in rows, close
// together, around their middle. Spacing is looked for, not letters, so any script works, and so do scribbles that
// stand for text.
//
// - rooms: connected pieces of what is not ink.
// - marks: pieces of ink of letters' size that lie in one room. A frame around a hole (a window in a wall) is not one.
// - rows: marks of one room at one height. A run of them ends where the gap is wider than the row is high.
// - lettered: a room with three or more marks in runs, the longest of which spans a good part of it.
//
// A face sometimes has such marks too, so a caller must have more to go by.
#include "pixels/lettering.h"

#include <algorithm>
#include <cstdlib>

#include "pixels/pieces.h"

namespace cobra::pixels {
namespace {

constexpr double kHighest = 1.0 / 14, kWidest = 1.0 / 4;  // of the page's sides: larger ink is no letter
constexpr double kFrame = 0.45;                           // of a mark's box: a hole this large makes it a frame
constexpr double kLargest = 0.3;                          // of the page: a larger region is no balloon
constexpr double kCompact = 0.45;                         // of its box that a balloon fills
constexpr double kOffCentre = 0.24;  // of its box, from the text's middle to the region's, each way
constexpr double kSpan = 0.3;        // of its width that a run of marks spans

struct Rect {
  int x0, y0, x1, y1;  // inclusive
  int Width() const { return x1 - x0 + 1; }
  int Height() const { return y1 - y0 + 1; }
  void Add(int x, int y) {
    x0 = std::min(x0, x), x1 = std::max(x1, x);
    y0 = std::min(y0, y), y1 = std::max(y1, y);
  }
  void Add(const Rect& other) { Add(other.x0, other.y0), Add(other.x1, other.y1); }
};

struct Mark {
  Rect box;
  int32_t owner;
};

/// The page's connected pieces: of ink, also diagonally, and of what is not ink, the rooms. Unlike regions, letters do
/// not cut rooms up; and a gap in a balloon's line opens them.
struct PageOfPieces {
  /// Of every pixel the number of its piece.
  std::vector<int32_t> label;
  std::vector<uint32_t> area;
  std::vector<Rect> box;
  std::vector<uint8_t> ink;
  std::vector<Run> runs;
};

PageOfPieces PiecesOf(const Regions& regions) {
  const int width = regions.width, height = regions.height;
  Pieces found = FindPieces(regions.ink.data(), width, height, Touch::kOnesDiagonalZerosStraight);
  const size_t count = static_cast<size_t>(found.count);
  PageOfPieces pieces{std::vector<int32_t>(regions.ink.size()), std::vector<uint32_t>(count),
                      std::vector<Rect>(count, Rect{width, height, -1, -1}), std::vector<uint8_t>(count),
                      std::move(found.runs)};
  for (const Run& run : pieces.runs) {
    const size_t row = static_cast<size_t>(run.y) * width;
    std::fill(pieces.label.begin() + row + run.begin, pieces.label.begin() + row + run.end, run.piece);
    pieces.area[run.piece] += static_cast<uint32_t>(run.end - run.begin);
    pieces.box[run.piece].Add(Rect{run.begin, run.y, run.end - 1, run.y});
    pieces.ink[run.piece] = run.value;
  }
  return pieces;
}

/// The room that lies around a box, -1 if there are several.
int32_t Owner(const PageOfPieces& pieces, int width, int height, const Rect& box) {
  constexpr int kStep = 2;  // pixels outwards
  int32_t label[8];
  int count = 0;
  for (int v = -1; v <= 1; ++v) {
    for (int u = -1; u <= 1; ++u) {
      if (u == 0 && v == 0) continue;
      const int x = u < 0   ? box.x0 - kStep
                    : u > 0 ? box.x1 + kStep
                            : (box.x0 + box.x1) / 2,
                y = v < 0   ? box.y0 - kStep
                    : v > 0 ? box.y1 + kStep
                            : (box.y0 + box.y1) / 2;
      if (x < 0 || y < 0 || x >= width || y >= height) return -1;
      const int32_t room = pieces.label[static_cast<size_t>(y) * width + x];
      if (!pieces.ink[room]) label[count++] = room;
    }
  }
  std::sort(label, label + count);
  if (count < 3) return -1;
  // Another letter's inside may be near.
  const int32_t middle = label[count / 2];
  return std::count(label, label + count, middle) * 4 >= 3 * count ? middle : -1;
}

bool IsFrame(const PageOfPieces& pieces, int width, const Rect& box, int32_t owner) {
  const int32_t inside = pieces.label[static_cast<size_t>((box.y0 + box.y1) / 2) * width + (box.x0 + box.x1) / 2];
  return !pieces.ink[inside] && inside != owner && pieces.area[inside] > kFrame * box.Width() * box.Height();
}

/// Pieces of ink that may be letters.
std::vector<Mark> FindMarks(const PageOfPieces& pieces, int width, int height) {
  const int highest = std::max(6, static_cast<int>(height * kHighest)),
            widest = std::max(8, static_cast<int>(width * kWidest));
  std::vector<Mark> marks;
  for (size_t piece = 0; piece < pieces.area.size(); ++piece) {
    const Rect& box = pieces.box[piece];
    if (!pieces.ink[piece] || box.Height() > highest || box.Width() > widest) continue;
    const int32_t owner = Owner(pieces, width, height, box);
    if (owner >= 0 && !IsFrame(pieces, width, box, owner)) marks.push_back({box, owner});
  }
  return marks;
}

/// Whether the marks of one room are letters. They come in order of height on the page.
bool AreLetters(std::vector<Mark>::iterator begin, std::vector<Mark>::iterator end, const Rect& room) {
  int letters = 0;
  double span = 0;
  Rect text = begin->box;
  for (auto row = begin; row != end;) {
    const int middle = row->box.y0 + row->box.y1;
    auto stop = row;
    int high = row->box.Height();
    // Marks whose middle lies within the first one's height belong to its row.
    while (stop != end && stop->box.y0 + stop->box.y1 - middle <= std::max(2, high))
      high = std::max(high, (stop++)->box.Height());
    std::sort(row, stop, [](const Mark& a, const Mark& b) { return a.box.x0 < b.box.x0; });
    for (auto first = row; first != stop;) {
      Rect run = first->box;
      auto last = first;
      while (last != stop && last->box.x0 - run.x1 <= std::max(3, high)) run.Add((last++)->box);
      const int count = static_cast<int>(last - first);
      if (count >= 2 || run.Width() > 2 * high) {
        const int like_letters = std::max(count, 2 * run.Width() / (3 * high));  // letters may run into one another
        if (letters == 0)
          text = run;
        else
          text.Add(run);
        letters += like_letters;
        span = std::max(span, static_cast<double>(run.Width()) / room.Width());
      }
      first = last;
    }
    row = stop;
  }
  const auto off = [](int a, int b, int c, int d, int size) {
    return std::abs((a + b) - (c + d)) > 2 * kOffCentre * size;
  };
  return letters >= 3 && span >= kSpan && !off(text.x0, text.x1, room.x0, room.x1, room.Width()) &&
         !off(text.y0, text.y1, room.y0, room.y1, room.Height());
}

}  // namespace

std::vector<int32_t> FindLettering(const Regions& regions) {
  const PageOfPieces pieces = PiecesOf(regions);
  std::vector<Mark> marks = FindMarks(pieces, regions.width, regions.height);
  std::sort(marks.begin(), marks.end(), [](const Mark& a, const Mark& b) {
    return a.owner != b.owner ? a.owner < b.owner : a.box.y0 + a.box.y1 < b.box.y0 + b.box.y1;
  });
  // Of each room the lettered one that it is or lies in.
  std::vector<int32_t> balloon(pieces.area.size(), -1);
  for (auto begin = marks.begin(); begin != marks.end();) {
    const int32_t owner = begin->owner;
    const auto end = std::find_if(begin, marks.end(), [&](const Mark& mark) { return mark.owner != owner; });
    const Rect& box = pieces.box[owner];
    const double area = pieces.area[owner];
    if (area < kLargest * static_cast<double>(regions.label.size()) && area > kCompact * box.Width() * box.Height() &&
        AreLetters(begin, end, box)) {
      balloon[owner] = owner;
      for (auto mark = begin; mark != end; ++mark) {
        for (int y = mark->box.y0; y <= mark->box.y1; ++y) {
          for (int x = mark->box.x0; x <= mark->box.x1; ++x) {
            const int32_t room = pieces.label[static_cast<size_t>(y) * regions.width + x];
            if (!pieces.ink[room] && pieces.area[room] <= static_cast<uint32_t>(mark->box.Width() * mark->box.Height()))
              balloon[room] = owner;
          }
        }
      }
    }
    begin = end;
  }
  // From rooms to regions: a region is lettered when most of it is, and a balloon's largest region speaks for all of
  // it.
  std::vector<uint32_t> count(regions.area.size(), 0);
  std::vector<int32_t> largest(pieces.area.size(), -1), of_region(regions.area.size(), -1);
  for (const Run& run : pieces.runs) {
    const int32_t in = balloon[run.piece];
    if (in < 0) continue;
    const int32_t* label = regions.label.data() + static_cast<size_t>(run.y) * regions.width;
    for (int x = run.begin; x < run.end; ++x) {
      const int32_t region = label[x];
      if (region < 0) continue;
      ++count[region];
      of_region[region] = in;
      if (largest[in] < 0 || regions.area[region] > regions.area[largest[in]]) largest[in] = region;
    }
  }
  for (size_t r = 0; r < of_region.size(); ++r)
    of_region[r] = 2 * count[r] > regions.area[r] ? largest[of_region[r]] : -1;
  return of_region;
}

}  // namespace cobra::pixels
