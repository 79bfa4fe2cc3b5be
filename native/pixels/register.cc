// Registers the kernels as exports.pixels.
#include "pixels/register.h"

#include "pixels/calls.h"

namespace cobra {

void RegisterPixels(Napi::Env env, Napi::Object exports) {
  pixels::Calls calls{Napi::Object::New(env)};
  pixels::AddSizeCalls(calls);
  pixels::AddColorCalls(calls);
  pixels::AddFigureCalls(calls);
  pixels::AddPageCalls(calls);
  pixels::AddPlaneCalls(calls);
  exports.Set("pixels", calls.object);
}

}  // namespace cobra
