// The resampler's horizontal pass. Sixteen rows are transposed, so that one weight meets the same sample of
// sixteen rows at once, and transposed back. All sums are 32-bit integers: the result is that of the plain loop, to the
// bit.
#include <algorithm>
#include <cstring>

#include "pixels/taps.h"
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace cobra::pixels {
namespace {

constexpr int kRows = 16;

#if defined(__x86_64__)
/// out[i][r] = in[r][i] for 16 x 16 bytes.
inline void Transpose16(const uint8_t* const in[16], uint8_t* const out[16]) {
  __m128i a[16], b[16];
  for (int r = 0; r < 16; ++r) a[r] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in[r]));
  // Four rounds of interleaving row r with row r + 8 bring byte i of row r to byte r of row i.
  for (int round = 0; round < 4; ++round) {
    for (int r = 0; r < 8; ++r) {
      b[2 * r] = _mm_unpacklo_epi8(a[r], a[r + 8]);
      b[2 * r + 1] = _mm_unpackhi_epi8(a[r], a[r + 8]);
    }
    for (int r = 0; r < 16; ++r) a[r] = b[r];
  }
  for (int r = 0; r < 16; ++r) _mm_storeu_si128(reinterpret_cast<__m128i*>(out[r]), a[r]);
}
#else
inline void Transpose16(const uint8_t* const in[16], uint8_t* const out[16]) {
  for (int i = 0; i < 16; ++i) {
    for (int r = 0; r < 16; ++r) out[i][r] = in[r][i];
  }
}
#endif

/// Samples [begin, end) of 16 rows to columns of 16 bytes: columns[i * 16 + r] = rows[r][i].
void ToColumns(const uint8_t* const rows[kRows], size_t begin, size_t end, uint8_t* columns) {
  size_t i = begin;
  for (; i + 16 <= end; i += 16) {
    const uint8_t* in[16];
    uint8_t* out[16];
    for (int r = 0; r < 16; ++r) {
      in[r] = rows[r] + i;
      out[r] = columns + (i + r) * kRows;
    }
    Transpose16(in, out);
  }
  for (; i < end; ++i) {
    for (int r = 0; r < kRows; ++r) columns[i * kRows + r] = rows[r][i];
  }
}

/// The way back, for the first `count` rows.
void FromColumns(const uint8_t* columns, size_t samples, int count, uint8_t* out, size_t row_bytes) {
  size_t i = 0;
  for (; i + 16 <= samples; i += 16) {
    const uint8_t* in[16];
    uint8_t* to[16];
    uint8_t unused[16];
    for (int r = 0; r < 16; ++r) {
      in[r] = columns + (i + r) * kRows;
      to[r] = r < count ? out + r * row_bytes + i : unused;
    }
    Transpose16(in, to);
  }
  for (; i < samples; ++i) {
    for (int r = 0; r < count; ++r) out[r * row_bytes + i] = columns[i * kRows + r];
  }
}

/// Weighted sums over columns: out[(x * C + c) * 16 + r] for all x.
template <int C>
void Weigh(const uint8_t* columns, const Taps& taps, uint8_t* out) {
  for (size_t x = 0; x < taps.first.size(); ++x) {
    const uint8_t* p = columns + static_cast<size_t>(taps.first[x]) * C * kRows;
    const int* w = &taps.weights[x * taps.stride];
    int sums[C * kRows];
    for (int& sum : sums) sum = kHalf;
    for (int k = 0; k < taps.count[x]; ++k, p += C * kRows) {
      for (int i = 0; i < C * kRows; ++i) sums[i] += p[i] * w[k];
    }
    for (const int sum : sums) *out++ = static_cast<uint8_t>(std::clamp(sum >> kPrecisionBits, 0, 255));
  }
}

#if defined(__x86_64__)
/// `Weigh` with AVX2: the same integers, two taps at a time. `columns` has room for one tap more.
template <int C>
__attribute__((target("avx2"))) void WeighAvx2(const uint8_t* columns, const Taps& taps, uint8_t* out) {
  std::vector<WeightPair> pairs(static_cast<size_t>(taps.stride + 1) / 2);
  for (size_t x = 0; x < taps.first.size(); ++x) {
    const uint8_t* p = columns + static_cast<size_t>(taps.first[x]) * C * kRows;
    const int count = PairWeights(&taps.weights[x * taps.stride], taps.count[x], pairs.data());
    __m256i low[2 * C], high[2 * C];
#pragma GCC unroll 8
    for (int i = 0; i < 2 * C; ++i) {
      low[i] = _mm256_set1_epi32(kHalf);
      high[i] = _mm256_setzero_si256();
    }
    for (int k = 0; k < count; ++k, p += 2 * C * kRows) {
      const __m256i low_weights = _mm256_set1_epi32(pairs[k].low), high_weights = _mm256_set1_epi32(pairs[k].high);
#pragma GCC unroll 4
      for (int c = 0; c < C; ++c) {
        const __m128i a = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + c * kRows)),
                      b = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + (C + c) * kRows));
        const __m256i first = _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(a, b)),
                      second = _mm256_cvtepu8_epi16(_mm_unpackhi_epi8(a, b));
        low[2 * c] = _mm256_add_epi32(low[2 * c], _mm256_madd_epi16(first, low_weights));
        high[2 * c] = _mm256_add_epi32(high[2 * c], _mm256_madd_epi16(first, high_weights));
        low[2 * c + 1] = _mm256_add_epi32(low[2 * c + 1], _mm256_madd_epi16(second, low_weights));
        high[2 * c + 1] = _mm256_add_epi32(high[2 * c + 1], _mm256_madd_epi16(second, high_weights));
      }
    }
#pragma GCC unroll 8
    for (int i = 0; i < 2 * C; ++i, out += 8) {
      const __m256i v =
          _mm256_srai_epi32(_mm256_add_epi32(_mm256_slli_epi32(high[i], kLowBits), low[i]), kPrecisionBits);
      // Packing with saturation clips to 0..255.
      const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
      _mm_storel_epi64(reinterpret_cast<__m128i*>(out), _mm_packus_epi16(words, words));
    }
  }
}
#endif

using WeighFunction = void (*)(const uint8_t*, const Taps&, uint8_t*);

template <int C>
WeighFunction Choose() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) return WeighAvx2<C>;
#endif
  return Weigh<C>;
}

}  // namespace

void HorizontalPass(const View& in, int first_row, int rows, const Taps& taps, uint8_t* out) {
  const size_t c = static_cast<size_t>(in.channels);
  const WeighFunction weigh = c == 1 ? Choose<1>() : c == 2 ? Choose<2>() : c == 3 ? Choose<3>() : Choose<4>();
  const size_t in_bytes = static_cast<size_t>(in.width) * c;
  const size_t out_bytes = taps.first.size() * c;
  const size_t begin = static_cast<size_t>(taps.first.front()) * c;
  const size_t end = (static_cast<size_t>(taps.first.back()) + taps.count.back()) * c;
  std::vector<uint8_t> columns((in_bytes + c) * kRows), weighed(out_bytes * kRows);
  for (int y = 0; y < rows; y += kRows) {
    const int count = std::min(kRows, rows - y);
    const uint8_t* lines[kRows];
    for (int r = 0; r < kRows; ++r)
      lines[r] = in.data + (static_cast<size_t>(first_row) + y + std::min(r, count - 1)) * in_bytes;
    ToColumns(lines, begin, end, columns.data());
    weigh(columns.data(), taps, weighed.data());
    FromColumns(weighed.data(), out_bytes, count, out + static_cast<size_t>(y) * out_bytes, out_bytes);
  }
}

}  // namespace cobra::pixels
