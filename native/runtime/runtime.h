// ONNX Runtime in this process: the library, loaded at first need from an absolute path, and one Ort::Env that all Node
// environments (worker threads too) share.
//
// Who owns what: `Acquire` hands out a share; the Ort::Env goes with the last one. The library itself is never
// unloaded. On failure nothing stays behind and a later call tries again. It is loaded RTLD_LOCAL, so that another
// package's onnxruntime can live in the same process.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/status.h"

namespace cobra {

// Objects alive in the process, over all Node environments; tests read them.
struct LiveCounts {
  std::atomic<int64_t> environments{0};
  std::atomic<int64_t> sessions{0};
  std::atomic<int64_t> tensors{0};
  std::atomic<int64_t> bindings{0};
  std::atomic<int64_t> runs{0};
  std::atomic<int64_t> leases{0};
};
LiveCounts& Live();

// Makes sure that at process exit (`process.exit` runs no cleanup hooks) the executors stop before ONNX Runtime's
// static objects are destroyed: no thread may be inside the library by then. Call after the library may have added exit
// handlers.
void StopThreadsBeforeLibraryExits();

class Runtime {
 public:
  // Throws Fault ERR_RUNTIME_LOAD if the library is missing, cannot be loaded, has another version than the headers,
  // or another one is already in use in this process.
  static std::shared_ptr<Runtime> Acquire(const std::string& library_path);

  // The one in use in this process, if there is one.
  static std::shared_ptr<Runtime> Loaded();

  Runtime(const std::string& library_path, const OrtApiBase* base);
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  const Ort::Env& env() const { return env_; }
  Ort::Env& env() { return env_; }
  const std::string& version() const { return version_; }
  const std::string& library_path() const { return library_path_; }
  const std::vector<std::string>& providers() const { return providers_; }
  bool has_provider(const std::string& name) const;
  // Lets sessions with `session.use_env_allocators` be counted against simulated devices. Idempotent; any thread.
  void RegisterCountingAllocator();

 private:
  const std::string library_path_;
  const std::string version_;
  Ort::Env env_;
  const std::vector<std::string> providers_;
  std::once_flag counting_;
};

}  // namespace cobra
