// Interleaved bytes <-> planar float32 (C, H, W).
#include <algorithm>
#include <cmath>

#include "pixels/kernels.h"

namespace cobra::pixels {
namespace {

constexpr float kMagic = 12582912.0f;  // 1.5 * 2^23: adding and subtracting it rounds half to even

/// One value to 0..255, still a float. NaN gives 0: comparisons with it are false.
template <bool kIsSigned>
inline float Level(float x) {
  if constexpr (kIsSigned) {
    const float c = x > -1.0f ? (x < 1.0f ? x : 1.0f) : -1.0f;
    return (c * 0.5f + 0.5f) * 255.0f;
  }
  return x > 0.0f ? (x < 255.0f ? x : 255.0f) : 0.0f;
}

template <bool kIsSigned, bool kRound>
inline uint8_t ByteOf(float x) {
  float v = Level<kIsSigned>(x);
  if (kRound) v = (v + kMagic) - kMagic;
  return static_cast<uint8_t>(static_cast<int>(v));
}

template <bool kIsSigned, bool kRound>
inline __attribute__((always_inline)) void Convert(const float* __restrict in, size_t pixels, int channels,
                                                   uint8_t* __restrict out) {
  if (channels == 3) {
    // Bytes side by side first: values cannot be computed several at a time while they are written three apart.
    constexpr size_t kChunk = 1024;
    uint8_t bytes[3][kChunk];
    for (size_t start = 0; start < pixels; start += kChunk, out += 3 * kChunk) {
      const size_t n = std::min(kChunk, pixels - start);
      for (size_t c = 0; c < 3; ++c) {
        const float* plane = in + c * pixels + start;
        for (size_t i = 0; i < n; ++i) bytes[c][i] = ByteOf<kIsSigned, kRound>(plane[i]);
      }
      for (size_t i = 0; i < n; ++i) {
        out[3 * i] = bytes[0][i];
        out[3 * i + 1] = bytes[1][i];
        out[3 * i + 2] = bytes[2][i];
      }
    }
    return;
  }
  if (channels == 1) {
    for (size_t i = 0; i < pixels; ++i) out[i] = ByteOf<kIsSigned, kRound>(in[i]);
    return;
  }
  for (int c = 0; c < channels; ++c) {
    for (size_t i = 0; i < pixels; ++i) out[i * channels + c] = ByteOf<kIsSigned, kRound>(in[c * pixels + i]);
  }
}

COBRA_CLONES void SignedRound(const float* in, size_t n, int c, uint8_t* out) { Convert<true, true>(in, n, c, out); }
COBRA_CLONES void SignedTruncate(const float* in, size_t n, int c, uint8_t* out) {
  Convert<true, false>(in, n, c, out);
}
COBRA_CLONES void ByteRound(const float* in, size_t n, int c, uint8_t* out) { Convert<false, true>(in, n, c, out); }
COBRA_CLONES void ByteTruncate(const float* in, size_t n, int c, uint8_t* out) { Convert<false, false>(in, n, c, out); }

}  // namespace

void ToPlanar(const uint8_t* in, size_t pixels, int channels, const float* table, float* out) {
  if (channels == 3) {
    float *r = out, *g = out + pixels, *b = out + 2 * pixels;
    for (size_t i = 0; i < pixels; ++i, in += 3) {
      r[i] = table[in[0]];
      g[i] = table[256 + in[1]];
      b[i] = table[512 + in[2]];
    }
    return;
  }
  for (int c = 0; c < channels; ++c) {
    for (size_t i = 0; i < pixels; ++i) out[c * pixels + i] = table[c * 256 + in[i * channels + c]];
  }
}

void FromPlanar(const float* in, size_t pixels, int channels, Range range, Rounding rounding, uint8_t* out) {
  const bool round = rounding == Rounding::kHalfEven;
  if (range == Range::kSigned)
    return round ? SignedRound(in, pixels, channels, out) : SignedTruncate(in, pixels, channels, out);
  return round ? ByteRound(in, pixels, channels, out) : ByteTruncate(in, pixels, channels, out);
}

}  // namespace cobra::pixels
