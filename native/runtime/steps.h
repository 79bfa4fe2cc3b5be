// Steps: a loop of bound runs as one job, such as the denoising of a batch. Nothing comes back to JS between the steps
// but the number of those that are done.
#pragma once
#include <napi.h>

namespace cobra {

void RegisterSteps(Napi::Env env, Napi::Object exports);

}  // namespace cobra
