// Declarations that the files of the ink kernel share: its working grid and the steps that fill it. See ink.cc for the
// whole method.
#pragma once
#include <cstdint>
#include <vector>

#include "pixels/kernels.h"

namespace cobra::pixels {

/// Four floats of one pixel: red, green, blue (0..255) and a weight (0..1).
typedef float Rgbw __attribute__((vector_size(16)));

/// Colour on the working grid: the page's grid, or one of its k-th part where the page is much finer than the model's
/// picture.
struct ColorGrid {
  int width = 0;
  int height = 0;
  /// Before FillColor: colour times weight, and weight. After: red, green, blue and the share of white paper.
  std::vector<Rgbw> pixels;
  /// 255 where a pixel has the flat of its region (flats.cc) and keeps it; empty where there are no flats.
  std::vector<uint8_t> flat = {};
};

/// What a page is drawn on.
struct Paper {
  uint8_t color[3];
  uint8_t luma;
  /// Of a page of few greys, as e-readers and palettes have, what its dither may span: neighbouring greys as pixels
  /// side by side. 0 on others.
  uint8_t dither = 0;
  /// Of every gray its share of the paper's: 255 is paper.
  uint8_t relative[256];
};

/// The paper: the brightest value that 1.5% of the page gather around and that is a peak there; white when there is
/// none. `page`: gray or RGB.
Paper FindPaper(const View& page);

/// One row of a page (gray or RGB) as grays, and as RGB: its own memory, or `scratch` of three bytes a pixel.
void GrayRow(const View& page, int y, uint8_t* out);
const uint8_t* RgbRow(const View& page, int y, uint8_t* scratch);

/// Tone (255 = paper) and shade (its closing, of dithered greys that of their mean) of some rows of a page at a time,
/// from the top down. It reads the page `reach` rows ahead of what it gives and never again behind it, so what lies
/// behind may be written over.
class ToneBands {
 public:
  /// `rows` at a time; `page` and `paper` are referred to.
  ToneBands(const View& page, const Paper& paper, int radius, int rows);
  /// Goes on to the next rows; false when there are none.
  bool Next();
  int first() const { return first_; }
  int last() const { return last_; }
  const uint8_t* tone(int y) const { return tone_.data() + static_cast<size_t>(y - low_) * page_.width; }
  const uint8_t* shade(int y) const { return shade_.data() + static_cast<size_t>(y - low_) * page_.width; }

 private:
  const View& page_;
  const Paper& paper_;
  int radius_, rows_, reach_;
  /// What is given is rows first_ to last_ (exclusive), what is kept low_ to high_.
  int first_ = 0, last_ = 0, low_ = 0, high_ = 0;
  std::vector<uint8_t> tone_, shade_;
};

/// Makes grays shares of the paper's.
void RelateToPaper(const Paper& paper, uint8_t* luma, size_t count);

/// Gives pixels the mean of those around them, `kEvenReach` to each side, where these differ by no more than `dither`:
/// greys between two levels are seen as one. Lines, which differ by more, stay.
constexpr int kEvenReach = 2;
void EvenOut(const uint8_t* in, int width, int height, uint8_t dither, uint8_t* out);

/// out = greatest (or least) value within `radius` pixels in both directions; what lies outside the picture does not
/// count. `out` may be `in`.
void MaxFilter(const uint8_t* in, int width, int height, int radius, uint8_t* out);
void MinFilter(const uint8_t* in, int width, int height, int radius, uint8_t* out);

/// The colour of every page region, brought to its ink. `color` is the model's picture (RGB) and `tone` the page (255 =
/// paper), both width x height; `pixel` is the size of one pixel of the model in pixels of this grid.
/// Four channels, flats with alpha 255: the grid's pixels there get exactly that colour.
void LayFlats(const View& flats, ColorGrid& grid);
ColorGrid FillColor(const uint8_t* color, const uint8_t* tone, int width, int height, double pixel);

/// Smooths `grid` (colour times weight, and weight) along rows and columns, stopping where `tone` changes: the
/// recursive domain transform of Gastal and Oliveira (SIGGRAPH 2011), with the tone as its guide. `reach`: standard
/// deviation in pixels.
void DomainTransform(ColorGrid& grid, const uint8_t* tone, float reach);

inline float Luma(Rgbw c) { return 0.299f * c[0] + 0.587f * c[1] + 0.114f * c[2]; }

/// What a page's greys are to the model's colour, 0..1 each; see ink_shade.cc. A page without greys is explained.
struct ShadeOfColor {
  float explained = 1.0f;
  float followed = 0.0f;
};

/// `shade`: the page's tone without lines in the middle of each of the grid's pixels.
ShadeOfColor ShadeInColor(const ColorGrid& grid, const uint8_t* shade);

/// Colour hints, grown to their regions, over a page. Refers to the layer's memory.
class HintLayer {
 public:
  /// `layer`: RGBA of any size, stretched over the page; `grid`: the colours without the hints.
  HintLayer(const View& layer, const ColorGrid& grid);
  /// Puts the hints' colours into the colours of row `y` of a page of `width` x `height`.
  void PutInRow(int y, int width, int height, Rgbw* colors) const;

 private:
  View layer_;
  /// Of every pixel of the layer the area of one colour that it is in, -1 for none; and the colours' mean luma in each
  /// area.
  std::vector<int32_t> area_;
  std::vector<float> luma_;
};

}  // namespace cobra::pixels
