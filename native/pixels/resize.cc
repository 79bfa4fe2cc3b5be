// PIL's resampling, exact to the bit: Image.resize and crop. Formulas: Pillow's libImaging (Resample.c, Geometry.c):
// the support grows with the shrink factor, the horizontal pass comes first, 8 bits between the passes, weights rounded
// to 22 bits.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "pixels/taps.h"
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace cobra::pixels {
namespace {

constexpr double kPi = 3.14159265358979323846;

double BoxKernel(double x) { return x > -0.5 && x <= 0.5 ? 1.0 : 0.0; }

double BilinearKernel(double x) { return std::max(1.0 - std::fabs(x), 0.0); }

double BicubicKernel(double x) {
  constexpr double a = -0.5;
  x = std::fabs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
  return 0.0;
}

double Sinc(double x) {
  if (x == 0.0) return 1.0;
  x *= kPi;
  return std::sin(x) / x;
}

double LanczosKernel(double x) { return -3.0 <= x && x < 3.0 ? Sinc(x) * Sinc(x / 3) : 0.0; }

struct Kernel {
  double (*weight)(double);
  double support;
};

Kernel KernelOf(Filter filter) {
  if (filter == Filter::kBox) return {BoxKernel, 0.5};
  if (filter == Filter::kLanczos) return {LanczosKernel, 3.0};
  if (filter == Filter::kBilinear) return {BilinearKernel, 1.0};
  return {BicubicKernel, 2.0};
}

Taps MakeTaps(int in_size, float in0, float in1, int out_size, const Kernel& kernel) {
  const double scale = static_cast<double>(in1 - in0) / out_size;
  const double filter_scale = std::max(scale, 1.0);
  const double support = kernel.support * filter_scale;
  const double inverse = 1.0 / filter_scale;
  Taps taps;
  taps.stride = static_cast<int>(std::ceil(support)) * 2 + 1;
  taps.first.resize(out_size);
  taps.count.resize(out_size);
  taps.weights.assign(static_cast<size_t>(out_size) * taps.stride, 0);
  std::vector<double> row(taps.stride);
  for (int i = 0; i < out_size; ++i) {
    const double center = in0 + (i + 0.5) * scale;
    const int first = std::max(static_cast<int>(center - support + 0.5), 0);
    const int last = std::min(static_cast<int>(center + support + 0.5), in_size);
    const int count = last - first;
    double sum = 0.0;
    for (int k = 0; k < count; ++k) {
      row[k] = kernel.weight((k + first - center + 0.5) * inverse);
      sum += row[k];
    }
    int* weights = &taps.weights[static_cast<size_t>(i) * taps.stride];
    for (int k = 0; k < count; ++k) {
      const double w = (sum != 0.0 ? row[k] / sum : row[k]) * (1 << kPrecisionBits);
      weights[k] = static_cast<int>(w < 0 ? w - 0.5 : w + 0.5);
    }
    taps.first[i] = first;
    taps.count[i] = count;
  }
  return taps;
}

/// One output row of the vertical pass, from sample `from` on: `count` input rows, `samples` bytes each, weighted and
/// summed.
COBRA_CLONES void VerticalRow(const uint8_t* in, size_t samples, size_t from, const int* weights, int count,
                              uint8_t* out) {
  constexpr size_t kChunk = 512;
  int sums[kChunk];
  for (size_t start = from; start < samples; start += kChunk) {
    const size_t n = std::min(kChunk, samples - start);
    for (size_t i = 0; i < n; ++i) sums[i] = kHalf;
    for (int k = 0; k < count; ++k) {
      const uint8_t* row = in + static_cast<size_t>(k) * samples + start;
      const int w = weights[k];
      for (size_t i = 0; i < n; ++i) sums[i] += row[i] * w;
    }
    for (size_t i = 0; i < n; ++i) {
      const int v = sums[i] >> kPrecisionBits;
      out[start + i] = static_cast<uint8_t>(v < 0 ? 0 : v > 255 ? 255 : v);
    }
  }
}

#if defined(__x86_64__)
/// The same with AVX2, two rows at a time, for whole groups of 16 samples; returns how many samples are done.
__attribute__((target("avx2"))) size_t VerticalRowAvx2(const uint8_t* in, size_t samples, const int* weights, int count,
                                                       uint8_t* out) {
  std::vector<WeightPair> pairs(static_cast<size_t>(count + 1) / 2);
  const int twos = PairWeights(weights, count, pairs.data());
  size_t i = 0;
  for (; i + 16 <= samples; i += 16) {
    __m256i low[2] = {_mm256_set1_epi32(kHalf), _mm256_set1_epi32(kHalf)},
            high[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    for (int k = 0; k < twos; ++k) {
      const uint8_t* row = in + 2 * static_cast<size_t>(k) * samples + i;
      const __m128i a = _mm_loadu_si128(reinterpret_cast<const __m128i*>(row));
      const __m128i b = _mm_loadu_si128(reinterpret_cast<const __m128i*>(2 * k + 1 < count ? row + samples : row));
      const __m256i low_weights = _mm256_set1_epi32(pairs[k].low), high_weights = _mm256_set1_epi32(pairs[k].high);
      const __m256i first = _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(a, b)),
                    second = _mm256_cvtepu8_epi16(_mm_unpackhi_epi8(a, b));
      low[0] = _mm256_add_epi32(low[0], _mm256_madd_epi16(first, low_weights));
      high[0] = _mm256_add_epi32(high[0], _mm256_madd_epi16(first, high_weights));
      low[1] = _mm256_add_epi32(low[1], _mm256_madd_epi16(second, low_weights));
      high[1] = _mm256_add_epi32(high[1], _mm256_madd_epi16(second, high_weights));
    }
    const __m256i v = _mm256_srai_epi32(_mm256_add_epi32(_mm256_slli_epi32(high[0], kLowBits), low[0]), kPrecisionBits);
    const __m256i w = _mm256_srai_epi32(_mm256_add_epi32(_mm256_slli_epi32(high[1], kLowBits), low[1]), kPrecisionBits);
    // Packing goes by halves; the permutation puts the words in order, and saturation clips to 0..255.
    const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(v, w), 0xd8);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i),
                     _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1)));
  }
  return i;
}
#endif

/// The vertical pass over rows of `samples` bytes; `in` is row `first_row`.
void VerticalPass(const uint8_t* in, int first_row, size_t samples, const Taps& taps, int height, uint8_t* out) {
  for (int y = 0; y < height; ++y, out += samples) {
    const uint8_t* rows = in + static_cast<size_t>(taps.first[y] - first_row) * samples;
    const int* weights = &taps.weights[static_cast<size_t>(y) * taps.stride];
    size_t done = 0;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) done = VerticalRowAvx2(rows, samples, weights, taps.count[y], out);
#endif
    if (done < samples) VerticalRow(rows, samples, done, weights, taps.count[y], out);
  }
}

/// PIL's affine nearest with a fixed scale: positions accumulate in doubles.
std::vector<int> NearestPositions(float start, float end, int in_size, int out_size) {
  const double step = static_cast<double>(end - start) / out_size;
  std::vector<int> positions(out_size);
  double position = start + step * 0.5;
  for (int i = 0; i < out_size; ++i, position += step)
    positions[i] = std::clamp(static_cast<int>(position), 0, in_size - 1);
  return positions;
}

void ResizeNearest(const View& in, int width, int height, const Box& box, uint8_t* out) {
  const std::vector<int> xs = NearestPositions(box.x0, box.x1, in.width, width);
  const std::vector<int> ys = NearestPositions(box.y0, box.y1, in.height, height);
  const int c = in.channels;
  for (const int y : ys) {
    const uint8_t* line = in.data + static_cast<size_t>(y) * in.width * c;
    for (const int x : xs) {
      for (int k = 0; k < c; ++k) *out++ = line[static_cast<size_t>(x) * c + k];
    }
  }
}

}  // namespace

void Resize(const View& in, int width, int height, Filter filter, const Box& box, uint8_t* out) {
  if (filter == Filter::kNearest) return ResizeNearest(in, width, height, box, out);
  const bool horizontal = width != in.width || box.x0 != 0.0f || box.x1 != static_cast<float>(width);
  const bool vertical = height != in.height || box.y0 != 0.0f || box.y1 != static_cast<float>(height);
  const Kernel kernel = KernelOf(filter);
  if (!vertical) {
    if (!horizontal) {
      std::memcpy(out, in.data, in.samples());
      return;
    }
    return HorizontalPass(in, 0, height, MakeTaps(in.width, box.x0, box.x1, width, kernel), out);
  }
  const Taps down = MakeTaps(in.height, box.y0, box.y1, height, kernel);
  const int first_row = down.first.front();
  const int last_row = down.first.back() + down.count.back();
  std::vector<uint8_t> between;
  const uint8_t* source = in.data + static_cast<size_t>(first_row) * in.width * in.channels;
  if (horizontal) {
    between.resize(static_cast<size_t>(last_row - first_row) * width * in.channels);
    HorizontalPass(in, first_row, last_row - first_row, MakeTaps(in.width, box.x0, box.x1, width, kernel),
                   between.data());
    source = between.data();
  }
  const size_t samples = static_cast<size_t>(width) * in.channels;
  VerticalPass(source, first_row, samples, down, height, out);
}

void ReduceAndResize(const View& in, int x_factor, int y_factor, int width, int height, Filter filter, uint8_t* out) {
  const int reduced_width = (in.width + x_factor - 1) / x_factor,
            reduced_height = (in.height + y_factor - 1) / y_factor;
  const Box box{0.0f, 0.0f, static_cast<float>(static_cast<double>(in.width) / x_factor),
                static_cast<float>(static_cast<double>(in.height) / y_factor)};
  const Kernel kernel = KernelOf(filter);
  const Taps across = MakeTaps(reduced_width, box.x0, box.x1, width, kernel),
             down = MakeTaps(reduced_height, box.y0, box.y1, height, kernel);
  const size_t row = static_cast<size_t>(in.width) * in.channels,
               reduced_row = static_cast<size_t>(reduced_width) * in.channels,
               samples = static_cast<size_t>(width) * in.channels;
  // As many rows at once as the horizontal pass takes: what was reduced is still in the nearest cache.
  constexpr int kStrip = 16;
  std::vector<uint8_t> strip(kStrip * reduced_row), between(static_cast<size_t>(reduced_height) * samples);
  for (int y = 0; y < reduced_height; y += kStrip) {
    const int count = std::min(kStrip, reduced_height - y);
    const int first = y * y_factor;
    Reduce(View{in.data + first * row, in.width, std::min(count * y_factor, in.height - first), in.channels}, x_factor,
           y_factor, strip.data());
    HorizontalPass(View{strip.data(), reduced_width, count, in.channels}, 0, count, across,
                   between.data() + y * samples);
  }
  VerticalPass(between.data(), 0, samples, down, height, out);
}

void Crop(const View& in, int x, int y, int width, int height, uint8_t* out) {
  const size_t bytes = static_cast<size_t>(width) * in.channels;
  for (int row = 0; row < height; ++row) {
    std::memcpy(out + row * bytes, in.data + ((static_cast<size_t>(y) + row) * in.width + x) * in.channels, bytes);
  }
}

}  // namespace cobra::pixels
