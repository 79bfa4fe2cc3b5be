// The thread that does a device's work, one job at a time, in order. Never the libuv pool: CUDA keeps memory per thread
// (onnxruntime #29351) and concurrent runs on one session can end in a sticky error (#32342).
//
// Who owns what: `Submit` takes the job; the executor holds it while it is queued or runs and hands it to
// `JobOwner::Complete` exactly once, finished, failed or cancelled (`Job::fault` says which). After `Evict(owner)` has
// returned, no thread of the executor touches that owner or its jobs again. An executor runs while at least one owner
// has joined it; the last `Leave` stops and joins its thread. It may outlive its thread as a shell: `Post` then runs
// inline.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "runtime/device.h"

namespace cobra {

class Job;

// Where finished jobs go: a Node environment. `Complete` is called on any thread.
class JobOwner {
 public:
  virtual ~JobOwner() = default;
  virtual void Complete(std::unique_ptr<Job> job) = 0;
  // How far a running job is, for its listener.
  virtual void Report(uint64_t job, uint32_t done) = 0;
};

// One piece of work. Made and destroyed on the JS thread of its owner; `Execute` runs on the executor's thread.
class Job {
 public:
  Job();
  virtual ~Job();
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  // Does the work; throws to fail.
  virtual void Execute() = 0;
  // Whether `Execute` computes, so that its time counts as the device's.
  virtual bool computes() const { return false; }
  // Asks a running `Execute` to stop soon; called on another thread, at most a few times.
  virtual void Terminate() {}
  // Asks it to end well at the next chance, before or during `Execute`; called on another thread.
  virtual void StopSoon() {}
  // The JS value of a finished job; called on the JS thread, once.
  virtual Napi::Value Result(Napi::Env env) = 0;

  const uint64_t id;
  JobOwner* owner = nullptr;       // set by Submit's caller, outlives the job
  Napi::FunctionReference settle;  // (error | undefined, result) => void
  std::optional<Fault> fault;      // why it failed
  bool cancelled = false;          // guarded by the executor's mutex
};

// The device that the calling thread works for; null on other threads than executors'.
Device* DeviceOfThisThread();

class Executor {
 public:
  // The executor of a key, shared by the whole process while somebody holds it. It works for the device.
  static std::shared_ptr<Executor> For(const std::string& key, Device& device);
  Executor(std::string key, Device& device) : key_(std::move(key)), device_(device) {}
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // The first one starts the thread. Throws Fault ERR_OUT_OF_MEMORY where the system refuses one; nothing stays behind.
  void Join();
  void Leave();  // the last one runs what was posted, stops and joins the thread

  void Submit(std::unique_ptr<Job> job);
  // Whether a job waits for the one that runs.
  bool HasWaiting();
  // Runs `task` on the thread, ahead of queued jobs and after other chores, before `Leave` returns: for giving memory
  // back, which must not wait behind runs that need it. What it throws is dropped.
  void Post(std::function<void()> task);
  // Runs `task` on the thread as a chore and waits for it and for a running job; rethrows what it throws.
  void RunBlocking(const std::function<void()>& task);
  // Cancels a job by id; false if it is neither queued nor running here.
  bool Cancel(uint64_t id);
  // Lets a job end well at the next chance; false as above.
  bool StopSoon(uint64_t id);
  // Cancels every job of the owner and waits until none of them runs.
  void Evict(const JobOwner* owner);

  // For process exit: ends every executor's work and joins the threads; jobs are left as they are.
  static void StopAllAtExit();

 private:
  void Loop();
  void Run(std::unique_ptr<Job> job);
  void RefreshFigures();
  static void Do(const std::function<void()>& chore);
  void StopAtExit();

  const std::string key_;
  Device& device_;
  std::mutex mutex_;                  // guards everything below
  std::condition_variable wake_;      // a job, a chore or the stop flag
  std::condition_variable finished_;  // the running job has been handed over
  std::deque<std::unique_ptr<Job>> queue_;
  std::deque<std::function<void()>> chores_;
  Job* running_ = nullptr;              // what Cancel may still terminate
  const JobOwner* busy_for_ = nullptr;  // set until the owner has the job back
  bool stopping_ = false;
  int joined_ = 0;
  std::thread thread_;
};

}  // namespace cobra
