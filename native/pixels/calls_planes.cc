// Calls between interleaved bytes and planar floats, and from a PNG's rows to pixels.
#include "pixels/calls.h"
#include "pixels/kernels.h"

namespace cobra::pixels {
namespace {

// toPlanar(image, table: Float32Array(256 * channels), out?)
Napi::Value CallToPlanar(const Info& info) {
  const View in = ReadImage(info, 0, "image");
  const float* table = ReadFloats(info, 1, "table", 256 * static_cast<size_t>(in.channels));
  Napi::Float32Array out = OutputFloats(info, 2, in.samples());
  RefuseOverlap(info.Env(), out.Data(), in.samples() * sizeof(float), in.data, in.samples());
  ToPlanar(in.data, in.pixels(), in.channels, table, out.Data());
  return out;
}

// grayToPlanes(image of one channel, table: Float32Array(256 * 3), out?): three planes
Napi::Value CallGrayToPlanes(const Info& info) {
  const View in = ReadImage(info, 0, "image", 1);
  const float* table = ReadFloats(info, 1, "table", 256 * 3);
  Napi::Float32Array out = OutputFloats(info, 2, 3 * in.samples());
  RefuseOverlap(info.Env(), out.Data(), 3 * in.samples() * sizeof(float), in.data, in.samples());
  GrayToPlanes(in.data, in.pixels(), table, out.Data());
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
  FromPlanar(in, Samples(width, height, 1), channels, static_cast<Range>(range), static_cast<Rounding>(rounding),
             out.Data());
  return out;
}

// unfilterRgb(data: Uint8Array, width, height): true, with the pixels at the start of `data`, or false
Napi::Value CallUnfilterRgb(const Info& info) {
  const int width = ReadInt(info, 1, "width", 1, kMaxSide);
  const int height = ReadInt(info, 2, "height", 1, kMaxSide);
  uint8_t* data = ReadBytes(info, 0, "data", Samples(width, height, 3) + static_cast<size_t>(height));
  return Napi::Boolean::New(info.Env(), UnfilterRgb(data, width, height));
}

}  // namespace

void AddPlaneCalls(Calls& calls) {
  calls.Add<CallToPlanar>("toPlanar");
  calls.Add<CallGrayToPlanes>("grayToPlanes");
  calls.Add<CallFromPlanar>("fromPlanar");
  calls.Add<CallUnfilterRgb>("unfilterRgb");
}

}  // namespace cobra::pixels
