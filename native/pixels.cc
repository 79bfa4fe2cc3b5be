// The pixel calls as JavaScript sees them: arguments in, one kernel, result out. Registered as exports.pixels.
#include "pixels.h"

#include <new>
#include <type_traits>

#include "pixels_args.h"
#include "pixels_kernels.h"

namespace cobra {
namespace {

using namespace pixels;
using Info = Napi::CallbackInfo;

constexpr int kMaxSide = 1 << 20;

/// Turns memory exhaustion inside a kernel into a JS error with a code; nothing else can be thrown by one.
template <Napi::Value (*kCall)(const Info&)>
Napi::Value Guarded(const Info& info) {
  try {
    return kCall(info);
  } catch (const std::bad_alloc&) {
    Napi::Error error = Napi::Error::New(info.Env(), "not enough host memory for this picture; use smaller pictures or fewer at once");
    error.Set("code", Napi::String::New(info.Env(), "ERR_OUT_OF_MEMORY"));
    throw error;
  }
}

/// An output for `count` bytes that shares nothing with the input.
Napi::Uint8Array FreshBytes(const Info& info, size_t index, size_t count, const View& in) {
  Napi::Uint8Array out = OutputBytes(info, index, count);
  RefuseOverlap(info.Env(), out.Data(), count, in.data, in.samples());
  return out;
}

/// A page, gray or RGB.
View ReadPage(const Info& info, size_t index) {
  const View page = ReadImage(info, index, "page");
  if (page.channels != 1 && page.channels != 3) Refuse(info.Env(), "page must have 1 or 3 channels, got " + std::to_string(page.channels));
  return page;
}

size_t Samples(int width, int height, int channels) { return static_cast<size_t>(width) * height * channels; }

void RefuseUnequal(const Info& info, const View& a, const View& b) {
  if (a.width == b.width && a.height == b.height && a.channels == b.channels) return;
  Refuse(info.Env(), "both pictures must have the same size and channels, got " + std::to_string(a.width) + " x " + std::to_string(a.height) + " x " + std::to_string(a.channels) +
                         " and " + std::to_string(b.width) + " x " + std::to_string(b.height) + " x " + std::to_string(b.channels));
}

// resize(image, width, height, filter, box?, out?)
Napi::Value CallResize(const Info& info) {
  const View in = ReadImage(info, 0, "image");
  const int width = ReadInt(info, 1, "width", 1, kMaxSide);
  const int height = ReadInt(info, 2, "height", 1, kMaxSide);
  const int filter = ReadInt(info, 3, "filter", 0, 3);
  const Box box = ReadBox(info, 4, in);
  Napi::Uint8Array out = FreshBytes(info, 5, Samples(width, height, in.channels), in);
  Resize(in, width, height, static_cast<Filter>(filter), box, out.Data());
  return out;
}

// reduce(image, xFactor, yFactor, out?)
Napi::Value CallReduce(const Info& info) {
  const View in = ReadImage(info, 0, "image");
  const int x = ReadInt(info, 1, "xFactor", 1, 4095);
  const int y = ReadInt(info, 2, "yFactor", 1, 4095);
  Napi::Uint8Array out = FreshBytes(info, 3, Samples((in.width + x - 1) / x, (in.height + y - 1) / y, in.channels), in);
  Reduce(in, x, y, out.Data());
  return out;
}

// reduceAndResize(image, xFactor, yFactor, width, height, filter)
Napi::Value CallReduceAndResize(const Info& info) {
  const View in = ReadImage(info, 0, "image");
  const int x = ReadInt(info, 1, "xFactor", 1, 4095);
  const int y = ReadInt(info, 2, "yFactor", 1, 4095);
  const int width = ReadInt(info, 3, "width", 1, kMaxSide);
  const int height = ReadInt(info, 4, "height", 1, kMaxSide);
  const int filter = ReadInt(info, 5, "filter", 1, 3);
  Napi::Uint8Array out = FreshBytes(info, 6, Samples(width, height, in.channels), in);
  ReduceAndResize(in, x, y, width, height, static_cast<Filter>(filter), out.Data());
  return out;
}

// crop(image, x, y, width, height, out?)
Napi::Value CallCrop(const Info& info) {
  const View in = ReadImage(info, 0, "image");
  const int x = ReadInt(info, 1, "x", 0, in.width - 1);
  const int y = ReadInt(info, 2, "y", 0, in.height - 1);
  const int width = ReadInt(info, 3, "width", 1, in.width - x);
  const int height = ReadInt(info, 4, "height", 1, in.height - y);
  Napi::Uint8Array out = FreshBytes(info, 5, Samples(width, height, in.channels), in);
  Crop(in, x, y, width, height, out.Data());
  return out;
}

// gray(rgb, out?)
Napi::Value CallGray(const Info& info) {
  const View in = ReadImage(info, 0, "image", 3);
  Napi::Uint8Array out = FreshBytes(info, 1, in.pixels(), in);
  ToGray(in.data, in.pixels(), out.Data());
  return out;
}

// canny(gray, low, high, out?): the edge map
Napi::Value CallCanny(const Info& info) {
  const View in = ReadImage(info, 0, "image", 1);
  const int low = ReadInt(info, 1, "low", 0, 1 << 16);
  const int high = ReadInt(info, 2, "high", 0, 1 << 16);
  Napi::Uint8Array out = FreshBytes(info, 3, in.pixels(), in);
  Canny(in.data, in.width, in.height, low, high, out.Data());
  return out;
}

// edgeCount(gray, low, high): number of edge pixels, no map
Napi::Value CallEdgeCount(const Info& info) {
  const View in = ReadImage(info, 0, "image", 1);
  const int low = ReadInt(info, 1, "low", 0, 1 << 16);
  const int high = ReadInt(info, 2, "high", 0, 1 << 16);
  return Napi::Number::New(info.Env(), static_cast<double>(Canny(in.data, in.width, in.height, low, high, nullptr)));
}

// saturation(image of 3 or 4 channels): mean of S over 0..255
Napi::Value CallSaturation(const Info& info) {
  const View in = ReadImage(info, 0, "image");
  if (in.channels < 3) Refuse(info.Env(), "image must have 3 or 4 channels, got " + std::to_string(in.channels));
  return Napi::Number::New(info.Env(), static_cast<double>(SaturationSum(in.data, in.pixels(), in.channels)) / static_cast<double>(in.pixels()));
}

// distinctColors(rgb), median(gray): a number; isGray(rgb): true or false
template <auto Kernel, int kChannels>
Napi::Value CallFigure(const Info& info) {
  const View in = ReadImage(info, 0, "image", kChannels);
  const auto figure = Kernel(in.data, in.pixels());
  if constexpr (std::is_same_v<decltype(figure), const bool>) return Napi::Boolean::New(info.Env(), figure);
  else return Napi::Number::New(info.Env(), static_cast<double>(figure));
}

// colorSums(rgb): Float64Array of 17 sums and the number of pixels summed over
Napi::Value CallColorSums(const Info& info) {
  const View in = ReadImage(info, 0, "image", 3);
  Napi::Float64Array out = Napi::Float64Array::New(info.Env(), kColorSums + 1);
  out[kColorSums] = static_cast<double>(ColorSums(in.data, in.width, in.height, out.Data()));
  return out;
}

// histogram(gray): Float64Array of 256 counts
Napi::Value CallHistogram(const Info& info) {
  const View in = ReadImage(info, 0, "image", 1);
  uint64_t counts[256];
  Histogram(in.data, in.samples(), counts);
  Napi::Float64Array out = Napi::Float64Array::New(info.Env(), 256);
  for (size_t v = 0; v < 256; ++v) out[v] = static_cast<double>(counts[v]);
  return out;
}

// shadowStyle(gray, line, out?); out may be line.data
Napi::Value CallShadowStyle(const Info& info) {
  const View gray = ReadImage(info, 0, "gray", 1);
  const View line = ReadImage(info, 1, "line", 1);
  RefuseUnequal(info, gray, line);
  Napi::Uint8Array out = OutputBytes(info, 2, gray.samples());
  ShadowStyle(gray.data, line.data, gray.samples(), out.Data());
  return out;
}

// blend(a, b, alpha, out?); out may be a.data or b.data
Napi::Value CallBlend(const Info& info) {
  const View a = ReadImage(info, 0, "a");
  const View b = ReadImage(info, 1, "b");
  RefuseUnequal(info, a, b);
  const double alpha = ReadNumber(info, 2, "alpha");
  if (alpha < 0 || alpha > 1) Refuse(info.Env(), "alpha must be from 0 to 1");
  Napi::Uint8Array out = OutputBytes(info, 3, a.samples());
  Blend(a.data, b.data, a.samples(), static_cast<float>(alpha), out.Data());
  return out;
}

// premultiply(rgba, out?), unpremultiply(rgba, out?), cmykToRgb(cmyk, out?)
template <void (*kKernel)(const uint8_t*, size_t, uint8_t*), int kOutChannels>
Napi::Value CallFourChannel(const Info& info) {
  const View in = ReadImage(info, 0, "image", 4);
  Napi::Uint8Array out = FreshBytes(info, 1, in.pixels() * kOutChannels, in);
  kKernel(in.data, in.pixels(), out.Data());
  return out;
}

// changeChannels(image, to, out?)
Napi::Value CallChangeChannels(const Info& info) {
  const View in = ReadImage(info, 0, "image");
  const int to = ReadInt(info, 1, "channels", 1, 3);
  if (in.channels != 1 && in.channels < to) Refuse(info.Env(), "cannot make " + std::to_string(to) + " channels of " + std::to_string(in.channels));
  Napi::Uint8Array out = FreshBytes(info, 2, in.pixels() * to, in);
  ChangeChannels(in.data, in.pixels(), in.channels, to, out.Data());
  return out;
}

// composeInk(page, model, hints?, out?, colorOut?, inkOut?)
Napi::Value CallComposeInk(const Info& info) {
  const View page = ReadPage(info, 0);
  const View model = ReadImage(info, 1, "model", 3);
  const bool hinted = !info[2].IsUndefined();
  const View hints = hinted ? ReadImage(info, 2, "hints", 4) : View{};
  const bool layered = !info[4].IsUndefined();
  const size_t count = Samples(page.width, page.height, 3);
  uint8_t* outs[3] = {nullptr, nullptr, nullptr};
  Napi::Uint8Array out;
  for (size_t i = 0; i < (layered ? 3 : 1); ++i) {
    Napi::Uint8Array array = OutputBytes(info, 3 + i, count);
    const bool in_place = i == 0 && page.channels == 3 && array.Data() == page.data;
    if (!in_place) RefuseOverlap(info.Env(), array.Data(), count, page.data, page.samples());
    RefuseOverlap(info.Env(), array.Data(), count, model.data, model.samples());
    if (hinted) RefuseOverlap(info.Env(), array.Data(), count, hints.data, hints.samples());
    for (size_t j = 0; j < i; ++j) RefuseOverlap(info.Env(), array.Data(), count, outs[j], count);
    outs[i] = array.Data();
    if (i == 0) out = array;
  }
  ComposeInk(page, model, hinted ? &hints : nullptr, outs[0], outs[1], outs[2]);
  return out;
}

// growHints(page, marks, width, height, out?)
Napi::Value CallGrowHints(const Info& info) {
  const View page = ReadPage(info, 0);
  const View marks = ReadImage(info, 1, "marks", 4);
  const int width = ReadInt(info, 2, "width", 1, page.width);
  const int height = ReadInt(info, 3, "height", 1, page.height);
  Napi::Uint8Array out = FreshBytes(info, 4, Samples(width, height, 4), page);
  RefuseOverlap(info.Env(), out.Data(), Samples(width, height, 4), marks.data, marks.samples());
  GrowHints(page, marks, width, height, out.Data());
  return out;
}

// findRegions(page, width, height)
Napi::Value CallFindRegions(const Info& info) {
  const View page = ReadPage(info, 0);
  const int width = ReadInt(info, 1, "width", 1, page.width);
  const int height = ReadInt(info, 2, "height", 1, page.height);
  Napi::Int32Array out = Napi::Int32Array::New(info.Env(), Samples(width, height, 1));
  LabelRegions(page, width, height, out.Data());
  return out;
}

// flattenColors(page, model, width, height, out?)
Napi::Value CallFlattenColors(const Info& info) {
  const View page = ReadPage(info, 0);
  const View model = ReadImage(info, 1, "model", 3);
  const int width = ReadInt(info, 2, "width", 1, page.width);
  const int height = ReadInt(info, 3, "height", 1, page.height);
  Napi::Uint8Array out = FreshBytes(info, 4, Samples(width, height, 3), page);
  RefuseOverlap(info.Env(), out.Data(), Samples(width, height, 3), model.data, model.samples());
  FlattenColors(page, model, width, height, out.Data());
  return out;
}

// toPlanar(image, table: Float32Array(256 * channels), out?)
Napi::Value CallToPlanar(const Info& info) {
  const View in = ReadImage(info, 0, "image");
  const float* table = ReadFloats(info, 1, "table", 256 * static_cast<size_t>(in.channels));
  Napi::Float32Array out = OutputFloats(info, 2, in.samples());
  RefuseOverlap(info.Env(), out.Data(), in.samples() * sizeof(float), in.data, in.samples());
  ToPlanar(in.data, in.pixels(), in.channels, table, out.Data());
  return out;
}

// fromPlanar(planes: Float32Array, width, height, channels, range, rounding, out?)
Napi::Value CallFromPlanar(const Info& info) {
  const int width = ReadInt(info, 1, "width", 1, kMaxSide);
  const int height = ReadInt(info, 2, "height", 1, kMaxSide);
  const int channels = ReadInt(info, 3, "channels", 1, 4);
  const size_t samples = Samples(width, height, channels);
  const float* in = ReadFloats(info, 0, "planes", samples);
  const int range = ReadInt(info, 4, "range", 0, 1);
  const int rounding = ReadInt(info, 5, "rounding", 0, 1);
  Napi::Uint8Array out = OutputBytes(info, 6, samples);
  RefuseOverlap(info.Env(), out.Data(), samples, in, samples * sizeof(float));
  FromPlanar(in, Samples(width, height, 1), channels, static_cast<Range>(range), static_cast<Rounding>(rounding), out.Data());
  return out;
}

}  // namespace

void RegisterPixels(Napi::Env env, Napi::Object exports) {
  Napi::Object object = Napi::Object::New(env);
  const auto add = [&](const char* name, auto call) { object.Set(name, Napi::Function::New(env, call, name)); };
  add("resize", Guarded<CallResize>);
  add("reduce", Guarded<CallReduce>);
  add("reduceAndResize", Guarded<CallReduceAndResize>);
  add("crop", Guarded<CallCrop>);
  add("gray", Guarded<CallGray>);
  add("canny", Guarded<CallCanny>);
  add("edgeCount", Guarded<CallEdgeCount>);
  add("saturation", Guarded<CallSaturation>);
  add("distinctColors", Guarded<CallFigure<DistinctColors, 3>>);
  add("isGray", Guarded<CallFigure<IsGray, 3>>);
  add("colorSums", Guarded<CallColorSums>);
  add("median", Guarded<CallFigure<Median, 1>>);
  add("histogram", Guarded<CallHistogram>);
  add("shadowStyle", Guarded<CallShadowStyle>);
  add("blend", Guarded<CallBlend>);
  add("premultiply", Guarded<CallFourChannel<Premultiply, 4>>);
  add("unpremultiply", Guarded<CallFourChannel<Unpremultiply, 4>>);
  add("cmykToRgb", Guarded<CallFourChannel<CmykToRgb, 3>>);
  add("changeChannels", Guarded<CallChangeChannels>);
  add("composeInk", Guarded<CallComposeInk>);
  add("growHints", Guarded<CallGrowHints>);
  add("findRegions", Guarded<CallFindRegions>);
  add("flattenColors", Guarded<CallFlattenColors>);
  add("toPlanar", Guarded<CallToPlanar>);
  add("fromPlanar", Guarded<CallFromPlanar>);
  exports.Set("pixels", object);
}

}  // namespace cobra
