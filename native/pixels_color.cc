// Colour kernels: gray, saturation, distinct colours, histogram, the "line + shadow" thresholds, blending, alpha and CMYK as PIL
// and OpenCV do them.
#include <algorithm>
#include <cstring>
#include <vector>

#include "pixels_kernels.h"

namespace cobra::pixels {
namespace {

/// PIL's MULDIV255: round(a * b / 255).
inline uint32_t MulDiv255(uint32_t a, uint32_t b) {
  const uint32_t t = a * b + 128;
  return ((t >> 8) + t) >> 8;
}

/// Sum of S over at most 2^20 pixels. OpenCV (imgproc/color_hsv): S = ((max - min) * round(255 * 2^12 / max) + 2^11) >> 12.
/// The float quotient rounds to the same integer as the exact one for all 255 values of max; adding and taking away 1.5 * 2^23 rounds.
template <int C>
inline __attribute__((always_inline)) uint32_t SaturationOf(const uint8_t* data, size_t pixels) {
  constexpr float kMagic = 12582912.0f;
  uint32_t total = 0;
  for (size_t i = 0; i < pixels; ++i) {
    const int r = data[C * i], g = data[C * i + 1], b = data[C * i + 2];
    const int high = r > g ? (r > b ? r : b) : (g > b ? g : b);
    const int low = r < g ? (r < b ? r : b) : (g < b ? g : b);
    const float quotient = 1044480.0f / static_cast<float>(high > 0 ? high : 1);
    const int factor = static_cast<int>((quotient + kMagic) - kMagic);
    total += static_cast<uint32_t>((high - low) * factor + (1 << 11)) >> 12;
  }
  return total;
}

COBRA_CLONES uint32_t Saturation3(const uint8_t* data, size_t pixels) { return SaturationOf<3>(data, pixels); }
COBRA_CLONES uint32_t Saturation4(const uint8_t* data, size_t pixels) { return SaturationOf<4>(data, pixels); }

}  // namespace

COBRA_CLONES void ToGray(const uint8_t* rgb, size_t pixels, uint8_t* out) {
  for (size_t i = 0; i < pixels; ++i) {
    out[i] = static_cast<uint8_t>((rgb[3 * i] * 19595u + rgb[3 * i + 1] * 38470u + rgb[3 * i + 2] * 7471u + 0x8000u) >> 16);
  }
}

uint64_t SaturationSum(const uint8_t* data, size_t pixels, int channels) {
  constexpr size_t kChunk = size_t{1} << 20;
  uint64_t total = 0;
  for (size_t start = 0; start < pixels; start += kChunk) {
    const size_t count = std::min(kChunk, pixels - start);
    total += channels == 3 ? Saturation3(data + start * 3, count) : Saturation4(data + start * 4, count);
  }
  return total;
}

size_t DistinctColors(const uint8_t* rgb, size_t pixels) {
  std::vector<uint64_t> seen(size_t{1} << 18);
  size_t count = 0;
  for (size_t i = 0; i < pixels; ++i, rgb += 3) {
    const uint32_t color = rgb[0] << 16 | rgb[1] << 8 | rgb[2];
    const uint64_t bit = uint64_t{1} << (color & 63);
    uint64_t& word = seen[color >> 6];
    count += (word & bit) == 0;
    word |= bit;
  }
  return count;
}

void Histogram(const uint8_t* data, size_t count, uint64_t histogram[256]) {
  // Four tables, so that runs of one value do not wait for the same counter.
  std::vector<uint64_t> parts(4 * 256);
  size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    for (size_t k = 0; k < 4; ++k) ++parts[k * 256 + data[i + k]];
  }
  for (; i < count; ++i) ++parts[data[i]];
  for (int v = 0; v < 256; ++v) histogram[v] = parts[v] + parts[256 + v] + parts[512 + v] + parts[768 + v];
}

COBRA_CLONES void ShadowStyle(const uint8_t* gray, const uint8_t* line, size_t count, uint8_t* out) {
  for (size_t i = 0; i < count; ++i) {
    const uint8_t q = gray[i];
    const uint8_t v = q <= 74 ? uint8_t{18} : line[i];
    out[i] = q > 74 && q < 145 && v > 155 ? uint8_t{155} : v;
  }
}

COBRA_CLONES void Blend(const uint8_t* a, const uint8_t* b, size_t count, float alpha, uint8_t* out) {
  for (size_t i = 0; i < count; ++i) {
    out[i] = static_cast<uint8_t>(static_cast<int>(static_cast<float>(a[i]) + alpha * static_cast<float>(b[i] - a[i])));
  }
}

void Premultiply(const uint8_t* in, size_t pixels, uint8_t* out) {
  for (size_t i = 0; i < pixels; ++i, in += 4, out += 4) {
    const uint32_t alpha = in[3];
    for (int c = 0; c < 3; ++c) out[c] = static_cast<uint8_t>(MulDiv255(in[c], alpha));
    out[3] = static_cast<uint8_t>(alpha);
  }
}

void Unpremultiply(const uint8_t* in, size_t pixels, uint8_t* out) {
  for (size_t i = 0; i < pixels; ++i, in += 4, out += 4) {
    const uint32_t alpha = in[3];
    for (int c = 0; c < 3; ++c) {
      out[c] = alpha == 0 || alpha == 255 ? in[c] : static_cast<uint8_t>(std::min(255u * in[c] / alpha, 255u));
    }
    out[3] = static_cast<uint8_t>(alpha);
  }
}

void CmykToRgb(const uint8_t* in, size_t pixels, uint8_t* out) {
  for (size_t i = 0; i < pixels; ++i, in += 4, out += 3) {
    const uint32_t light = 255u - in[3];
    for (int c = 0; c < 3; ++c) out[c] = static_cast<uint8_t>(light - MulDiv255(in[c], light));
  }
}

void ChangeChannels(const uint8_t* in, size_t pixels, int from, int to, uint8_t* out) {
  for (size_t i = 0; i < pixels; ++i, in += from, out += to) {
    for (int c = 0; c < to; ++c) out[c] = in[from == 1 ? 0 : c];
  }
}

}  // namespace cobra::pixels
