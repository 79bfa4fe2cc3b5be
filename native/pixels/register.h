// The CPU kernels for pages, as one object `pixels` on the addon's exports. Every call is synchronous, keeps no state
// and touches neither ONNX Runtime nor a lock, so any Node thread may call it. Typed mirror: NativePixels in
// src/binding/types.ts.
#pragma once
#include <napi.h>

namespace cobra {

void RegisterPixels(Napi::Env env, Napi::Object exports);

}  // namespace cobra
