// Crash notes for JavaScript; see platform/crash.h for what they are. Typed mirror: NativeCrashNotes in
// src/binding/types.ts.
//
// Who owns what: each object has one share in the process's note file and its own slots in it. Both go with `close`,
// with the garbage collector, or with the worker thread.
#pragma once
#include <napi.h>

namespace cobra {

void RegisterCrashNotes(Napi::Env env, Napi::Object exports);

}  // namespace cobra
