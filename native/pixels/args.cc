// Reading and checking the arguments of the pixel calls; see args.h.
#include "pixels/args.h"

#include <cmath>
#include <cstdio>

namespace cobra::pixels {
namespace {

constexpr int kMaxSide = 1 << 20;
constexpr double kMaxSamples = 2147483647.0;

std::string Text(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.17g", value);
  return buffer;
}

bool IsTyped(const Napi::Value& value, napi_typedarray_type type) {
  return value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == type;
}

int ReadSize(Napi::Env env, const Napi::Object& object, const std::string& name, int high) {
  const Napi::Value value = object.Get(name.substr(name.find('.') + 1));
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : std::nan("");
  if (!(number >= 1 && number <= high) || number != std::floor(number)) {
    Refuse(env, name + " must be a whole number from 1 to " + std::to_string(high) + ", got " +
                    (value.IsNumber() ? Text(number) : "something else"));
  }
  return static_cast<int>(number);
}

}  // namespace

void Refuse(Napi::Env env, const std::string& message) {
  Napi::Error error = Napi::RangeError::New(env, message);
  error.Set("code", Napi::String::New(env, "ERR_ARGUMENT"));
  throw error;
}

View ReadImage(const Napi::CallbackInfo& info, size_t index, const char* name) {
  const Napi::Env env = info.Env();
  const std::string label = name;
  if (!info[index].IsObject()) Refuse(env, label + " must be a picture { width, height, channels, data }");
  const Napi::Object object = info[index].As<Napi::Object>();
  const int width = ReadSize(env, object, label + ".width", kMaxSide);
  const int height = ReadSize(env, object, label + ".height", kMaxSide);
  const int channels = ReadSize(env, object, label + ".channels", 4);
  const double samples = static_cast<double>(width) * height * channels;
  const Napi::Value data = object.Get("data");
  if (!IsTyped(data, napi_uint8_array)) Refuse(env, label + ".data must be a Uint8Array");
  const Napi::Uint8Array bytes = data.As<Napi::Uint8Array>();
  if (static_cast<double>(bytes.ByteLength()) != samples) {
    Refuse(env, label + ".data has " + std::to_string(bytes.ByteLength()) + " bytes, but " + std::to_string(width) +
                    " x " + std::to_string(height) + " pixels of " + std::to_string(channels) + " channels need " +
                    Text(samples));
  }
  if (samples > kMaxSamples)
    Refuse(env, label + " has " + Text(samples) + " samples, the limit is " + Text(kMaxSamples));
  return {bytes.Data(), width, height, channels};
}

View ReadImage(const Napi::CallbackInfo& info, size_t index, const char* name, int channels) {
  const View view = ReadImage(info, index, name);
  if (view.channels != channels)
    Refuse(info.Env(), std::string(name) + " must have " + std::to_string(channels) + " channels, got " +
                           std::to_string(view.channels));
  return view;
}

int ReadInt(const Napi::CallbackInfo& info, size_t index, const char* name, int low, int high) {
  const double number = info[index].IsNumber() ? info[index].As<Napi::Number>().DoubleValue() : std::nan("");
  if (!(number >= low && number <= high) || number != std::floor(number)) {
    Refuse(info.Env(), std::string(name) + " must be a whole number from " + std::to_string(low) + " to " +
                           std::to_string(high) + ", got " +
                           (info[index].IsNumber() ? Text(number) : "something else"));
  }
  return static_cast<int>(number);
}

const float* ReadFloats(const Napi::CallbackInfo& info, size_t index, const char* name, size_t count) {
  if (!IsTyped(info[index], napi_float32_array)) Refuse(info.Env(), std::string(name) + " must be a Float32Array");
  const Napi::Float32Array array = info[index].As<Napi::Float32Array>();
  if (array.ElementLength() != count) {
    Refuse(info.Env(), std::string(name) + " has " + std::to_string(array.ElementLength()) + " values, needed are " +
                           std::to_string(count));
  }
  return array.Data();
}

uint8_t* ReadBytes(const Napi::CallbackInfo& info, size_t index, const char* name, size_t count) {
  if (!IsTyped(info[index], napi_uint8_array)) Refuse(info.Env(), std::string(name) + " must be a Uint8Array");
  Napi::Uint8Array array = info[index].As<Napi::Uint8Array>();
  if (array.ByteLength() != count) {
    Refuse(info.Env(), std::string(name) + " has " + std::to_string(array.ByteLength()) + " bytes, needed are " +
                           std::to_string(count));
  }
  return array.Data();
}

Box ReadBox(const Napi::CallbackInfo& info, size_t index, const View& image) {
  Box box{0.0f, 0.0f, static_cast<float>(image.width), static_cast<float>(image.height)};
  if (info[index].IsUndefined()) return box;
  if (!info[index].IsArray() || info[index].As<Napi::Array>().Length() != 4)
    Refuse(info.Env(), "box must be [x0, y0, x1, y1]");
  const Napi::Array array = info[index].As<Napi::Array>();
  double v[4];
  for (uint32_t i = 0; i < 4; ++i) {
    const Napi::Value value = array.Get(i);
    v[i] = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : std::nan("");
  }
  if (!(v[0] >= 0 && v[1] >= 0 && v[2] <= image.width && v[3] <= image.height && v[0] < v[2] && v[1] < v[3])) {
    Refuse(info.Env(), "box [" + Text(v[0]) + ", " + Text(v[1]) + ", " + Text(v[2]) + ", " + Text(v[3]) +
                           "] must lie inside the picture of " + std::to_string(image.width) + " x " +
                           std::to_string(image.height) + " and not be empty");
  }
  return {static_cast<float>(v[0]), static_cast<float>(v[1]), static_cast<float>(v[2]), static_cast<float>(v[3])};
}

Napi::Uint8Array OutputBytes(const Napi::CallbackInfo& info, size_t index, size_t count) {
  const Napi::Env env = info.Env();
  if (static_cast<double>(count) > kMaxSamples)
    Refuse(env, "the result would have " + std::to_string(count) + " samples, the limit is " + Text(kMaxSamples));
  if (info[index].IsUndefined()) return Napi::Uint8Array::New(env, count);
  if (!IsTyped(info[index], napi_uint8_array)) Refuse(env, "out must be a Uint8Array");
  const Napi::Uint8Array out = info[index].As<Napi::Uint8Array>();
  if (out.ByteLength() != count)
    Refuse(env, "out has " + std::to_string(out.ByteLength()) + " bytes, the result has " + std::to_string(count));
  return out;
}

Napi::Float32Array OutputFloats(const Napi::CallbackInfo& info, size_t index, size_t count) {
  const Napi::Env env = info.Env();
  if (info[index].IsUndefined()) return Napi::Float32Array::New(env, count);
  if (!IsTyped(info[index], napi_float32_array)) Refuse(env, "out must be a Float32Array");
  const Napi::Float32Array out = info[index].As<Napi::Float32Array>();
  if (out.ElementLength() != count)
    Refuse(env, "out has " + std::to_string(out.ElementLength()) + " values, the result has " + std::to_string(count));
  return out;
}

Napi::Uint8Array FreshBytes(const Napi::CallbackInfo& info, size_t index, size_t count, const View& in) {
  Napi::Uint8Array out = OutputBytes(info, index, count);
  RefuseOverlap(info.Env(), out.Data(), count, in.data, in.samples());
  return out;
}

View ReadPage(const Napi::CallbackInfo& info, size_t index) {
  const View page = ReadImage(info, index, "page");
  if (page.channels != 1 && page.channels != 3)
    Refuse(info.Env(), "page must have 1 or 3 channels, got " + std::to_string(page.channels));
  return page;
}

void RefuseUnequal(Napi::Env env, const View& a, const View& b) {
  if (a.width == b.width && a.height == b.height && a.channels == b.channels) return;
  const auto text = [](const View& view) {
    return std::to_string(view.width) + " x " + std::to_string(view.height) + " x " + std::to_string(view.channels);
  };
  Refuse(env, "both pictures must have the same size and channels, got " + text(a) + " and " + text(b));
}

void RefuseOverlap(Napi::Env env, const void* out, size_t out_bytes, const void* in, size_t in_bytes) {
  const char* a = static_cast<const char*>(out);
  const char* b = static_cast<const char*>(in);
  if (a < b + in_bytes && b < a + out_bytes) Refuse(env, "out must not share memory with the input");
}

}  // namespace cobra::pixels
