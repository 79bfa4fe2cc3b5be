// Calls on whole pages: ink, hints, regions, flats.
#include "pixels/calls.h"
#include "pixels/kernels.h"

namespace cobra::pixels {
namespace {

// composeInk(page, model, hints?, out?, colorOut?, inkOut?)
Napi::Value CallComposeInk(const Info& info) {
  const View page = ReadPage(info, 0);
  const View model = ReadImage(info, 1, "model");
  if (model.channels < 3) Refuse(info.Env(), "model must have 3 or 4 channels, got " + std::to_string(model.channels));
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

// flattenColors(page, model, width, height, channels): of 4, alpha is 255 where a pixel has its region's flat
Napi::Value CallFlattenColors(const Info& info) {
  const View page = ReadPage(info, 0);
  const View model = ReadImage(info, 1, "model", 3);
  const int width = ReadInt(info, 2, "width", 1, page.width);
  const int height = ReadInt(info, 3, "height", 1, page.height);
  const int channels = ReadInt(info, 4, "channels", 3, 4);
  Napi::Uint8Array out = Napi::Uint8Array::New(info.Env(), Samples(width, height, channels));
  FlattenColors(page, model, width, height, channels, out.Data());
  return out;
}

}  // namespace

void AddPageCalls(Calls& calls) {
  calls.Add<CallComposeInk>("composeInk");
  calls.Add<CallGrowHints>("growHints");
  calls.Add<CallFindRegions>("findRegions");
  calls.Add<CallFlattenColors>("flattenColors");
}

}  // namespace cobra::pixels
