// V8's handler for a full heap, found by the names of its symbols: N-API has no call for it, and a host in which they
// are missing has no such evidence.
#include <dlfcn.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>

#include "platform/heap_limit.h"

namespace cobra::platform {

namespace {

// void (*)(const char* location, const v8::OOMDetails& details)
using OutOfMemoryHandler = void(const char*, const void*);
using GetCurrentIsolate = void*();
using SetOutOfMemoryHandler = void(void*, OutOfMemoryHandler*);

std::atomic<bool> used_up{false};
OutOfMemoryHandler* node_handler = nullptr;
int watchers = 0;  // main thread only

void OnHeapLimit(const char* location, const void* details) {
  used_up = true;
  node_handler(location, details);
}

// The handler that a plain Node has is Node's own. Where another program embeds it, there is none by that name.
void Set(OutOfMemoryHandler* handler) {
  const auto get = reinterpret_cast<GetCurrentIsolate*>(dlsym(RTLD_DEFAULT, "_ZN2v87Isolate10GetCurrentEv"));
  const auto set = reinterpret_cast<SetOutOfMemoryHandler*>(
      dlsym(RTLD_DEFAULT, "_ZN2v87Isolate18SetOOMErrorHandlerEPFvPKcRKNS_10OOMDetailsEE"));
  if (!get || !set || !node_handler) return;
  void* const isolate = get();
  if (isolate) set(isolate, handler);
}

bool IsMainThread() { return static_cast<pid_t>(syscall(SYS_gettid)) == getpid(); }

}  // namespace

void WatchHeapLimit() {
  if (!IsMainThread() || watchers++ > 0) return;
  node_handler =
      reinterpret_cast<OutOfMemoryHandler*>(dlsym(RTLD_DEFAULT, "_ZN4node15OOMErrorHandlerEPKcRKN2v810OOMDetailsE"));
  Set(OnHeapLimit);
}

void UnwatchHeapLimit() {
  if (!IsMainThread() || watchers == 0 || --watchers > 0) return;
  Set(node_handler);
}

bool IsHeapUsedUp() { return used_up; }

}  // namespace cobra::platform
