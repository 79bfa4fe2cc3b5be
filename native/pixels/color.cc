// Colour kernels: distinct colours, histogram, median, the "line + shadow" thresholds; channels, alpha and CMYK as PIL
// and OpenCV convert them.
#include <algorithm>
#include <cstring>
#include <vector>

#include "pixels/kernels.h"

namespace cobra::pixels {
namespace {

/// PIL's MULDIV255: round(a * b / 255).
inline uint32_t MulDiv255(uint32_t a, uint32_t b) {
  const uint32_t t = a * b + 128;
  return ((t >> 8) + t) >> 8;
}

/// How many values are at most t[0], t[1] and t[2]. Counted in bytes, 32 side by side, for as long as none can run
/// over.
COBRA_CLONES void CountUpTo(const uint8_t* data, size_t count, const uint8_t t[3], size_t counts[3]) {
  constexpr size_t kLanes = 32, kRun = 255 * kLanes;
  const uint8_t t0 = t[0], t1 = t[1], t2 = t[2];
  counts[0] = counts[1] = counts[2] = 0;
  size_t i = 0;
  while (i + kLanes <= count) {
    const size_t end = i + std::min(kRun, (count - i) / kLanes * kLanes);
    uint8_t a[kLanes] = {}, b[kLanes] = {}, c[kLanes] = {};
    for (; i < end; i += kLanes) {
      for (size_t k = 0; k < kLanes; ++k) {
        const uint8_t value = data[i + k];
        a[k] = static_cast<uint8_t>(a[k] + (value <= t0));
        b[k] = static_cast<uint8_t>(b[k] + (value <= t1));
        c[k] = static_cast<uint8_t>(c[k] + (value <= t2));
      }
    }
    for (size_t k = 0; k < kLanes; ++k) counts[0] += a[k], counts[1] += b[k], counts[2] += c[k];
  }
  for (; i < count; ++i) counts[0] += data[i] <= t0, counts[1] += data[i] <= t1, counts[2] += data[i] <= t2;
}

COBRA_CLONES void RepeatGray(const uint8_t* in, size_t pixels, uint8_t* out) {
  for (size_t i = 0; i < pixels; ++i) out[3 * i] = out[3 * i + 1] = out[3 * i + 2] = in[i];
}

}  // namespace

uint8_t ValueAt(const uint8_t* data, size_t count, size_t rank) {
  // A quarter of the range is left after each look.
  int low = 0;
  for (int quarter = 64; quarter >= 1; quarter /= 4) {
    const uint8_t t[3] = {static_cast<uint8_t>(low + quarter - 1), static_cast<uint8_t>(low + 2 * quarter - 1),
                          static_cast<uint8_t>(low + 3 * quarter - 1)};
    size_t counts[3];
    CountUpTo(data, count, t, counts);
    for (const size_t upTo : counts) low += upTo <= rank ? quarter : 0;
  }
  return static_cast<uint8_t>(low);
}

double Median(const uint8_t* data, size_t count) {
  const uint8_t lower = ValueAt(data, count, (count - 1) / 2);
  if (count % 2 == 1) return lower;
  const uint8_t t[3] = {lower, lower, lower};
  size_t counts[3];
  CountUpTo(data, count, t, counts);
  const uint8_t upper = counts[0] > count / 2 ? lower : ValueAt(data, count, count / 2);
  return (lower + upper) / 2.0;
}

size_t DistinctColors(const uint8_t* rgb, size_t pixels) {
  // Small pictures in a table of colours (+ 1, 0 is free) that stays in the cache, others by a bit for each of all
  // colours.
  if (pixels <= (size_t{1} << 16)) {
    constexpr uint32_t kSlots = 1u << 17;
    std::vector<uint32_t> seen(kSlots);
    size_t count = 0;
    uint32_t last = 0;
    for (size_t i = 0; i < pixels; ++i, rgb += 3) {
      const uint32_t color = (static_cast<uint32_t>(rgb[0]) << 16 | rgb[1] << 8 | rgb[2]) + 1;
      if (color == last) continue;
      last = color;
      uint32_t slot = (color * 0x9e3779b1u) >> 15;
      while (seen[slot] != 0 && seen[slot] != color) slot = (slot + 1) % kSlots;
      count += seen[slot] == 0;
      seen[slot] = color;
    }
    return count;
  }
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
  uint64_t parts[4 * 256] = {};
  size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    for (size_t k = 0; k < 4; ++k) ++parts[k * 256 + data[i + k]];
  }
  for (; i < count; ++i) ++parts[data[i]];
  for (int v = 0; v < 256; ++v) histogram[v] = parts[v] + parts[256 + v] + parts[512 + v] + parts[768 + v];
}

COBRA_CLONES void ShadowStyle(const uint8_t* gray, const uint8_t* line, size_t count, uint8_t* out) {
  // The result may take the lines' place, byte for byte. Loaded whether it is needed or not, a line's byte needs no
  // branch, and many are done at once.
#pragma GCC ivdep
  for (size_t i = 0; i < count; ++i) {
    const uint8_t q = gray[i], own = line[i];
    const uint8_t least = q < 145 ? std::min<uint8_t>(own, 155) : own;
    out[i] = q <= 74 ? uint8_t{18} : least;
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
  if (from == 3 && to == 1) return FirstOfRgb(in, pixels, out);
  if (from == 1 && to == 3) return RepeatGray(in, pixels, out);
  for (size_t i = 0; i < pixels; ++i, in += from, out += to) {
    for (int c = 0; c < to; ++c) out[c] = in[from == 1 ? 0 : c];
  }
}

}  // namespace cobra::pixels
