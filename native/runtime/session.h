// Sessions: loading, what they take and give, running, disposing.
//
// Who owns what: a `SessionCore` is shared by the JS object, its bindings, the jobs in flight and the memory that came
// out of its allocators; the last one destroys it, on the device's thread. Loading that fails leaves nothing behind.
#pragma once
#include <napi.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/environment.h"
#include "runtime/session_options.h"
#include "runtime/tensor.h"

namespace cobra {

struct ValueDescription {
  std::string name;
  const Dtype* dtype;
  std::vector<int64_t> dims;           // -1 where not fixed
  std::vector<std::string> dim_names;  // "" where unnamed
};

// Stops a load that is in progress, from another thread.
class LoadControl {
 public:
  // While it lives, the options can be cancelled.
  class Scope {
   public:
    Scope(LoadControl& control, Ort::SessionOptions& options);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    LoadControl& control_;
  };
  void Cancel();

 private:
  std::mutex mutex_;
  Ort::SessionOptions* options_ = nullptr;
  bool cancelled_ = false;
};

struct SessionCore {
  // Loads a model; call on the executor's thread. Falls back to the CPU (and to `cpu_executor`) where the config says
  // so.
  static std::shared_ptr<SessionCore> Load(const SessionConfig& config, const std::string& path, const void* bytes,
                                           size_t byte_length, std::shared_ptr<Runtime> runtime,
                                           std::shared_ptr<Executor> executor, std::shared_ptr<Executor> cpu_executor,
                                           LoadControl& control);
  SessionCore() { ++Live().sessions; }
  ~SessionCore() { --Live().sessions; }
  SessionCore(const SessionCore&) = delete;
  SessionCore& operator=(const SessionCore&) = delete;

  bool on_cpu() const { return device == "cpu"; }
  // Runs `task` where the device's allocator may be used, now.
  void OnDevice(const std::function<void()>& task);
  // The model's index of a name; throws Fault ERR_TENSOR_NAME.
  static const ValueDescription& Find(const std::vector<ValueDescription>& list, const std::string& name,
                                      const char* what);

  std::shared_ptr<Runtime> runtime;  // first: outlives the session
  std::shared_ptr<Executor> executor;
  std::string provider;  // the one in use
  std::string device;    // where its tensors live: "cpu", "cuda:0"
  Ort::MemoryInfo place{nullptr};
  Ort::Session session{nullptr};
  std::unique_ptr<Ort::Allocator> allocator;  // of `place`; goes before the session
  std::vector<ValueDescription> inputs;
  std::vector<ValueDescription> outputs;
  std::atomic<bool> shrink_next{false};  // the next run ends with giving back what the arena does not use
};

class NativeSession final : public Napi::ObjectWrap<NativeSession> {
 public:
  static Napi::Function Define(Napi::Env env);
  static Napi::Object Wrap(Napi::Env env, std::shared_ptr<SessionCore> core);
  // Throws Fault ERR_DISPOSED or ERR_ARGUMENT.
  static const std::shared_ptr<SessionCore>& CoreOf(const Napi::Value& value);

  explicit NativeSession(const Napi::CallbackInfo& info);

 private:
  Napi::Value Describe(const Napi::CallbackInfo& info);
  Napi::Value Run(const Napi::CallbackInfo& info);
  Napi::Value Stats(const Napi::CallbackInfo& info);
  Napi::Value DeviceMemory(const Napi::CallbackInfo& info);
  Napi::Value Shrink(const Napi::CallbackInfo& info);
  Napi::Value Dispose(const Napi::CallbackInfo& info);
  const std::shared_ptr<SessionCore>& Live() const;

  std::shared_ptr<SessionCore> core_;
};

void RegisterSession(Napi::Env env, Napi::Object exports);

}  // namespace cobra
