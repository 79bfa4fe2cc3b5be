// Reads and checks the arguments of the pixel calls. Everything here throws a JS error with code "ERR_ARGUMENT" whose
// message names the argument, its value and the rule. Memory stays the caller's; a View is valid during the call only.
#pragma once
#include <napi.h>

#include <string>

#include "pixels/kernels.h"

namespace cobra::pixels {

inline size_t Samples(int width, int height, int channels) { return static_cast<size_t>(width) * height * channels; }

/// Throws a RangeError (or TypeError) with `code` "ERR_ARGUMENT".
[[noreturn]] void Refuse(Napi::Env env, const std::string& message);

/// An object { width, height, channels, data: Uint8Array of exactly width * height * channels }.
View ReadImage(const Napi::CallbackInfo& info, size_t index, const char* name);
/// The same with a fixed number of channels.
View ReadImage(const Napi::CallbackInfo& info, size_t index, const char* name, int channels);
/// A whole number from `low` to `high`.
int ReadInt(const Napi::CallbackInfo& info, size_t index, const char* name, int low, int high);
/// A Float32Array of exactly `count` values.
const float* ReadFloats(const Napi::CallbackInfo& info, size_t index, const char* name, size_t count);
/// A Uint8Array of exactly `count` bytes.
uint8_t* ReadBytes(const Napi::CallbackInfo& info, size_t index, const char* name, size_t count);
/// Undefined, or [x0, y0, x1, y1] inside the picture with x0 < x1 and y0 < y1. Undefined gives the whole picture.
Box ReadBox(const Napi::CallbackInfo& info, size_t index, const View& image);
/// The output: the caller's typed array of exactly `count` values, or a new one where the argument is undefined.
Napi::Uint8Array OutputBytes(const Napi::CallbackInfo& info, size_t index, size_t count);
Napi::Float32Array OutputFloats(const Napi::CallbackInfo& info, size_t index, size_t count);
/// The same, but refuses memory that `in` has too.
Napi::Uint8Array FreshBytes(const Napi::CallbackInfo& info, size_t index, size_t count, const View& in);
/// A picture of 1 or 3 channels.
View ReadPage(const Napi::CallbackInfo& info, size_t index);
/// Throws unless both have one size and as many channels.
void RefuseUnequal(Napi::Env env, const View& a, const View& b);
/// Throws when the output shares bytes with an input.
void RefuseOverlap(Napi::Env env, const void* out, size_t out_bytes, const void* in, size_t in_bytes);

}  // namespace cobra::pixels
