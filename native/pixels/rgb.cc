// Kernels over interleaved RGB that separate the channels in registers, 32 pixels at a time: first channel, gray,
// saturation, and whether there is any colour. Each has a plain form for other processors and for the remaining pixels;
// both give the same integers.
#include <algorithm>
#include <cstring>

#include "pixels/kernels.h"
#if defined(__x86_64__)
#include <immintrin.h>
#define COBRA_AVX2 __attribute__((target("avx2")))
#define COBRA_AVX2_INLINE __attribute__((target("avx2"), always_inline)) inline
#endif

namespace cobra::pixels {
namespace {

/// Factor of OpenCV's S for a greatest channel: round(255 * 2^12 / high). The float quotient rounds to the same integer
/// as the exact one for all 255 values; adding and taking away 1.5 * 2^23 rounds.
inline int SaturationFactor(int high) {
  constexpr float kMagic = 12582912.0f;
  return static_cast<int>((1044480.0f / static_cast<float>(high > 0 ? high : 1) + kMagic) - kMagic);
}

inline uint32_t SaturationOf(int r, int g, int b) {
  const int high = std::max({r, g, b}), low = std::min({r, g, b});
  return static_cast<uint32_t>((high - low) * SaturationFactor(high) + (1 << 11)) >> 12;
}

inline uint8_t GrayOf(const uint8_t* p) {
  return static_cast<uint8_t>((p[0] * 19595u + p[1] * 38470u + p[2] * 7471u + 0x8000u) >> 16);
}

#if defined(__x86_64__)
constexpr size_t kPixels = 32;

struct Channels {
  __m256i r, g, b;
};

COBRA_AVX2_INLINE __m256i Halves(const uint8_t* low, const uint8_t* high) {
  return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(low))),
                                 _mm_loadu_si128(reinterpret_cast<const __m128i*>(high)), 1);
}

/// 32 pixels; the first sixteen in the lower halves.
COBRA_AVX2_INLINE void TakeApart(const uint8_t* rgb, Channels& out) {
  const __m256i second =
      _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0));
  const __m256i third = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0));
  const __m256i order_r =
      _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 3, 6, 9, 12, 15, 2, 5, 8, 11, 14, 1, 4, 7, 10, 13));
  const __m256i order_g =
      _mm256_broadcastsi128_si256(_mm_setr_epi8(1, 4, 7, 10, 13, 0, 3, 6, 9, 12, 15, 2, 5, 8, 11, 14));
  const __m256i order_b =
      _mm256_broadcastsi128_si256(_mm_setr_epi8(2, 5, 8, 11, 14, 1, 4, 7, 10, 13, 0, 3, 6, 9, 12, 15));
  const __m256i x = Halves(rgb, rgb + 48), y = Halves(rgb + 16, rgb + 64), z = Halves(rgb + 32, rgb + 80);
  out.r = _mm256_shuffle_epi8(_mm256_blendv_epi8(_mm256_blendv_epi8(x, y, second), z, third), order_r);
  out.g = _mm256_shuffle_epi8(_mm256_blendv_epi8(_mm256_blendv_epi8(y, z, second), x, third), order_g);
  out.b = _mm256_shuffle_epi8(_mm256_blendv_epi8(_mm256_blendv_epi8(z, x, second), y, third), order_b);
}

COBRA_AVX2_INLINE bool AllEqual(const Channels& c) {
  return _mm256_movemask_epi8(_mm256_and_si256(_mm256_cmpeq_epi8(c.r, c.g), _mm256_cmpeq_epi8(c.r, c.b))) == -1;
}

/// Sixteen grays of words: 38470 is too much for a signed word, so green counts twice by half.
COBRA_AVX2_INLINE __m256i GrayWords(__m256i r, __m256i g, __m256i b) {
  const __m256i red_green = _mm256_set1_epi32(19235 << 16 | 19595), green_blue = _mm256_set1_epi32(7471 << 16 | 19235),
                half = _mm256_set1_epi32(0x8000);
  const __m256i low = _mm256_add_epi32(_mm256_madd_epi16(_mm256_unpacklo_epi16(r, g), red_green),
                                       _mm256_madd_epi16(_mm256_unpacklo_epi16(g, b), green_blue));
  const __m256i high = _mm256_add_epi32(_mm256_madd_epi16(_mm256_unpackhi_epi16(r, g), red_green),
                                        _mm256_madd_epi16(_mm256_unpackhi_epi16(g, b), green_blue));
  return _mm256_packus_epi32(_mm256_srli_epi32(_mm256_add_epi32(low, half), 16),
                             _mm256_srli_epi32(_mm256_add_epi32(high, half), 16));
}

COBRA_AVX2 size_t GrayAvx2(const uint8_t* rgb, size_t pixels, uint8_t* out) {
  const __m256i zero = _mm256_setzero_si256();
  size_t i = 0;
  for (; i + kPixels <= pixels; i += kPixels) {
    Channels c;
    TakeApart(rgb + 3 * i, c);
    __m256i gray = c.r;
    if (!AllEqual(c)) {
      const __m256i low =
          GrayWords(_mm256_unpacklo_epi8(c.r, zero), _mm256_unpacklo_epi8(c.g, zero), _mm256_unpacklo_epi8(c.b, zero));
      const __m256i high =
          GrayWords(_mm256_unpackhi_epi8(c.r, zero), _mm256_unpackhi_epi8(c.g, zero), _mm256_unpackhi_epi8(c.b, zero));
      gray = _mm256_packus_epi16(low, high);
    }
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), gray);
  }
  return i;
}

/// S of eight pixels from the greatest channels and the differences to the least.
COBRA_AVX2_INLINE __m256i SaturationWords(__m128i highs, __m128i differences) {
  const __m256i high = _mm256_cvtepu8_epi32(highs);
  const __m256 quotient =
      _mm256_div_ps(_mm256_set1_ps(1044480.0f), _mm256_cvtepi32_ps(_mm256_max_epi32(high, _mm256_set1_epi32(1))));
  const __m256i factor = _mm256_cvtps_epi32(quotient);  // to the nearest even, as the magic number does
  return _mm256_srli_epi32(
      _mm256_add_epi32(_mm256_mullo_epi32(_mm256_cvtepu8_epi32(differences), factor), _mm256_set1_epi32(1 << 11)), 12);
}

/// Sum of S over whole groups of at most 2^20 pixels; `done` says how many.
COBRA_AVX2 uint32_t SaturationAvx2(const uint8_t* rgb, size_t pixels, size_t& done) {
  __m256i total = _mm256_setzero_si256();
  size_t i = 0;
  for (; i + kPixels <= pixels; i += kPixels) {
    Channels c;
    TakeApart(rgb + 3 * i, c);
    if (AllEqual(c)) continue;
    const __m256i high = _mm256_max_epu8(_mm256_max_epu8(c.r, c.g), c.b);
    const __m256i difference = _mm256_sub_epi8(high, _mm256_min_epu8(_mm256_min_epu8(c.r, c.g), c.b));
    const __m128i highs[2] = {_mm256_castsi256_si128(high), _mm256_extracti128_si256(high, 1)};
    const __m128i differences[2] = {_mm256_castsi256_si128(difference), _mm256_extracti128_si256(difference, 1)};
    for (int k = 0; k < 2; ++k) {
      total = _mm256_add_epi32(total, SaturationWords(highs[k], differences[k]));
      total = _mm256_add_epi32(total, SaturationWords(_mm_srli_si128(highs[k], 8), _mm_srli_si128(differences[k], 8)));
    }
  }
  done = i;
  uint32_t sums[8], sum = 0;
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums), total);
  for (const uint32_t value : sums) sum += value;
  return sum;
}

COBRA_AVX2 size_t FirstAvx2(const uint8_t* rgb, size_t pixels, uint8_t* out) {
  size_t i = 0;
  for (; i + kPixels <= pixels; i += kPixels) {
    Channels c;
    TakeApart(rgb + 3 * i, c);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), c.r);
  }
  return i;
}

/// How many pixels from the start on are certainly gray, in groups: all whole groups, or those before the first with a
/// colour.
COBRA_AVX2 size_t GrayRunAvx2(const uint8_t* rgb, size_t pixels) {
  // Each byte against the next; every third pair is of two pixels and does not count.
  alignas(32) uint8_t counts[96];
  for (int i = 0; i < 96; ++i) counts[i] = i % 3 == 2 ? 0 : 255;
  const __m256i* mask = reinterpret_cast<const __m256i*>(counts);
  size_t i = 0;
  // One byte more is read than the group has.
  for (; i + kPixels < pixels; i += kPixels) {
    __m256i differ = _mm256_setzero_si256();
    for (int k = 0; k < 3; ++k) {
      const uint8_t* at = rgb + 3 * i + 32 * k;
      const __m256i pair = _mm256_xor_si256(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)),
                                            _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at + 1)));
      differ = _mm256_or_si256(differ, _mm256_and_si256(pair, _mm256_load_si256(mask + k)));
    }
    if (!_mm256_testz_si256(differ, differ)) return i;
  }
  return i;
}

bool HasAvx2() { return __builtin_cpu_supports("avx2") != 0; }
#endif

}  // namespace

bool IsGray(const uint8_t* rgb, size_t pixels) {
  size_t i = 0;
#if defined(__x86_64__)
  if (HasAvx2()) i = GrayRunAvx2(rgb, pixels);
#endif
  for (rgb += 3 * i; i < pixels; ++i, rgb += 3) {
    if (rgb[0] != rgb[1] || rgb[0] != rgb[2]) return false;
  }
  return true;
}

void FirstOfRgb(const uint8_t* rgb, size_t pixels, uint8_t* out) {
  size_t i = 0;
#if defined(__x86_64__)
  if (HasAvx2()) i = FirstAvx2(rgb, pixels, out);
#endif
  for (; i < pixels; ++i) out[i] = rgb[3 * i];
}

void ToGray(const uint8_t* rgb, size_t pixels, uint8_t* out) {
  size_t i = 0;
#if defined(__x86_64__)
  if (HasAvx2()) i = GrayAvx2(rgb, pixels, out);
#endif
  for (; i < pixels; ++i) out[i] = GrayOf(rgb + 3 * i);
}

uint64_t SaturationSum(const uint8_t* data, size_t pixels, int channels) {
  constexpr size_t kChunk = size_t{1} << 20;
  uint64_t total = 0;
  for (size_t start = 0; start < pixels; start += kChunk) {
    const size_t end = std::min(start + kChunk, pixels);
    size_t i = start;
#if defined(__x86_64__)
    if (channels == 3 && HasAvx2()) {
      size_t done = 0;
      total += SaturationAvx2(data + 3 * start, end - start, done);
      i += done;
    }
#endif
    for (const uint8_t* p = data + i * channels; i < end; ++i, p += channels) total += SaturationOf(p[0], p[1], p[2]);
  }
  return total;
}

}  // namespace cobra::pixels
