// Declarations that the two files of the resampler share: the weights of one axis, and the horizontal pass.
#pragma once
#include <cstdint>
#include <vector>

#include "pixels/kernels.h"

namespace cobra::pixels {

constexpr int kPrecisionBits = 22;
constexpr int kHalf = 1 << (kPrecisionBits - 1);

/// For each output position: where its taps start, how many there are, and their weights (`stride` apart).
struct Taps {
  int stride = 0;
  std::vector<int> first, count, weights;
};

/// Two weights for a multiplication of words that adds two products: each weight is `high` * 2^kLowBits + `low`, the
/// first in the lower half.
constexpr int kLowBits = 11;
struct WeightPair {
  int low, high;
};

/// The weights by twos, the last perhaps with 0; returns how many twos.
inline int PairWeights(const int* weights, int count, WeightPair* out) {
  constexpr int kMask = (1 << kLowBits) - 1;
  const auto both = [](int first, int second) {
    return static_cast<int>(static_cast<uint32_t>(first) & 0xffffu) |
           static_cast<int>(static_cast<uint32_t>(second) << 16);
  };
  for (int k = 0; k < count; k += 2) {
    const int second = k + 1 < count ? weights[k + 1] : 0;
    out[k / 2] = {both(weights[k] & kMask, second & kMask), both(weights[k] >> kLowBits, second >> kLowBits)};
  }
  return (count + 1) / 2;
}

/// Rows first_row .. first_row + rows - 1 of `in`, resampled to `taps.first.size()` pixels across. out: rows * that *
/// channels bytes.
void HorizontalPass(const View& in, int first_row, int rows, const Taps& taps, uint8_t* out);

}  // namespace cobra::pixels
