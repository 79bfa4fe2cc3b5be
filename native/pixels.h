// Placeholder until the pixel kernels land: registers nothing.
#pragma once
#include <napi.h>
namespace cobra {
inline void RegisterPixels(Napi::Env, Napi::Object) {}
}
