// Registers the addon's surface with Node and does nothing else. The TypeScript mirror is src/binding/types.ts.
#include <napi.h>

#include "checksum.h"
#include "crash_notes.h"
#include "files.h"
#include "pixels/register.h"
#include "runtime/binding.h"
#include "runtime/device_calls.h"
#include "runtime/environment.h"
#include "runtime/preload.h"
#include "runtime/session.h"
#include "runtime/steps.h"
#include "runtime/tensor.h"

static Napi::Object Init(Napi::Env env, Napi::Object exports) {
  cobra::RegisterRuntime(env, exports);
  cobra::RegisterDevices(env, exports);
  cobra::RegisterPreload(env, exports);
  cobra::RegisterTensor(env, exports);
  cobra::RegisterSession(env, exports);
  cobra::RegisterBinding(env, exports);
  cobra::RegisterSteps(env, exports);
  cobra::RegisterPixels(env, exports);
  cobra::RegisterChecksum(env, exports);
  cobra::RegisterCrashNotes(env, exports);
  cobra::RegisterFiles(env, exports);
  return exports;
}

NODE_API_MODULE(cobra_batch, Init)
