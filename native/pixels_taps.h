// What the two files of the resampler share: the weights of one axis, and the horizontal pass.
#pragma once
#include <cstdint>
#include <vector>

#include "pixels_kernels.h"

namespace cobra::pixels {

constexpr int kPrecisionBits = 22;
constexpr int kHalf = 1 << (kPrecisionBits - 1);

/// For each output position: where its taps start, how many there are, and their weights (`stride` apart).
struct Taps {
  int stride = 0;
  std::vector<int> first, count, weights;
};

/// Rows first_row .. first_row + rows - 1 of `in`, resampled to `taps.first.size()` pixels across. out: rows * that * channels bytes.
void HorizontalPass(const View& in, int first_row, int rows, const Taps& taps, uint8_t* out);

}  // namespace cobra::pixels
