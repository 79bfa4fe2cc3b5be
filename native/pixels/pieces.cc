// Connected pieces by runs: each row's runs are joined to the runs of the row above that they touch.
#include "pixels/pieces.h"

#include <algorithm>
#include <cstring>

namespace cobra::pixels {

Pieces FindPieces(const uint8_t* values, int width, int height, Touch touch) {
  const bool zeros = touch == Touch::kOnesDiagonalZerosStraight;
  const int reach = touch == Touch::kOnesDiagonalZerosStraight ? 1 : 0;
  Pieces pieces;
  std::vector<Run>& runs = pieces.runs;
  Sets sets;
  size_t above = 0, above_end = 0;
  for (int y = 0; y < height; ++y) {
    const uint8_t* row = values + static_cast<size_t>(y) * width;
    const size_t first = runs.size();
    size_t candidate = above;
    for (int begin = 0, end; begin < width; begin = end) {
      const uint8_t value = row[begin];
      const void* other = std::memchr(row + begin, 1 - value, static_cast<size_t>(width - begin));
      end = other == nullptr ? width : static_cast<int>(static_cast<const uint8_t*>(other) - row);
      if (value == 0 && !zeros) continue;
      const int corner = value == 1 ? reach : 0;
      while (candidate < above_end && runs[candidate].end < begin) ++candidate;
      int32_t own = -1;
      for (size_t i = candidate; i < above_end && runs[i].begin <= end; ++i) {
        if (runs[i].value != value || runs[i].begin >= end + corner || runs[i].end + corner <= begin) continue;
        const int32_t root = sets.Root(runs[i].piece);
        if (own < 0)
          own = root;
        else if (own != root)
          own = sets.parent[std::max(own, root)] = std::min(own, root);
      }
      runs.push_back({y, begin, end, own < 0 ? sets.Add() : own, value});
    }
    above = first;
    above_end = runs.size();
  }
  // Roots are the least of their sets, so they come in the order of first pixels.
  std::vector<int32_t> number(sets.parent.size());
  for (size_t i = 0; i < number.size(); ++i) {
    const int32_t root = sets.Root(static_cast<int32_t>(i));
    number[i] = root == static_cast<int32_t>(i) ? pieces.count++ : number[root];
  }
  for (Run& run : runs) run.piece = number[run.piece];
  return pieces;
}

}  // namespace cobra::pixels
