// Functions of the operating system that C++ lacks: shared libraries, the environment, names of threads. One
// file per system implements it (linux.cc); nothing outside native/platform calls the system.
#pragma once
#include <string>

namespace cobra::platform {

// Names that differ between systems.
extern const char* const kCudaRuntime;
extern const char* const kNvml;
extern const char* const kVulkanLoader;

// A shared library. It stays loaded for as long as the process lives.
class Library {
 public:
  // Loads a library with all its symbols resolved and visible to nobody else. Check with `operator bool`.
  explicit Library(const std::string& name_or_path);
  explicit operator bool() const { return handle_ != nullptr; }
  // Why it did not load.
  const std::string& error() const { return error_; }
  // Null if there is no such symbol.
  template <typename Function>
  Function* Find(const char* symbol) const {
    return reinterpret_cast<Function*>(Address(symbol));
  }

 private:
  void* Address(const char* symbol) const;
  void* handle_ = nullptr;
  std::string error_;
};

bool IsAbsolutePath(const std::string& path);
bool IsReadable(const std::string& path);

// Sets an environment variable of this process unless it is set already.
void SetEnvironmentDefault(const char* name, const char* value);

// Keeps the addon mapped until the process ends. Node unloads an addon with the last worker that used it.
void KeepAddonLoaded();

// Names the calling thread for debuggers; the system may cut the name.
void NameThisThread(const std::string& name);

}  // namespace cobra::platform
