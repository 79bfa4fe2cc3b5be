// PIL's Image.reduce (libImaging/Reduce.c): rounded means over whole boxes, in PIL's fixed point, exact to the bit.
// Columns of at most 256 pixels, which nearly all are, are summed in 16 bits, and so are whole boxes up to that size;
// boxes of 2 x 2 pixels, the commonest, have loops of their own.
#include <algorithm>
#include <cstring>
#include <type_traits>
#include <vector>

#include "pixels/kernels.h"
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace cobra::pixels {
namespace {

/// Fixed-point factor of a mean over `divider` samples, in PIL's float arithmetic.
uint32_t MeanFactor(uint32_t divider) {
  return static_cast<uint32_t>(4294967296.0f / static_cast<float>(256u * divider));
}

template <typename Sum>
inline __attribute__((always_inline)) void AddSamples(const uint8_t* line, size_t samples, bool first, Sum* columns) {
  if (first) {
    for (size_t i = 0; i < samples; ++i) columns[i] = line[i];
  } else {
    for (size_t i = 0; i < samples; ++i) columns[i] = static_cast<Sum>(columns[i] + line[i]);
  }
}

COBRA_CLONES void AddRow(const uint8_t* line, size_t samples, bool first, uint32_t* columns) {
  AddSamples(line, samples, first, columns);
}
COBRA_CLONES void AddRow(const uint8_t* line, size_t samples, bool first, uint16_t* columns) {
  AddSamples(line, samples, first, columns);
}

/// Writes the sums of four rows, each `samples` after the one before.
COBRA_CLONES void SumFourRows(const uint8_t* rows, size_t samples, uint16_t* columns) {
  const uint8_t *second = rows + samples, *third = second + samples, *fourth = third + samples;
  for (size_t i = 0; i < samples; ++i) columns[i] = static_cast<uint16_t>(rows[i] + second[i] + third[i] + fourth[i]);
}

/// sums[i] is what a box has that begins at column i, wherever a whole one fits: more than is needed, but many at a
/// time.
COBRA_CLONES void SumAcross(size_t samples, int across, int channels, const uint16_t* columns, uint16_t* sums) {
  const size_t ends = samples - static_cast<size_t>(across - 1) * channels;
  for (size_t i = 0; i < ends; ++i) sums[i] = static_cast<uint16_t>(columns[i] + columns[i + channels]);
  for (int k = 2; k < across; ++k) {
    const uint16_t* next = columns + static_cast<size_t>(k) * channels;
    for (size_t i = 0; i < ends; ++i) sums[i] = static_cast<uint16_t>(sums[i] + next[i]);
  }
}

/// The mean of `across` columns of sums over `count` samples, for one output pixel.
template <typename Sum>
inline uint8_t* MeanOf(const Sum* columns, int across, int channels, uint32_t count, uint32_t factor, uint8_t* out) {
  for (int c = 0; c < channels; ++c) {
    uint32_t sum = count / 2;
    for (int i = 0; i < across; ++i) sum += columns[i * channels + c];
    *out++ = static_cast<uint8_t>((sum * factor) >> 24);
  }
  return out;
}

/// The means of `whole` boxes, from the sums that SumAcross gives; `step` from one box to the next.
template <int kChannels>
void MeansOf(const uint16_t* sums, int whole, size_t step, uint32_t count, uint32_t factor, uint8_t* out) {
  const uint32_t half = count / 2;
  for (int x = 0; x < whole; ++x, sums += step)
    for (int c = 0; c < kChannels; ++c) *out++ = static_cast<uint8_t>(((sums[c] + half) * factor) >> 24);
}

constexpr decltype(&MeansOf<1>) kMeansOf[] = {MeansOf<1>, MeansOf<2>, MeansOf<3>, MeansOf<4>};

/// Boxes up to this width are summed by SumAcross: wider ones are quicker column by column.
constexpr int kWidest = 8;

/// Rows [from, to) of the output, to `out`.
template <typename Sum>
void SumRows(const View& in, int x_factor, int y_factor, int from, int to, uint8_t* out) {
  const int whole = in.width / x_factor;
  const int rest = in.width % x_factor;
  const size_t samples = static_cast<size_t>(in.width) * in.channels;
  const size_t step = static_cast<size_t>(x_factor) * in.channels;
  const bool sums_fit = x_factor > 1 && x_factor <= kWidest && x_factor * y_factor <= 256 && whole > 0;
  std::vector<Sum> columns(samples);
  std::vector<uint16_t> sums(std::is_same_v<Sum, uint16_t> && sums_fit ? samples : 0);
  for (int y = from; y < to; ++y) {
    const int rows = std::min(y_factor, in.height - y * y_factor);
    const uint8_t* line = in.data + static_cast<size_t>(y) * y_factor * samples;
    int done = 0;
    if constexpr (std::is_same_v<Sum, uint16_t>) {
      if (rows >= 4) {
        SumFourRows(line, samples, columns.data());
        done = 4;
      }
    }
    for (int r = done; r < rows; ++r) AddRow(line + r * samples, samples, r == 0, columns.data());
    const uint32_t count = static_cast<uint32_t>(x_factor) * rows;
    const uint32_t factor = MeanFactor(count);
    if (!sums.empty()) {
      if constexpr (std::is_same_v<Sum, uint16_t>)
        SumAcross(samples, x_factor, in.channels, columns.data(), sums.data());
      kMeansOf[in.channels - 1](sums.data(), whole, step, count, factor, out);
      out += static_cast<size_t>(whole) * in.channels;
    } else {
      for (int x = 0; x < whole; ++x) out = MeanOf(&columns[x * step], x_factor, in.channels, count, factor, out);
    }
    if (rest > 0) {
      const uint32_t fewer = static_cast<uint32_t>(rest) * rows;
      out = MeanOf(&columns[whole * step], rest, in.channels, fewer, MeanFactor(fewer), out);
    }
  }
}

#if defined(__x86_64__)
/// Means of 2 x 2 pixels of two rows, for `pixels` pixels of the output; with a count of 4 PIL's fixed point is (sum +
/// 2) >> 2. Returns how many are done: those that can be read and written in whole registers.
__attribute__((target("avx2"))) int HalveRgb(const uint8_t* upper, const uint8_t* lower, int pixels, uint8_t* out) {
  // Each half of a register takes 12 bytes: RGBRGB RGBRGB to RR GG BB RR GG BB.
  const __m256i pairs = _mm256_setr_epi8(0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11, -1, -1, -1, -1, 0, 3, 1, 4, 2, 5, 6, 9,
                                         7, 10, 8, 11, -1, -1, -1, -1);
  const __m256i ones = _mm256_set1_epi8(1), two = _mm256_set1_epi16(2);
  int x = 0;
  for (; x + 6 <= pixels; x += 4, upper += 24, lower += 24, out += 12) {
    const __m256i a =
        _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(upper))),
                                _mm_loadu_si128(reinterpret_cast<const __m128i*>(upper + 12)), 1);
    const __m256i b =
        _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(lower))),
                                _mm_loadu_si128(reinterpret_cast<const __m128i*>(lower + 12)), 1);
    const __m256i sums = _mm256_add_epi16(_mm256_maddubs_epi16(_mm256_shuffle_epi8(a, pairs), ones),
                                          _mm256_maddubs_epi16(_mm256_shuffle_epi8(b, pairs), ones));
    const __m256i means = _mm256_srli_epi16(_mm256_add_epi16(sums, two), 2);
    const __m256i bytes = _mm256_packus_epi16(means, means);
    // Two bytes too many each time; the next ones lie over them.
    _mm_storel_epi64(reinterpret_cast<__m128i*>(out), _mm256_castsi256_si128(bytes));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(out + 6), _mm256_extracti128_si256(bytes, 1));
  }
  return x;
}

/// The same for gray pictures.
__attribute__((target("avx2"))) int HalveGray(const uint8_t* upper, const uint8_t* lower, int pixels, uint8_t* out) {
  const __m256i ones = _mm256_set1_epi8(1), two = _mm256_set1_epi16(2);
  int x = 0;
  for (; x + 16 <= pixels; x += 16, upper += 32, lower += 32, out += 16) {
    const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(upper)),
                  b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(lower));
    const __m256i sums = _mm256_add_epi16(_mm256_maddubs_epi16(a, ones), _mm256_maddubs_epi16(b, ones));
    const __m256i means = _mm256_srli_epi16(_mm256_add_epi16(sums, two), 2);
    const __m256i bytes = _mm256_packus_epi16(means, means);
    _mm_storel_epi64(reinterpret_cast<__m128i*>(out), _mm256_castsi256_si128(bytes));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(out + 8), _mm256_extracti128_si256(bytes, 1));
  }
  return x;
}

/// Means of 4 x 4 pixels of four rows, for `pixels` pixels of the output; with a count of 16 PIL's fixed point is
/// (sum + 8) >> 4. Returns how many are done.
__attribute__((target("avx2"))) int QuarterRgb(const uint8_t* rows, size_t stride, int pixels, uint8_t* out) {
  // As in HalveRgb; each half of a register takes one pixel of the output.
  const __m256i pairs = _mm256_setr_epi8(0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11, -1, -1, -1, -1, 0, 3, 1, 4, 2, 5, 6, 9,
                                         7, 10, 8, 11, -1, -1, -1, -1);
  const __m256i ones = _mm256_set1_epi8(1), half = _mm256_set1_epi16(8);
  int x = 0;
  for (; x + 4 <= pixels; x += 2, rows += 24, out += 6) {
    __m256i sums = _mm256_setzero_si256();
    for (int r = 0; r < 4; ++r) {
      const uint8_t* row = rows + r * stride;
      const __m256i pixels_of_row =
          _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(row))),
                                  _mm_loadu_si128(reinterpret_cast<const __m128i*>(row + 12)), 1);
      sums = _mm256_add_epi16(sums, _mm256_maddubs_epi16(_mm256_shuffle_epi8(pixels_of_row, pairs), ones));
    }
    const __m256i boxes = _mm256_add_epi16(sums, _mm256_srli_si256(sums, 6));
    const __m256i means = _mm256_srli_epi16(_mm256_add_epi16(boxes, half), 4);
    const __m256i bytes = _mm256_packus_epi16(means, means);
    // Bytes too many each time; the next ones lie over them.
    const int first = _mm256_extract_epi32(bytes, 0), second = _mm256_extract_epi32(bytes, 4);
    std::memcpy(out, &first, 4);
    std::memcpy(out + 3, &second, 4);
  }
  return x;
}
#endif

/// `ReduceRows` by 4 of RGB, where the processor can, of the rows of whole boxes; returns how many are done.
int RowsOfQuarters(const View& in, int from, int to, uint8_t* out) {
#if defined(__x86_64__)
  if (!__builtin_cpu_supports("avx2")) return 0;
  const size_t stride = static_cast<size_t>(in.width) * 3;
  const int whole = in.width / 4, rest = in.width % 4;
  int y = from;
  for (; y < to && (y + 1) * 4 <= in.height; ++y) {
    const uint8_t* rows = in.data + static_cast<size_t>(y) * 4 * stride;
    const int done = QuarterRgb(rows, stride, whole, out);
    out += done * 3;
    for (int x = done; x < whole + (rest > 0 ? 1 : 0); ++x) {
      const int across = x < whole ? 4 : rest;
      const uint32_t factor = MeanFactor(across * 4);
      for (int c = 0; c < 3; ++c) {
        uint32_t sum = across * 2;
        for (int r = 0; r < 4; ++r)
          for (int i = 0; i < across; ++i) sum += rows[r * stride + (x * 4 + i) * 3 + c];
        *out++ = static_cast<uint8_t>((sum * factor) >> 24);
      }
    }
  }
  return y - from;
#else
  return 0;
#endif
}

/// `Reduce` by 2 of gray and RGB where the processor can; returns how many rows of the output are done.
int ReduceByTwo(const View& in, uint8_t* out) {
#if defined(__x86_64__)
  if (!__builtin_cpu_supports("avx2")) return 0;
  const int c = in.channels;
  const int whole = in.width / 2;
  const size_t samples = static_cast<size_t>(in.width) * c;
  const size_t out_samples = (static_cast<size_t>(in.width) + 1) / 2 * c;
  const int rows = in.height / 2;
  for (int y = 0; y < rows; ++y, out += out_samples) {
    const uint8_t* upper = in.data + 2 * y * samples;
    const uint8_t* lower = upper + samples;
    const int done = c == 3 ? HalveRgb(upper, lower, whole, out) : HalveGray(upper, lower, whole, out);
    for (int i = done * c; i < whole * c; ++i) {
      const int at = i / c * 2 * c + i % c;
      out[i] = static_cast<uint8_t>((upper[at] + upper[at + c] + lower[at] + lower[at + c] + 2) >> 2);
    }
    // A last column alone: PIL's mean of two is (sum + 1) >> 1.
    if (in.width % 2 == 1) {
      for (int i = 0; i < c; ++i)
        out[whole * c + i] = static_cast<uint8_t>((upper[2 * whole * c + i] + lower[2 * whole * c + i] + 1) >> 1);
    }
  }
  return rows;
#else
  return 0;
#endif
}

}  // namespace

void Reduce(const View& in, int x_factor, int y_factor, uint8_t* out) {
  const int height = (in.height + y_factor - 1) / y_factor;
  const size_t out_samples = (static_cast<size_t>(in.width) + x_factor - 1) / x_factor * in.channels;
  const int done = x_factor == 2 && y_factor == 2 && (in.channels == 1 || in.channels == 3) ? ReduceByTwo(in, out) : 0;
  ReduceRows(in, x_factor, y_factor, done, height, out + done * out_samples);
}

void ReduceRows(const View& in, int x_factor, int y_factor, int from, int to, uint8_t* out) {
  if (x_factor == 4 && y_factor == 4 && in.channels == 3) {
    const int rows = RowsOfQuarters(in, from, to, out);
    from += rows;
    out += static_cast<size_t>(rows) * ((in.width + 3) / 4) * 3;
  }
  if (from == to) return;
  if (y_factor <= 256)
    SumRows<uint16_t>(in, x_factor, y_factor, from, to, out);
  else
    SumRows<uint32_t>(in, x_factor, y_factor, from, to, out);
}

}  // namespace cobra::pixels
