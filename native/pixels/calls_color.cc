// Calls that turn pixels into other pixels: gray, shadow style, alpha, CMYK, channels.
#include "pixels/calls.h"
#include "pixels/kernels.h"

namespace cobra::pixels {
namespace {

// gray(rgb, out?)
Napi::Value CallGray(const Info& info) {
  const View in = ReadImage(info, 0, "image", 3);
  Napi::Uint8Array out = FreshBytes(info, 1, in.pixels(), in);
  ToGray(in.data, in.pixels(), out.Data());
  return out;
}

// shadowStyle(gray, line, out?); out may be line.data
Napi::Value CallShadowStyle(const Info& info) {
  const View gray = ReadImage(info, 0, "gray", 1);
  const View line = ReadImage(info, 1, "line", 1);
  RefuseUnequal(info.Env(), gray, line);
  Napi::Uint8Array out = OutputBytes(info, 2, gray.samples());
  ShadowStyle(gray.data, line.data, gray.samples(), out.Data());
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
  if (in.channels != 1 && in.channels < to)
    Refuse(info.Env(), "cannot make " + std::to_string(to) + " channels of " + std::to_string(in.channels));
  Napi::Uint8Array out = FreshBytes(info, 2, in.pixels() * to, in);
  ChangeChannels(in.data, in.pixels(), in.channels, to, out.Data());
  return out;
}

}  // namespace

void AddColorCalls(Calls& calls) {
  calls.Add<CallGray>("gray");
  calls.Add<CallShadowStyle>("shadowStyle");
  calls.Add<CallFourChannel<Premultiply, 4>>("premultiply");
  calls.Add<CallFourChannel<Unpremultiply, 4>>("unpremultiply");
  calls.Add<CallFourChannel<CmykToRgb, 3>>("cmykToRgb");
  calls.Add<CallChangeChannels>("changeChannels");
}

}  // namespace cobra::pixels
