// State of the addon per Node environment (the main thread, each worker thread): the classes, the path back from the
// executors to JS, and the shares in the runtime and the executors.
//
// Who owns what: `Submit` takes the job, and it always comes back to this thread: settled, then destroyed. The event
// loop is kept alive by jobs in flight and by nothing else. When the environment goes down, running jobs are
// terminated, queued ones dropped, and the thread waits until no executor uses them any more.
#pragma once
#include <napi.h>

#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "runtime/device.h"
#include "runtime/executor.h"
#include "runtime/runtime.h"

namespace cobra {

class NodeEnvironment final : public JobOwner {
 public:
  static NodeEnvironment& Of(Napi::Env env);
  static void Create(Napi::Env env);
  ~NodeEnvironment() override;

  // The runtime of this environment; throws Fault ERR_STATE before `UseRuntime`.
  std::shared_ptr<Runtime> runtime() const;
  void UseRuntime(const std::string& library_path);

  // The executor that runs networks on a device, joined until this environment ends. Those of CPU devices are this
  // environment's own.
  std::shared_ptr<Executor> ExecutorFor(Device& device);
  // The one that copies to and from it: another one where the device copies beside its runs.
  std::shared_ptr<Executor> CopyExecutorFor(Device& device);

  // Runs the job on the executor, then calls `settle(error, result)` in JS. `listener`, if it is a function, is told
  // before that how far the job is. Returns the job's id.
  uint64_t Submit(Executor& executor, std::unique_ptr<Job> job, const Napi::Value& settle,
                  const Napi::Value& listener = Napi::Value());
  bool Cancel(uint64_t id);
  // Lets a job end well at the next chance.
  bool StopSoon(uint64_t id);
  void Complete(std::unique_ptr<Job> job) override;
  void Report(uint64_t job, uint32_t done) override;
  // Ends this environment's work: terminates what runs, drops what is queued, waits. Idempotent; what comes later is
  // cancelled.
  void ShutDown();

  Napi::FunctionReference tensor_class;
  Napi::FunctionReference session_class;
  Napi::FunctionReference binding_class;

 private:
  explicit NodeEnvironment(Napi::Env env);
  std::shared_ptr<Executor> Joined(const std::string& key, Device& device);
  void OpenWayBack();
  void Deliver(Napi::Env env);
  void CallBack();

  const Napi::Env env_;
  const std::string own_name_;
  std::shared_ptr<Runtime> runtime_;
  std::map<std::string, std::shared_ptr<Executor>> executors_;
  napi_threadsafe_function way_back_ = nullptr;
  bool shut_down_ = false;
  size_t in_flight_ = 0;
  std::map<uint64_t, Napi::FunctionReference> listeners_;  // by job
  std::mutex mutex_;                                       // guards the fields below
  std::vector<std::unique_ptr<Job>> completed_;
  std::vector<std::pair<uint64_t, uint32_t>> reports_;
};

void RegisterRuntime(Napi::Env env, Napi::Object exports);

}  // namespace cobra
