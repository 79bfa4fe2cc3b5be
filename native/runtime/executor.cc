// The executor's queue and thread.
#include "runtime/executor.h"

#include <atomic>
#include <future>
#include <map>
#include <system_error>
#include <vector>

#include "platform/crash.h"
#include "platform/platform.h"
#include "runtime/runtime.h"

namespace cobra {

namespace {

std::atomic<uint64_t> next_job_id{1};
thread_local Device* device_of_this_thread = nullptr;

struct Registry {
  std::mutex mutex;
  std::map<std::string, std::weak_ptr<Executor>> executors;
};

// Never destroyed: threads may still look at it while the process exits.
Registry& TheRegistry() {
  static Registry* registry = new Registry;
  return *registry;
}

}  // namespace

Job::Job() : id(next_job_id++) { ++Live().runs; }
Job::~Job() { --Live().runs; }

Device* DeviceOfThisThread() { return device_of_this_thread; }

std::shared_ptr<Executor> Executor::For(const std::string& key, Device& device) {
  Registry& registry = TheRegistry();
  std::lock_guard lock(registry.mutex);
  auto& known = registry.executors[key];
  auto executor = known.lock();
  if (!executor) {
    executor = std::make_shared<Executor>(key, device);
    known = executor;
  }
  return executor;
}

Executor::~Executor() {
  {
    Registry& registry = TheRegistry();
    std::lock_guard lock(registry.mutex);
    auto known = registry.executors.find(key_);
    if (known != registry.executors.end() && known->second.expired()) registry.executors.erase(known);
  }
}

void Executor::Join() {
  std::lock_guard lock(mutex_);
  if (joined_ == 0) {
    stopping_ = false;
    try {
      thread_ = std::thread([this] { Loop(); });
    } catch (const std::system_error& error) {
      throw Fault("ERR_OUT_OF_MEMORY", std::string("the system gives no further thread (") + error.what() + ")")
          .With("end other work or raise the limit of processes (ulimit -u)");
    }
  }
  ++joined_;
}

void Executor::Leave() {
  std::thread ended;
  {
    std::lock_guard lock(mutex_);
    if (--joined_ > 0) return;
    stopping_ = true;
    ended = std::move(thread_);
  }
  wake_.notify_all();
  if (ended.joinable()) ended.join();
}

void Executor::Submit(std::unique_ptr<Job> job) {
  {
    std::lock_guard lock(mutex_);
    if (!stopping_ && joined_ > 0) {
      queue_.push_back(std::move(job));
      wake_.notify_one();
      return;
    }
  }
  job->fault.emplace(kCancelled, "the environment is shutting down");
  JobOwner* owner = job->owner;
  owner->Complete(std::move(job));
}

bool Executor::HasWaiting() {
  const std::lock_guard lock(mutex_);
  return !queue_.empty();
}

void Executor::Post(std::function<void()> task) {
  {
    std::lock_guard lock(mutex_);
    if (joined_ > 0) {
      chores_.push_back(std::move(task));
      wake_.notify_one();
      return;
    }
  }
  Do(task);
}

// A chore gives memory back and has nobody to tell of a failure; the thread must go on.
void Executor::Do(const std::function<void()>& chore) {
  try {
    chore();
  } catch (...) {  // NOLINT(bugprone-empty-catch)
  }
}

void Executor::RunBlocking(const std::function<void()>& task) {
  std::packaged_task<void()> packaged(task);
  std::future<void> done = packaged.get_future();
  {
    std::lock_guard lock(mutex_);
    if (joined_ == 0) throw Fault("ERR_STATE", "the device's thread has stopped; the environment is shutting down");
    chores_.push_back([&packaged] { packaged(); });
  }
  wake_.notify_one();
  done.get();
}

bool Executor::Cancel(uint64_t id) {
  std::unique_ptr<Job> dropped;
  {
    std::lock_guard lock(mutex_);
    if (running_ && running_->id == id) {
      running_->cancelled = true;
      running_->Terminate();
      return true;
    }
    for (auto job = queue_.begin(); job != queue_.end(); ++job) {
      if ((*job)->id != id) continue;
      dropped = std::move(*job);
      queue_.erase(job);
      break;
    }
  }
  if (!dropped) return false;
  dropped->fault.emplace(kCancelled, "cancelled");
  JobOwner* owner = dropped->owner;
  owner->Complete(std::move(dropped));
  return true;
}

bool Executor::StopSoon(uint64_t id) {
  const std::lock_guard lock(mutex_);
  if (running_ && running_->id == id) {
    running_->StopSoon();
    return true;
  }
  for (auto& job : queue_) {
    if (job->id != id) continue;
    job->StopSoon();
    return true;
  }
  return false;
}

void Executor::Evict(const JobOwner* owner) {
  std::vector<std::unique_ptr<Job>> dropped;
  {
    std::unique_lock lock(mutex_);
    for (auto job = queue_.begin(); job != queue_.end();) {
      if ((*job)->owner == owner) {
        dropped.push_back(std::move(*job));
        job = queue_.erase(job);
      } else {
        ++job;
      }
    }
    if (running_ && running_->owner == owner) {
      running_->cancelled = true;
      running_->Terminate();
    }
    finished_.wait(lock, [&] { return busy_for_ != owner; });
  }
  for (auto& job : dropped) {
    job->fault.emplace(kCancelled, "the environment is shutting down");
    JobOwner* target = job->owner;
    target->Complete(std::move(job));
  }
}

void Executor::Loop() {
  platform::PrepareThreadForCrash();
  platform::NameThisThread("cobra-" + key_);
  device_of_this_thread = &device_;
  for (;;) {
    std::unique_ptr<Job> job;
    std::function<void()> chore;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty() || !chores_.empty(); });
      if (!chores_.empty()) {
        chore = std::move(chores_.front());
        chores_.pop_front();
      } else if (!queue_.empty()) {
        job = std::move(queue_.front());
        queue_.pop_front();
        running_ = job.get();
        busy_for_ = job->owner;
      } else {
        return;
      }
    }
    if (job) {
      Run(std::move(job));
    } else {
      Do(chore);
    }
  }
}

// Figures are no job's concern: where they cannot be read there are none.
void Executor::RefreshFigures() {
  try {
    device_.RefreshMemory();
  } catch (...) {  // NOLINT(bugprone-empty-catch)
  }
}

void Executor::Run(std::unique_ptr<Job> job) {
  std::optional<Fault> fault;
  try {
    device_.ThrowIfLost();
    std::optional<BusyTime> busy;
    if (job->computes()) busy.emplace(device_);
    job->Execute();
  } catch (...) {
    fault.emplace(TranslateCurrent("ERR_RUN", ""));
    if (fault->sticky) device_.MarkLost(*fault);
  }
  RefreshFigures();
  JobOwner* owner = job->owner;
  {
    std::lock_guard lock(mutex_);
    running_ = nullptr;
    if (job->cancelled) fault.emplace(kCancelled, "cancelled");
    job->fault = std::move(fault);
  }
  owner->Complete(std::move(job));
  {
    std::lock_guard lock(mutex_);
    busy_for_ = nullptr;
  }
  finished_.notify_all();
}

void Executor::StopAtExit() {
  std::thread ended;
  {
    std::lock_guard lock(mutex_);
    // Left alone on purpose: what they hold died with Node, or goes with the process.
    new auto(std::move(queue_));
    new auto(std::move(chores_));
    queue_.clear();
    chores_.clear();
    if (running_) running_->Terminate();
    stopping_ = true;
    ended = std::move(thread_);
  }
  wake_.notify_all();
  if (ended.joinable()) ended.join();
}

void Executor::StopAllAtExit() {
  std::vector<std::shared_ptr<Executor>> all;
  {
    Registry& registry = TheRegistry();
    std::lock_guard lock(registry.mutex);
    for (auto& [key, known] : registry.executors) {
      if (auto executor = known.lock()) all.push_back(std::move(executor));
    }
  }
  for (auto& executor : all) executor->StopAtExit();
}

}  // namespace cobra
