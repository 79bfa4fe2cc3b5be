// Reverses the filters of PNG (3rd edition, chapter 9) on rows of 8-bit RGB. A pixel depends on the one before it, so
// only its three channels are computed in parallel.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "pixels/kernels.h"
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace cobra::pixels {
namespace {

constexpr size_t kBytes = 3;  // of a pixel
enum Filter : uint8_t { kNone = 0, kSub = 1, kUp = 2, kAverage = 3, kPaeth = 4 };

void Sub(const uint8_t* in, size_t count, uint8_t* out) {
  std::memmove(out, in, kBytes);
  for (size_t i = kBytes; i < count; ++i) out[i] = static_cast<uint8_t>(in[i] + out[i - kBytes]);
}

COBRA_CLONES void Up(const uint8_t* in, const uint8_t* above, size_t count, uint8_t* out) {
  for (size_t i = 0; i < count; ++i) out[i] = static_cast<uint8_t>(in[i] + above[i]);
}

void Average(const uint8_t* in, const uint8_t* above, size_t count, uint8_t* out) {
  for (size_t i = 0; i < kBytes; ++i) out[i] = static_cast<uint8_t>(in[i] + above[i] / 2);
  for (size_t i = kBytes; i < count; ++i) out[i] = static_cast<uint8_t>(in[i] + (out[i - kBytes] + above[i]) / 2);
}

#if defined(__x86_64__)
#define COBRA_SSE41 __attribute__((target("sse4.1")))

/// A pixel in words; `from` has four bytes.
COBRA_SSE41 inline __m128i Widened(const uint8_t* from) {
  int value;
  std::memcpy(&value, from, sizeof value);
  return _mm_cvtepu8_epi16(_mm_cvtsi32_si128(value));
}

/// All pixels but the last, after which there is no fourth byte to read and write. Returns how many bytes are done.
COBRA_SSE41 size_t PaethRegisters(const uint8_t* in, const uint8_t* above, size_t count, uint8_t* out) {
  __m128i left = _mm_setzero_si128(), corner = left;
  size_t i = 0;
  for (; i + kBytes < count; i += kBytes) {
    const __m128i up = Widened(above + i);
    // Distances of the three neighbours from left + up - corner.
    const __m128i to_left = _mm_sub_epi16(up, corner), to_up = _mm_sub_epi16(left, corner);
    const __m128i far_left = _mm_abs_epi16(to_left), far_up = _mm_abs_epi16(to_up),
                  far_corner = _mm_abs_epi16(_mm_add_epi16(to_left, to_up));
    const __m128i up_or_corner = _mm_blendv_epi8(up, corner, _mm_cmpgt_epi16(far_up, far_corner));
    const __m128i guess =
        _mm_blendv_epi8(left, up_or_corner, _mm_cmpgt_epi16(far_left, _mm_min_epi16(far_up, far_corner)));
    left = _mm_add_epi8(Widened(in + i), guess);
    corner = up;
    const int value = _mm_cvtsi128_si32(_mm_packus_epi16(left, left));
    std::memcpy(out + i, &value, sizeof value);
  }
  return i;
}
#endif

uint8_t Predicted(int left, int up, int corner) {
  const int far_left = std::abs(up - corner), far_up = std::abs(left - corner),
            far_corner = std::abs(left + up - 2 * corner);
  if (far_left <= far_up && far_left <= far_corner) return static_cast<uint8_t>(left);
  return static_cast<uint8_t>(far_up <= far_corner ? up : corner);
}

void Paeth(const uint8_t* in, const uint8_t* above, size_t count, uint8_t* out) {
  size_t i = 0;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.1")) i = PaethRegisters(in, above, count, out);
#endif
  for (; i < count; ++i)
    out[i] =
        static_cast<uint8_t>(in[i] + (i < kBytes ? above[i] : Predicted(out[i - kBytes], above[i], above[i - kBytes])));
}

}  // namespace

bool UnfilterRgb(uint8_t* data, int width, int height) {
  const size_t count = static_cast<size_t>(width) * kBytes;
  const std::vector<uint8_t> nothing(count);
  const uint8_t* above = nothing.data();
  for (int y = 0; y < height; ++y) {
    const uint8_t* in = data + y * (count + 1) + 1;
    uint8_t* out = data + y * count;
    switch (in[-1]) {
      case kNone:
        std::memmove(out, in, count);
        break;
      case kSub:
        Sub(in, count, out);
        break;
      case kUp:
        Up(in, above, count, out);
        break;
      case kAverage:
        Average(in, above, count, out);
        break;
      case kPaeth:
        Paeth(in, above, count, out);
        break;
      default:
        return false;
    }
    above = out;
  }
  return true;
}

}  // namespace cobra::pixels
