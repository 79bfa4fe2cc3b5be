// Loading ONNX Runtime and its environment.
#include "runtime/runtime.h"

#include <algorithm>
#include <cstdlib>
#include <mutex>

#include "platform/platform.h"
#include "runtime/cpu_device.h"
#include "runtime/executor.h"

namespace cobra {

namespace {

constexpr int kMinorVersion = ORT_API_VERSION;  // 1.29 -> 29

struct Process {
  std::mutex mutex;
  std::string library_path;
  const OrtApiBase* base = nullptr;
  std::weak_ptr<Runtime> runtime;
};

// Never destroyed: worker threads may outlive static destructors.
Process& TheProcess() {
  static Process* process = new Process;
  return *process;
}

const OrtApiBase* Load(const std::string& path) {
  const std::string remedy = "run `npm run build` again, or name a library of version 1." +
                             std::to_string(kMinorVersion) + " with COBRA_ORT_LIBRARY";
  if (!platform::IsAbsolutePath(path))
    throw Fault("ERR_RUNTIME_LOAD", "the path of the ONNX Runtime library must be absolute, but is \"" + path + "\"");
  if (!platform::IsReadable(path))
    throw Fault("ERR_RUNTIME_LOAD", "there is no readable ONNX Runtime library at " + path).With(remedy);
  // The library as released collects telemetry: a database in the user's cache folder, a log in /tmp, a thread of its
  // own. Telemetry is switched off before it is loaded, unless the user has decided otherwise.
  platform::SetEnvironmentDefault("ORT_DISABLE_TELEMETRY", "1");
  const platform::Library library(path);
  if (!library)
    throw Fault("ERR_RUNTIME_LOAD", "the ONNX Runtime library " + path + " cannot be loaded: " + library.error())
        .With(remedy);
  auto* entry = library.Find<const OrtApiBase*()>("OrtGetApiBase");
  if (!entry)
    throw Fault("ERR_RUNTIME_LOAD", path + " is not an ONNX Runtime library: it has no OrtGetApiBase").With(remedy);
  const OrtApiBase* base = entry();
  const std::string version = base->GetVersionString();
  const std::string wanted = "1." + std::to_string(kMinorVersion) + ".";
  if (version.rfind(wanted, 0) != 0) {
    throw Fault("ERR_RUNTIME_LOAD", path + " is ONNX Runtime " + version + ", but the addon needs " + wanted + "x")
        .With(remedy);
  }
  const OrtApi* api = base->GetApi(ORT_API_VERSION);
  if (!api)
    throw Fault("ERR_RUNTIME_LOAD", path + " does not offer API version " + std::to_string(kMinorVersion)).With(remedy);
  Ort::InitApi(api);
  platform::KeepAddonLoaded();  // ONNX Runtime's threads may outlive the last worker
  return base;
}

}  // namespace

void StopThreadsBeforeLibraryExits() {
  // Exit handlers run last in, first out, and the library adds its own as it goes: at load, with an environment, with
  // the first sessions. So this one is added again after each of those; a handful covers them.
  static std::atomic<int> left{16};
  if (left-- > 0) std::atexit([] { Executor::StopAllAtExit(); });
}

LiveCounts& Live() {
  static LiveCounts* counts = new LiveCounts;
  return *counts;
}

std::shared_ptr<Runtime> Runtime::Acquire(const std::string& library_path) {
  Process& process = TheProcess();
  std::lock_guard lock(process.mutex);
  if (process.base && process.library_path != library_path) {
    throw Fault("ERR_RUNTIME_LOAD", "this process already uses the ONNX Runtime library " + process.library_path +
                                        " and cannot load " + library_path + " as well");
  }
  if (!process.base) {
    process.base = Load(library_path);
    process.library_path = library_path;
  }
  auto runtime = process.runtime.lock();
  if (!runtime) {
    runtime = std::make_shared<Runtime>(library_path, process.base);
    StopThreadsBeforeLibraryExits();
    process.runtime = runtime;
  }
  return runtime;
}

Runtime::Runtime(const std::string& library_path, const OrtApiBase* base)
    : library_path_(library_path),
      version_(base->GetVersionString()),
      env_(ORT_LOGGING_LEVEL_FATAL, "cobra-batch"),
      providers_(Ort::GetAvailableProviders()) {
  env_.DisableTelemetryEvents();
}

void Runtime::RegisterCountingAllocator() {
  std::call_once(counting_, [this] { env_.RegisterAllocator(CountingAllocator()); });
}

std::shared_ptr<Runtime> Runtime::Loaded() {
  Process& process = TheProcess();
  std::lock_guard lock(process.mutex);
  return process.runtime.lock();
}

bool Runtime::has_provider(const std::string& name) const {
  return std::find(providers_.begin(), providers_.end(), name) != providers_.end();
}

}  // namespace cobra
