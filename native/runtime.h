// Placeholder until the runtime lands: registers nothing.
#pragma once
#include <napi.h>
namespace cobra {
inline void RegisterRuntime(Napi::Env, Napi::Object) {}
}
