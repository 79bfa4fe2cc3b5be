// Loads libraries that ONNX Runtime's providers need by their absolute paths. A provider names them by SONAME alone,
// and the dynamic linker takes one that is loaded already before it searches the system.
#pragma once
#include <napi.h>

namespace cobra {

// Adds `preloadLibraries` to the exports.
void RegisterPreload(Napi::Env env, Napi::Object exports);

}  // namespace cobra
