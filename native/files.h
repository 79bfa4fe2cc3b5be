// Files of the pages of a batch, each read or written by one job of the threads that Node has for files. Typed mirror:
// NativeFiles in src/binding/types.ts.
#pragma once
#include <napi.h>

namespace cobra {

void RegisterFiles(Napi::Env env, Napi::Object exports);

}  // namespace cobra
