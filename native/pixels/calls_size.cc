// Calls that change a picture's size: resize, reduce, crop.
#include "pixels/calls.h"
#include "pixels/kernels.h"

namespace cobra::pixels {
namespace {

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

}  // namespace

void AddSizeCalls(Calls& calls) {
  calls.Add<CallResize>("resize");
  calls.Add<CallReduce>("reduce");
  calls.Add<CallReduceAndResize>("reduceAndResize");
  calls.Add<CallCrop>("crop");
}

}  // namespace cobra::pixels
