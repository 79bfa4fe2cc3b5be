// Functions for JavaScript about devices themselves: their figures, and simulation.
#pragma once
#include <napi.h>

namespace cobra {

void RegisterDevices(Napi::Env env, Napi::Object exports);

}  // namespace cobra
