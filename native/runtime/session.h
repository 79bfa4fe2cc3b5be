// Sessions: loading, what they take and give, running, disposing.
//
// Who owns what: a `SessionCore` is shared by the JS object, its bindings, the jobs in flight and the memory that came
// out of its allocators; the last one destroys it, on the device's thread. Loading that fails leaves nothing behind.
#pragma once
#include <napi.h>

#include <atomic>
#include <condition_variable>
#include <map>
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

// What ends a run from another thread.
class RunControl {
 public:
  void Terminate();
  // Waits instead of running; throws the Ort::Exception of a terminated run if it is ended.
  void Wait(double ms);
  Ort::RunOptions& options() { return options_; }

 private:
  Ort::RunOptions options_;
  std::mutex mutex_;  // guards ended_
  std::condition_variable end_;
  bool ended_ = false;
};

class SessionCore {
 public:
  // Loads a model; call on the executor's thread. Falls back to the CPU (and to `cpu_executor`) where the config says
  // so.
  static std::shared_ptr<SessionCore> Load(const SessionConfig& config, const std::string& path, const void* bytes,
                                           size_t byte_length, std::shared_ptr<Runtime> runtime,
                                           std::shared_ptr<Executor> executor, std::shared_ptr<Executor> cpu_executor,
                                           LoadControl& control);
  explicit SessionCore(Device& on) : device(on) {
    ++Live().sessions;
    ++device.sessions;
  }
  ~SessionCore();
  SessionCore(const SessionCore&) = delete;
  SessionCore& operator=(const SessionCore&) = delete;

  bool on_host() const { return device.on_host(); }
  // One run on the executor's thread. A simulated device waits instead and gives what the first run with the same
  // shapes gave. Values of outputs are allocated where they are null.
  void Run(RunControl& control, const std::vector<const char*>& input_names, const std::vector<Ort::Value>& inputs,
           const std::vector<const char*>& output_names, std::vector<Ort::Value>& outputs);
  // The model's index of a name; throws Fault ERR_TENSOR_NAME.
  static const ValueDescription& Find(const std::vector<ValueDescription>& list, const std::string& name,
                                      const char* what);

  std::shared_ptr<Runtime> runtime;  // first: outlives the session
  std::shared_ptr<Executor> executor;
  std::string provider;  // the one in use
  Device& device;        // where its tensors live
  Ort::Session session{nullptr};
  std::unique_ptr<Ort::Allocator> allocator;  // of the device's place; goes before the session
  std::vector<ValueDescription> inputs;
  std::vector<ValueDescription> outputs;
  std::atomic<bool> shrink_next{false};  // the next run ends with giving back what the arena does not use

 private:
  // Outputs of first runs, by the shapes of their inputs; of simulated devices only.
  std::map<std::string, std::vector<Ort::Value>> remembered_;
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
  Napi::Value Shrink(const Napi::CallbackInfo& info);
  Napi::Value Dispose(const Napi::CallbackInfo& info);
  const std::shared_ptr<SessionCore>& Live() const;

  std::shared_ptr<SessionCore> core_;
};

void RegisterSession(Napi::Env env, Napi::Object exports);

}  // namespace cobra
