// Connected pieces of a binary picture, found from its runs: stretches of a row with one value. There are far fewer
// of them than pixels.
#pragma once
#include <cstdint>
#include <vector>

#include "pixels/kernels.h"

namespace cobra::pixels {

/// Pixels `begin` to `end` (exclusive) of row `y`.
struct Run {
  int32_t y, begin, end;
  /// The number of its piece: pieces are numbered in the order of their first pixels, from the top left.
  int32_t piece;
  uint8_t value;
};

/// The runs of a picture of zeros and ones, row by row, and how many pieces they make.
struct Pieces {
  std::vector<Run> runs;
  int32_t count = 0;
};

/// Which runs are one piece: those of ones that touch along a side, and nothing else is looked at; or those of ones
/// that touch, also at corners, and those of zeros that touch along a side.
enum class Touch { kOnesStraight, kOnesDiagonalZerosStraight };
Pieces FindPieces(const uint8_t* values, int width, int height, Touch touch);

/// Sets of numbers that are joined again and again.
struct Sets {
  std::vector<int32_t> parent;

  int32_t Add() {
    parent.push_back(static_cast<int32_t>(parent.size()));
    return parent.back();
  }
  int32_t Root(int32_t i) {
    while (parent[i] != i) i = parent[i] = parent[parent[i]];
    return i;
  }
};

}  // namespace cobra::pixels
