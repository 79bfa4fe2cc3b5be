// The link between one Node environment and the executors, and the process-wide calls.
#include "runtime/environment.h"

#include <atomic>
#include <optional>

#include "runtime/session.h"
#include "runtime/tensor.h"

namespace cobra {

namespace {

std::atomic<uint64_t> next_environment{1};

void Settle(Napi::Env env, Job& job) {
  Napi::HandleScope scope(env);
  Napi::Value error = env.Undefined();
  Napi::Value result = env.Undefined();
  try {
    if (job.fault) {
      error = ToJs(env, *job.fault).Value();
    } else {
      result = job.Result(env);
    }
  } catch (const Napi::Error& thrown) {
    error = thrown.Value();
  } catch (const std::exception&) {
    error = ToJs(env, TranslateCurrent("ERR_INTERNAL", "")).Value();
  }
  job.settle.Call({error, result});
}

}  // namespace

NodeEnvironment::NodeEnvironment(Napi::Env env) : env_(env), own_name_("#" + std::to_string(next_environment++)) {
  ++Live().environments;
}

NodeEnvironment::~NodeEnvironment() {
  EndLoans(env_);
  --Live().environments;
}

void NodeEnvironment::Create(Napi::Env env) { env.SetInstanceData(new NodeEnvironment(env)); }

NodeEnvironment& NodeEnvironment::Of(Napi::Env env) { return *env.GetInstanceData<NodeEnvironment>(); }

std::shared_ptr<Runtime> NodeEnvironment::runtime() const {
  if (!runtime_) throw Fault("ERR_STATE", "ONNX Runtime is not loaded yet");
  return runtime_;
}

void NodeEnvironment::UseRuntime(const std::string& library_path) {
  if (!runtime_ || runtime_->library_path() != library_path) runtime_ = Runtime::Acquire(library_path);
}

std::shared_ptr<Executor> NodeEnvironment::ExecutorFor(Device& device) {
  return Joined(device.on_host() ? device.name + own_name_ : device.name, device);
}

std::shared_ptr<Executor> NodeEnvironment::CopyExecutorFor(Device& device) {
  return device.copies_beside_runs() ? Joined(device.name + "-copy", device) : ExecutorFor(device);
}

std::shared_ptr<Executor> NodeEnvironment::Joined(const std::string& key, Device& device) {
  if (shut_down_) throw Fault("ERR_STATE", "the process or worker thread is ending");
  OpenWayBack();
  const auto known = executors_.find(key);
  if (known != executors_.end()) return known->second;
  auto executor = Executor::For(key, device);
  executor->Join();
  executors_.emplace(key, executor);
  return executor;
}

// The hook is added after the thread-safe function's own one, so that it runs before it: hooks run last in, first out.
void NodeEnvironment::OpenWayBack() {
  if (way_back_) return;
  napi_value name = Napi::String::New(env_, "cobra-batch");
  auto deliver = [](napi_env env, napi_value, void* context, void*) {
    if (!env) return;
    auto* self = static_cast<NodeEnvironment*>(context);
    try {
      self->Deliver(env);
    } catch (const Napi::Error& error) {
      error.ThrowAsJavaScriptException();
    }
  };
  if (napi_create_threadsafe_function(env_, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this, deliver,
                                      &way_back_) != napi_ok) {
    throw Napi::Error::New(env_);
  }
  napi_unref_threadsafe_function(env_, way_back_);
  napi_add_env_cleanup_hook(env_, [](void* self) { static_cast<NodeEnvironment*>(self)->ShutDown(); }, this);
}

uint64_t NodeEnvironment::Submit(Executor& executor, std::unique_ptr<Job> job, const Napi::Value& settle,
                                 const Napi::Value& listener) {
  if (!settle.IsFunction()) throw Fault("ERR_ARGUMENT", "a function is needed that settles the job");
  job->settle = Napi::Persistent(settle.As<Napi::Function>());
  job->owner = this;
  if (shut_down_) throw Fault("ERR_STATE", "the process or worker thread is ending");
  const uint64_t id = job->id;
  if (!listener.IsEmpty() && listener.IsFunction()) listeners_[id] = Napi::Persistent(listener.As<Napi::Function>());
  if (in_flight_++ == 0) napi_ref_threadsafe_function(env_, way_back_);
  executor.Submit(std::move(job));
  return id;
}

bool NodeEnvironment::Cancel(uint64_t id) {
  for (auto& [device, executor] : executors_) {
    if (executor->Cancel(id)) return true;
  }
  return false;
}

bool NodeEnvironment::StopSoon(uint64_t id) {
  for (auto& [device, executor] : executors_) {
    if (executor->StopSoon(id)) return true;
  }
  return false;
}

void NodeEnvironment::Complete(std::unique_ptr<Job> job) {
  std::lock_guard lock(mutex_);
  completed_.push_back(std::move(job));
  CallBack();
}

void NodeEnvironment::Report(uint64_t job, uint32_t done) {
  std::lock_guard lock(mutex_);
  reports_.emplace_back(job, done);
  CallBack();
}

// Inside the lock, so that ShutDown cannot close the way back in between. One call delivers all that has come up to
// then.
void NodeEnvironment::CallBack() {
  if (way_back_ && completed_.size() + reports_.size() == 1)
    napi_call_threadsafe_function(way_back_, nullptr, napi_tsfn_nonblocking);
}

void NodeEnvironment::Deliver(Napi::Env env) {
  std::vector<std::unique_ptr<Job>> jobs;
  std::vector<std::pair<uint64_t, uint32_t>> reports;
  {
    std::lock_guard lock(mutex_);
    jobs.swap(completed_);
    reports.swap(reports_);
  }
  std::optional<Napi::Error> thrown;  // by JS; the other jobs are settled all the same
  for (const auto& [job, done] : reports) {
    const auto listener = listeners_.find(job);
    if (listener == listeners_.end()) continue;
    Napi::HandleScope scope(env);
    try {
      listener->second.Call({Napi::Number::New(env, done)});
    } catch (const Napi::Error& error) {
      thrown = error;
    }
  }
  for (auto& job : jobs) {
    listeners_.erase(job->id);
    if (--in_flight_ == 0 && way_back_) napi_unref_threadsafe_function(env, way_back_);
    try {
      Settle(env, *job);
    } catch (const Napi::Error& error) {
      thrown = error;
    }
    job.reset();
  }
  if (thrown) throw *thrown;
}

void NodeEnvironment::ShutDown() {
  if (shut_down_) return;
  shut_down_ = true;
  for (auto& [device, executor] : executors_) executor->Evict(this);
  for (auto& [device, executor] : executors_) executor->Leave();
  executors_.clear();
  napi_threadsafe_function way_back;
  {
    std::lock_guard lock(mutex_);
    way_back = way_back_;
    way_back_ = nullptr;
    completed_.clear();
    reports_.clear();
  }
  listeners_.clear();
  if (way_back) napi_release_threadsafe_function(way_back, napi_tsfn_abort);
  runtime_.reset();
}

namespace {

Napi::Value UseRuntime(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    NodeEnvironment::Of(info.Env()).UseRuntime(ReadText(info[0], "the path of ONNX Runtime"));
    return info.Env().Undefined();
  });
}

Napi::Value RuntimeInfo(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    auto runtime = NodeEnvironment::Of(info.Env()).runtime();
    Napi::Object result = Napi::Object::New(info.Env());
    result.Set("version", runtime->version());
    result.Set("libraryPath", runtime->library_path());
    Napi::Array providers = Napi::Array::New(info.Env());
    for (const auto& name : runtime->providers()) providers.Set(providers.Length(), name);
    result.Set("providers", providers);
    return result;
  });
}

Napi::Value LiveCountsOf(const Napi::CallbackInfo& info) {
  const LiveCounts& live = Live();
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("environments", static_cast<double>(live.environments));
  result.Set("sessions", static_cast<double>(live.sessions));
  result.Set("tensors", static_cast<double>(live.tensors));
  result.Set("bindings", static_cast<double>(live.bindings));
  result.Set("runs", static_cast<double>(live.runs));
  result.Set("leases", static_cast<double>(live.leases));
  return result;
}

Napi::Value Cancel(const Napi::CallbackInfo& info) {
  if (!info[0].IsNumber()) return Napi::Boolean::New(info.Env(), false);
  const bool found =
      NodeEnvironment::Of(info.Env()).Cancel(static_cast<uint64_t>(info[0].As<Napi::Number>().Int64Value()));
  return Napi::Boolean::New(info.Env(), found);
}

Napi::Value StopSoon(const Napi::CallbackInfo& info) {
  if (!info[0].IsNumber()) return Napi::Boolean::New(info.Env(), false);
  const bool found =
      NodeEnvironment::Of(info.Env()).StopSoon(static_cast<uint64_t>(info[0].As<Napi::Number>().Int64Value()));
  return Napi::Boolean::New(info.Env(), found);
}

Napi::Value ShutDown(const Napi::CallbackInfo& info) {
  NodeEnvironment::Of(info.Env()).ShutDown();
  return info.Env().Undefined();
}

}  // namespace

void RegisterRuntime(Napi::Env env, Napi::Object exports) {
  NodeEnvironment::Create(env);
  exports.Set("useRuntime", Napi::Function::New(env, UseRuntime, "useRuntime"));
  exports.Set("runtimeInfo", Napi::Function::New(env, RuntimeInfo, "runtimeInfo"));
  exports.Set("liveCounts", Napi::Function::New(env, LiveCountsOf, "liveCounts"));
  exports.Set("shutDown", Napi::Function::New(env, ShutDown, "shutDown"));
  exports.Set("stopSoon", Napi::Function::New(env, StopSoon, "stopSoon"));
  exports.Set("cancel", Napi::Function::New(env, Cancel, "cancel"));
}

}  // namespace cobra
