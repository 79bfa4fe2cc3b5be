// Helpers of the files calls_*.cc. Each wraps some kernels for JavaScript: arguments in, one kernel, result out.
#pragma once
#include <napi.h>

#include <new>

#include "pixels/args.h"
#include "pixels/kernels.h"

namespace cobra::pixels {

using Info = Napi::CallbackInfo;

constexpr int kMaxSide = 1 << 20;

/// Turns memory exhaustion inside a kernel into a JS error with a code. Kernels throw nothing else.
template <Napi::Value (*kCall)(const Info&)>
Napi::Value Guarded(const Info& info) {
  try {
    return kCall(info);
  } catch (const std::bad_alloc&) {
    Napi::Error error =
        Napi::Error::New(info.Env(), "not enough host memory for this picture; use smaller pictures or fewer at once");
    error.Set("code", Napi::String::New(info.Env(), "ERR_OUT_OF_MEMORY"));
    throw error;
  }
}

/// The object that JavaScript sees.
struct Calls {
  Napi::Object object;

  template <Napi::Value (*kCall)(const Info&)>
  void Add(const char* name) {
    object.Set(name, Napi::Function::New(object.Env(), Guarded<kCall>, name));
  }
};

void AddSizeCalls(Calls& calls);
void AddColorCalls(Calls& calls);
void AddFigureCalls(Calls& calls);
void AddPageCalls(Calls& calls);
void AddPlaneCalls(Calls& calls);

}  // namespace cobra::pixels
