// Calls that measure a picture: edges, saturation, colours, histogram.
#include <type_traits>

#include "pixels/calls.h"
#include "pixels/kernels.h"

namespace cobra::pixels {
namespace {

// edgeCount(gray, low, high): number of edge pixels
Napi::Value CallEdgeCount(const Info& info) {
  const View in = ReadImage(info, 0, "image", 1);
  const int low = ReadInt(info, 1, "low", 0, 1 << 16);
  const int high = ReadInt(info, 2, "high", 0, 1 << 16);
  return Napi::Number::New(info.Env(), static_cast<double>(CountCannyEdges(in.data, in.width, in.height, low, high)));
}

// saturation(image of 3 or 4 channels): mean of S over 0..255
Napi::Value CallSaturation(const Info& info) {
  const View in = ReadImage(info, 0, "image");
  if (in.channels < 3) Refuse(info.Env(), "image must have 3 or 4 channels, got " + std::to_string(in.channels));
  return Napi::Number::New(info.Env(), static_cast<double>(SaturationSum(in.data, in.pixels(), in.channels)) /
                                           static_cast<double>(in.pixels()));
}

// distinctColors(rgb), median(gray): a number; isGray(rgb): true or false
template <auto Kernel, int kChannels>
Napi::Value CallFigure(const Info& info) {
  const View in = ReadImage(info, 0, "image", kChannels);
  const auto figure = Kernel(in.data, in.pixels());
  if constexpr (std::is_same_v<decltype(figure), const bool>)
    return Napi::Boolean::New(info.Env(), figure);
  else
    return Napi::Number::New(info.Env(), static_cast<double>(figure));
}

// colorSums(rgb): Float64Array of 17 sums, the number of pixels summed over, and a value for every whole block
Napi::Value CallColorSums(const Info& info) {
  const View in = ReadImage(info, 0, "image", 3);
  Napi::Float64Array out = Napi::Float64Array::New(info.Env(), kColorSums + 1 + CountBlocks(in.width, in.height));
  out[kColorSums] = static_cast<double>(ColorSums(in, out.Data(), out.Data() + kColorSums + 1));
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

}  // namespace

void AddFigureCalls(Calls& calls) {
  calls.Add<CallEdgeCount>("edgeCount");
  calls.Add<CallSaturation>("saturation");
  calls.Add<CallFigure<DistinctColors, 3>>("distinctColors");
  calls.Add<CallFigure<IsGray, 3>>("isGray");
  calls.Add<CallColorSums>("colorSums");
  calls.Add<CallFigure<Median, 1>>("median");
  calls.Add<CallHistogram>("histogram");
}

}  // namespace cobra::pixels
