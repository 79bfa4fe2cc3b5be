// Interleaved bytes <-> planar float32 (C, H, W).
#include <algorithm>
#include <cmath>
#include <cstring>

#include "pixels/kernels.h"
#if defined(__x86_64__)
#include <immintrin.h>
#endif

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

#if defined(__x86_64__)
/// 32 values at a time, as `ByteOf` gives them; returns how many are done. A maximum with NaN is its second operand.
template <bool kIsSigned, bool kRound>
__attribute__((target("avx2"))) size_t BytesAvx2(const float* in, size_t count, uint8_t* out) {
  const __m256 low = _mm256_set1_ps(kIsSigned ? -1.0f : 0.0f), high = _mm256_set1_ps(kIsSigned ? 1.0f : 255.0f);
  const __m256 half = _mm256_set1_ps(0.5f), most = _mm256_set1_ps(255.0f), magic = _mm256_set1_ps(kMagic);
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  size_t i = 0;
  for (; i + 32 <= count; i += 32) {
    __m256i levels[4];
    for (int part = 0; part < 4; ++part) {
      __m256 v = _mm256_min_ps(_mm256_max_ps(_mm256_loadu_ps(in + i + 8 * part), low), high);
      if constexpr (kIsSigned) v = _mm256_mul_ps(_mm256_add_ps(_mm256_mul_ps(v, half), half), most);
      if constexpr (kRound) v = _mm256_sub_ps(_mm256_add_ps(v, magic), magic);
      levels[part] = _mm256_cvttps_epi32(v);
    }
    const __m256i bytes =
        _mm256_packus_epi16(_mm256_packs_epi32(levels[0], levels[1]), _mm256_packs_epi32(levels[2], levels[3]));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), _mm256_permutevar8x32_epi32(bytes, order));
  }
  return i;
}

/// Which byte of a channel goes to which byte of three registers of pixels; 255 leaves it zero.
struct Places {
  alignas(16) uint8_t at[3][3][16];
};
constexpr Places PlacesOfPixels() {
  Places places{};
  for (int part = 0; part < 3; ++part)
    for (int channel = 0; channel < 3; ++channel)
      for (int i = 0; i < 16; ++i) {
        const int byte = 16 * part + i;
        places.at[part][channel][i] = static_cast<uint8_t>(byte % 3 == channel ? byte / 3 : 255);
      }
  return places;
}
constexpr Places kPlaces = PlacesOfPixels();

/// Sixteen pixels at a time; returns how many are done.
__attribute__((target("ssse3"))) size_t InterleaveRegisters(const uint8_t* r, const uint8_t* g, const uint8_t* b,
                                                            size_t pixels, uint8_t* out) {
  size_t i = 0;
  for (; i + 16 <= pixels; i += 16) {
    const __m128i channels[3] = {_mm_loadu_si128(reinterpret_cast<const __m128i*>(r + i)),
                                 _mm_loadu_si128(reinterpret_cast<const __m128i*>(g + i)),
                                 _mm_loadu_si128(reinterpret_cast<const __m128i*>(b + i))};
    for (int part = 0; part < 3; ++part) {
      __m128i bytes = _mm_setzero_si128();
      for (int c = 0; c < 3; ++c) {
        const __m128i places = _mm_load_si128(reinterpret_cast<const __m128i*>(kPlaces.at[part][c]));
        bytes = _mm_or_si128(bytes, _mm_shuffle_epi8(channels[c], places));
      }
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 3 * i + 16 * part), bytes);
    }
  }
  return i;
}
#endif

/// Bytes of three channels, each by itself, to pixels.
void Interleave(const uint8_t* r, const uint8_t* g, const uint8_t* b, size_t pixels, uint8_t* out) {
  size_t i = 0;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("ssse3")) i = InterleaveRegisters(r, g, b, pixels, out);
#endif
  for (; i < pixels; ++i) {
    out[3 * i] = r[i];
    out[3 * i + 1] = g[i];
    out[3 * i + 2] = b[i];
  }
}

template <bool kIsSigned, bool kRound>
void ToBytes(const float* in, size_t count, uint8_t* out) {
  size_t i = 0;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) i = BytesAvx2<kIsSigned, kRound>(in, count, out);
#endif
  for (; i < count; ++i) out[i] = ByteOf<kIsSigned, kRound>(in[i]);
}

template <bool kIsSigned, bool kRound>
void Convert(const float* __restrict in, size_t pixels, int channels, uint8_t* __restrict out) {
  if (channels == 3) {
    // Bytes side by side first: values cannot be computed several at a time while they are written three apart.
    constexpr size_t kChunk = 1024;
    uint8_t bytes[3][kChunk];
    for (size_t start = 0; start < pixels; start += kChunk, out += 3 * kChunk) {
      const size_t n = std::min(kChunk, pixels - start);
      for (size_t c = 0; c < 3; ++c) ToBytes<kIsSigned, kRound>(in + c * pixels + start, n, bytes[c]);
      Interleave(bytes[0], bytes[1], bytes[2], n, out);
    }
    return;
  }
  if (channels == 1) return ToBytes<kIsSigned, kRound>(in, pixels, out);
  for (int c = 0; c < channels; ++c) {
    for (size_t i = 0; i < pixels; ++i) out[i * channels + c] = ByteOf<kIsSigned, kRound>(in[c * pixels + i]);
  }
}

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

void GrayToPlanes(const uint8_t* in, size_t pixels, const float* table, float* out) {
  constexpr size_t kChunk = 2048;  // stays in the nearest cache until it is copied
  const size_t bytes = 256 * sizeof(float);
  const bool are_equal[3] = {true, std::memcmp(table, table + 256, bytes) == 0,
                             std::memcmp(table, table + 512, bytes) == 0};
  for (size_t start = 0; start < pixels; start += kChunk) {
    const size_t n = std::min(kChunk, pixels - start);
    for (size_t c = 0; c < 3; ++c) {
      float* to = out + c * pixels + start;
      if (c > 0 && are_equal[c]) {
        std::memcpy(to, out + start, n * sizeof(float));
        continue;
      }
      const float* values = table + 256 * c;
      for (size_t i = 0; i < n; ++i) to[i] = values[in[start + i]];
    }
  }
}

void FromPlanar(const float* in, size_t pixels, int channels, Range range, Rounding rounding, uint8_t* out) {
  const bool round = rounding == Rounding::kHalfEven;
  if (range == Range::kSigned)
    return round ? Convert<true, true>(in, pixels, channels, out) : Convert<true, false>(in, pixels, channels, out);
  return round ? Convert<false, true>(in, pixels, channels, out) : Convert<false, false>(in, pixels, channels, out);
}

}  // namespace cobra::pixels
