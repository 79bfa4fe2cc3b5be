// Which of a page's regions are lettered, as speech balloons and captions are: small marks of ink lie in them in rows, close together, about
// their middle. What is looked for is spacing, not letters, so any script does, and scribbles that stand for text too.
//
//   rooms    connected pieces of what is not ink
//   marks    pieces of connected ink of letters' size, whose surroundings are one room. A frame around a hole (a window in a wall) is none
//   rows     marks of one room at one height; a run of them ends where the gap is wider than the row is high
//   lettered a room with three letters or more in runs, the longest of which spans a good part of it
//
// A face has such marks too, now and then: whoever asks must have more to go by.
#include "pixels_lettering.h"

#include <algorithm>
#include <cstdlib>

namespace cobra::pixels {
namespace {

constexpr double kHighest = 1.0 / 14, kWidest = 1.0 / 4;  // of the page's sides: larger ink is no letter
constexpr double kFrame = 0.45;       // of a mark's box: a hole this large makes it a frame
constexpr double kLargest = 0.3;      // of the page: a larger region is no balloon
constexpr double kCompact = 0.45;     // of its box that a balloon fills
constexpr double kOffCentre = 0.24;   // of its box, from the text's middle to the region's, each way
constexpr double kSpan = 0.3;         // of its width that a run of marks spans

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

/// The connected pieces of what is not ink. Unlike regions, letters do not cut them up; and a gap in a balloon's line opens them.
struct Rooms {
  /// Of every pixel the number of its room, -1 on ink.
  std::vector<int32_t> label;
  std::vector<uint32_t> area;
  std::vector<Rect> box;
};

/// Calls `visit(x, y)` for every pixel that is connected with `start` by pixels of its kind, and takes their `todo` away.
template <typename Visit>
void Walk(int width, int height, size_t start, bool diagonal, std::vector<uint8_t>& todo, std::vector<int32_t>& open, Visit visit) {
  todo[start] = 0;
  open.assign(1, static_cast<int32_t>(start));
  while (!open.empty()) {
    const int x = open.back() % width, y = open.back() / width;
    open.pop_back();
    visit(x, y);
    for (int v = std::max(0, y - 1); v <= std::min(height - 1, y + 1); ++v) {
      for (int u = std::max(0, x - 1); u <= std::min(width - 1, x + 1); ++u) {
        const size_t next = static_cast<size_t>(v) * width + u;
        if (!todo[next] || (!diagonal && u != x && v != y)) continue;
        todo[next] = 0;
        open.push_back(static_cast<int32_t>(next));
      }
    }
  }
}

Rect Pixel(size_t at, int width) {
  const int x = static_cast<int>(at % width), y = static_cast<int>(at / width);
  return {x, y, x, y};
}

Rooms FindRooms(const Regions& regions) {
  Rooms rooms{std::vector<int32_t>(regions.ink.size(), -1), {}, {}};
  std::vector<uint8_t> todo(regions.ink.size());
  for (size_t i = 0; i < todo.size(); ++i) todo[i] = !regions.ink[i];
  std::vector<int32_t> open;
  for (size_t start = 0; start < todo.size(); ++start) {
    if (!todo[start]) continue;
    Rect box = Pixel(start, regions.width);
    uint32_t area = 0;
    Walk(regions.width, regions.height, start, false, todo, open, [&](int x, int y) {
      rooms.label[static_cast<size_t>(y) * regions.width + x] = static_cast<int32_t>(rooms.area.size());
      box.Add(x, y);
      ++area;
    });
    rooms.area.push_back(area);
    rooms.box.push_back(box);
  }
  return rooms;
}

/// The room that lies around a box, -1 where there are several.
int32_t Owner(const Rooms& rooms, int width, int height, const Rect& box) {
  constexpr int kStep = 2;  // pixels outwards
  int32_t label[8];
  int count = 0;
  for (int v = -1; v <= 1; ++v) {
    for (int u = -1; u <= 1; ++u) {
      if (u == 0 && v == 0) continue;
      const int x = u < 0 ? box.x0 - kStep : u > 0 ? box.x1 + kStep : (box.x0 + box.x1) / 2, y = v < 0 ? box.y0 - kStep : v > 0 ? box.y1 + kStep : (box.y0 + box.y1) / 2;
      if (x < 0 || y < 0 || x >= width || y >= height) return -1;
      const int32_t room = rooms.label[static_cast<size_t>(y) * width + x];
      if (room >= 0) label[count++] = room;
    }
  }
  std::sort(label, label + count);
  if (count < 3) return -1;
  // Another letter's inside may be near.
  const int32_t middle = label[count / 2];
  return std::count(label, label + count, middle) * 4 >= 3 * count ? middle : -1;
}

bool IsFrame(const Rooms& rooms, int width, const Rect& box, int32_t owner) {
  const int32_t inside = rooms.label[static_cast<size_t>((box.y0 + box.y1) / 2) * width + (box.x0 + box.x1) / 2];
  return inside >= 0 && inside != owner && rooms.area[inside] > kFrame * box.Width() * box.Height();
}

/// Pieces of ink, 8-connected, that may be letters.
std::vector<Mark> FindMarks(const Regions& regions, const Rooms& rooms) {
  const int width = regions.width, height = regions.height;
  const int highest = std::max(6, static_cast<int>(height * kHighest)), widest = std::max(8, static_cast<int>(width * kWidest));
  std::vector<uint8_t> todo = regions.ink;
  std::vector<int32_t> open;
  std::vector<Mark> marks;
  for (size_t start = 0; start < todo.size(); ++start) {
    if (!todo[start]) continue;
    Rect box = Pixel(start, width);
    Walk(width, height, start, true, todo, open, [&](int x, int y) { box.Add(x, y); });
    if (box.Height() > highest || box.Width() > widest) continue;
    const int32_t owner = Owner(rooms, width, height, box);
    if (owner >= 0 && !IsFrame(rooms, width, box, owner)) marks.push_back({box, owner});
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
    while (stop != end && stop->box.y0 + stop->box.y1 - middle <= std::max(2, high)) high = std::max(high, (stop++)->box.Height());
    std::sort(row, stop, [](const Mark& a, const Mark& b) { return a.box.x0 < b.box.x0; });
    for (auto first = row; first != stop;) {
      Rect run = first->box;
      auto last = first;
      while (last != stop && last->box.x0 - run.x1 <= std::max(3, high)) run.Add((last++)->box);
      const int count = static_cast<int>(last - first);
      if (count >= 2 || run.Width() > 2 * high) {
        const int like_letters = std::max(count, 2 * run.Width() / (3 * high));  // letters may run into one another
        if (letters == 0) text = run;
        else text.Add(run);
        letters += like_letters;
        span = std::max(span, static_cast<double>(run.Width()) / room.Width());
      }
      first = last;
    }
    row = stop;
  }
  const auto off = [](int a, int b, int c, int d, int size) { return std::abs((a + b) - (c + d)) > 2 * kOffCentre * size; };
  return letters >= 3 && span >= kSpan && !off(text.x0, text.x1, room.x0, room.x1, room.Width()) && !off(text.y0, text.y1, room.y0, room.y1, room.Height());
}

}  // namespace

std::vector<int32_t> FindLettering(const Regions& regions) {
  const Rooms rooms = FindRooms(regions);
  std::vector<Mark> marks = FindMarks(regions, rooms);
  std::sort(marks.begin(), marks.end(), [](const Mark& a, const Mark& b) { return a.owner != b.owner ? a.owner < b.owner : a.box.y0 + a.box.y1 < b.box.y0 + b.box.y1; });
  // Of each room the lettered one that it is or lies in.
  std::vector<int32_t> balloon(rooms.area.size(), -1);
  for (auto begin = marks.begin(); begin != marks.end();) {
    const int32_t owner = begin->owner;
    const auto end = std::find_if(begin, marks.end(), [&](const Mark& mark) { return mark.owner != owner; });
    const Rect& box = rooms.box[owner];
    const double area = rooms.area[owner];
    if (area < kLargest * static_cast<double>(regions.label.size()) && area > kCompact * box.Width() * box.Height() && AreLetters(begin, end, box)) {
      balloon[owner] = owner;
      for (auto mark = begin; mark != end; ++mark) {
        for (int y = mark->box.y0; y <= mark->box.y1; ++y) {
          for (int x = mark->box.x0; x <= mark->box.x1; ++x) {
            const int32_t room = rooms.label[static_cast<size_t>(y) * regions.width + x];
            if (room >= 0 && rooms.area[room] <= static_cast<uint32_t>(mark->box.Width() * mark->box.Height())) balloon[room] = owner;
          }
        }
      }
    }
    begin = end;
  }
  // From rooms to regions: a region is lettered when most of it is, and a balloon's largest region speaks for all of it.
  std::vector<uint32_t> count(regions.area.size(), 0);
  std::vector<int32_t> largest(rooms.area.size(), -1), of_region(regions.area.size(), -1);
  for (size_t i = 0; i < regions.label.size(); ++i) {
    const int32_t region = regions.label[i], in = rooms.label[i] < 0 ? -1 : balloon[rooms.label[i]];
    if (region < 0 || in < 0) continue;
    ++count[region];
    of_region[region] = in;
    if (largest[in] < 0 || regions.area[region] > regions.area[largest[in]]) largest[in] = region;
  }
  for (size_t r = 0; r < of_region.size(); ++r) of_region[r] = 2 * count[r] > regions.area[r] ? largest[of_region[r]] : -1;
  return of_region;
}

}  // namespace cobra::pixels
