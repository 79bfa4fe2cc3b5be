// The pixel kernels themselves: plain C++ over caller-owned memory, no Node types, no state, thread-safe.
// Pictures are 8 bits per sample, interleaved, row major, without padding. A kernel may throw std::bad_alloc and
// nothing else; the callers (calls_*.cc) have checked all sizes. Outputs never overlap inputs unless a comment says so.
#pragma once
#include <cstddef>
#include <cstdint>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define COBRA_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define COBRA_SANITIZED 1
#endif
// Compiles a loop twice and picks the AVX2 form at load time. Off under sanitizers, whose runtime starts after the
// choice.
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(COBRA_SANITIZED)
#define COBRA_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define COBRA_CLONES
#endif

namespace cobra::pixels {

struct View {
  const uint8_t* data;
  int width;
  int height;
  int channels;
  size_t pixels() const { return static_cast<size_t>(width) * height; }
  size_t samples() const { return pixels() * channels; }
};

enum class Filter { kNearest = 0, kBox = 1, kBicubic = 2, kLanczos = 3, kBilinear = 4 };

/// The side of a page that a strip of this size is made of, in pixels: the root of its area, of which no more counts
/// than twice as much along as across.
inline double PageSide(int width, int height) {
  const double across = width < height ? width : height, along = width < height ? height : width;
  return __builtin_sqrt(across * (along < 2 * across ? along : 2 * across));
}

/// Source rectangle in pixels, as floats like PIL's box.
struct Box {
  float x0, y0, x1, y1;
};

// resize.cc: PIL's Image.resize (libImaging/Resample.c, and Geometry.c for nearest), exact to the bit.
void Resize(const View& in, int width, int height, Filter filter, const Box& box, uint8_t* out);
// PIL's Image.reduce (libImaging/Reduce.c): means over whole boxes of xFactor x yFactor, partial boxes at right and
// bottom.
void Reduce(const View& in, int x_factor, int y_factor, uint8_t* out);
/// Rows [from, to) of the same; `out` is where row `from` goes.
void ReduceRows(const View& in, int x_factor, int y_factor, int from, int to, uint8_t* out);
/// Reduce, then Resize of all of it by a filter that is not nearest, as PIL's Image.thumbnail does: the same bytes,
/// without the picture between.
void ReduceAndResize(const View& in, int x_factor, int y_factor, int width, int height, Filter filter, uint8_t* out);
void Crop(const View& in, int x, int y, int width, int height, uint8_t* out);

// edges.cc: the number of edge pixels of OpenCV's Canny, 3x3 Sobel, L1 gradient.
size_t CountCannyEdges(const uint8_t* gray, int width, int height, int low, int high);

// rgb.cc
void ToGray(const uint8_t* rgb, size_t pixels, uint8_t* out);
void FirstOfRgb(const uint8_t* rgb, size_t pixels, uint8_t* out);
/// True when all pixels have R = G = B; ends at the first that has not.
bool IsGray(const uint8_t* rgb, size_t pixels);
/// Sum of OpenCV's 8-bit HSV saturation (0..255) over all pixels: S = ((max - min) * round(255 * 2^12 / max) + 2^11)
/// >> 12.
uint64_t SaturationSum(const uint8_t* data, size_t pixels, int channels);

// color.cc
size_t DistinctColors(const uint8_t* rgb, size_t pixels);
/// The value that `rank` others come before in order, from 0.
uint8_t ValueAt(const uint8_t* data, size_t count, size_t rank);
/// As numpy's: with an even count the mean of the two middle values.
double Median(const uint8_t* data, size_t count);
void Histogram(const uint8_t* data, size_t count, uint64_t histogram[256]);
/// `out` may be `line` itself.
void ShadowStyle(const uint8_t* gray, const uint8_t* line, size_t count, uint8_t* out);
/// RGBA to premultiplied RGBa and back, as PIL converts them. `out` may be `in`.
void Premultiply(const uint8_t* in, size_t pixels, uint8_t* out);
void Unpremultiply(const uint8_t* in, size_t pixels, uint8_t* out);
/// PIL's CMYK to RGB: R = (255 - K) - C * (255 - K) / 255.
void CmykToRgb(const uint8_t* in, size_t pixels, uint8_t* out);
/// Keeps or repeats channels: 4 -> 3 and 2 -> 1 drop the last, 1 -> 3 repeats.
void ChangeChannels(const uint8_t* in, size_t pixels, int from, int to, uint8_t* out);

// ink.cc: the model's colour under the page's ink. Page gray or RGB, model RGB or (with flats) RGBA, of any sizes;
// `hints`: null, or RGBA of any size, as GrowHints gives it; out: the page's size, RGB, and it may be an RGB page's own
// memory. `color_out` and `ink_out`: both null, or of the same size, for colour and ink apart: multiplied they are
// `out`.
void ComposeInk(const View& page, const View& model, const View* hints, uint8_t* out, uint8_t* color_out = nullptr,
                uint8_t* ink_out = nullptr);

// flats.cc
/// The model's picture on a grid of `width` x `height`, at most the page's size, with one colour in every region of the
/// page. `page`: gray or RGB; `model`: RGB; `out` holds channels * width * height bytes, RGB or RGBA.
void FlattenColors(const View& page, const View& model, int width, int height, int channels, uint8_t* out);

// regions.cc
/// The page's regions (regions.h) on a grid of `width` x `height`, at most the page's size: of every pixel its region's
/// number, of ink -2 less that of the nearest region, -1 far inside ink. `page`: gray or RGB.
void LabelRegions(const View& page, int width, int height, int32_t* out);

// hints.cc: colour hints grown to the regions of the page that they lie in. `page`: gray or RGB; `marks`: RGBA of any
// size, a hint where alpha is 128 or more. out: RGBA of `width` x `height`, at most the page's size.
void GrowHints(const View& page, const View& marks, int width, int height, uint8_t* out);

// evidence.cc
/// Sums over an RGB picture for src/classification/evidence.ts, halved (means of 2 x 2 pixels) until neither side is
/// over 320; ink being 1 - channel / paper's channel, at least 0: the ink's second moments (RR, GG, BB, RG, RB, GB),
/// the same over pixels of less than half the ink, those of the two axes of colour (aa, bb, ab), tinted and vivid
/// pixels. Returns how many pixels were summed over.
/// `blocks`: the value of BlockSpreads for every whole block of the picture reduced by ReductionOf; both figures come
/// from one pass over the picture, so that it is read from memory once.
constexpr size_t kColorSums = 17;
size_t ColorSums(const View& rgb, double sums[kColorSums], double* blocks);
/// The whole factor by which neither side is over 320.
int ReductionOf(int width, int height);
/// How many blocks the reduced picture has.
size_t CountBlocks(int width, int height);

// local_color.cc
/// Pixels a side of a block.
constexpr int kBlock = 16;
/// For every whole block of an RGB picture, in reading order: the deviation of R - G and of (R + G) / 2 - B, taken
/// together, less the part that goes with the block's lightness (R + G + B) / 3.
void BlockSpreads(const View& rgb, double* out);

// png_rows.cc
/// The pixels of an RGB PNG from its decompressed data, in place: each row has its filter's number and width * 3 bytes;
/// the pixels lie at the start of the same memory. False for a filter that PNG does not have.
bool UnfilterRgb(uint8_t* data, int width, int height);

// planes.cc: interleaved bytes <-> planar floats (C, H, W).
/// out[c * plane + i] = table[c * 256 + in[i * channels + c]].
void ToPlanar(const uint8_t* in, size_t pixels, int channels, const float* table, float* out);
/// One channel to three planes, with 256 values of `table` for each.
void GrayToPlanes(const uint8_t* in, size_t pixels, const float* table, float* out);
enum class Range { kSigned = 0, kByte = 1 };
enum class Rounding { kHalfEven = 0, kTruncate = 1 };
/// kSigned: (clamp(x, -1, 1) * 0.5 + 0.5) * 255; kByte: clamp(x, 0, 255). NaN gives 0.
void FromPlanar(const float* in, size_t pixels, int channels, Range range, Rounding rounding, uint8_t* out);

}  // namespace cobra::pixels
