// Implements platform.h on Linux with glibc.
#include <dlfcn.h>
#include <pthread.h>
#include <unistd.h>

#include <cstdlib>

#include "platform/platform.h"

namespace cobra::platform {

const char* const kCudaRuntime = "libcudart.so.13";
const char* const kNvml = "libnvidia-ml.so.1";
const char* const kVulkanLoader = "libvulkan.so.1";

Library::Library(const std::string& name_or_path) : handle_(dlopen(name_or_path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
  if (handle_) return;
  const char* reason = dlerror();
  error_ = reason ? reason : "unknown reason";
}

void* Library::Address(const char* symbol) const { return handle_ ? dlsym(handle_, symbol) : nullptr; }

bool IsAbsolutePath(const std::string& path) { return !path.empty() && path[0] == '/'; }

bool IsReadable(const std::string& path) { return access(path.c_str(), R_OK) == 0; }

void SetEnvironmentDefault(const char* name, const char* value) { setenv(name, value, 0); }

void KeepAddonLoaded() {
  Dl_info info;
  if (dladdr(reinterpret_cast<void*>(&KeepAddonLoaded), &info) && info.dli_fname) {
    dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
  }
}

void NameThisThread(const std::string& name) {
  constexpr size_t kLongest = 15;  // of pthread_setname_np
  pthread_setname_np(pthread_self(), name.substr(0, kLongest).c_str());
}

}  // namespace cobra::platform
