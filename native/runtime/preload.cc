// Loading a provider's libraries ahead of it.
#include "runtime/preload.h"

#include <memory>
#include <string>
#include <vector>

#include "platform/platform.h"
#include "runtime/device.h"
#include "runtime/environment.h"
#include "runtime/executor.h"

namespace cobra {

namespace {

// Hundreds of megabytes are mapped: work for the device's thread, not for JavaScript's.
class PreloadJob final : public Job {
 public:
  explicit PreloadJob(std::vector<std::string> paths) : paths_(std::move(paths)) {}

  void Execute() override {
    for (const auto& path : paths_) {
      const platform::Library library(path);
      faults_.push_back(library ? "" : library.error());
    }
  }

  Napi::Value Result(Napi::Env env) override {
    Napi::Array result = Napi::Array::New(env, faults_.size());
    for (uint32_t i = 0; i < faults_.size(); ++i) result.Set(i, faults_[i]);
    return result;
  }

 private:
  const std::vector<std::string> paths_;
  std::vector<std::string> faults_;
};

// The device, or the CPU where its driver cannot be loaded: the libraries are looked at all the same.
Device& DeviceOrHost(const std::string& name) {
  const DeviceId id = ReadDeviceId(name);
  try {
    return Device::Of(id);
  } catch (const Fault&) {
    return Device::Of(DeviceId{});
  }
}

// (device, paths, settle) -> job id. The result has for each path "" or why it did not load.
Napi::Value PreloadLibraries(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    NodeEnvironment& environment = NodeEnvironment::Of(info.Env());
    if (!info[0].IsString() || !info[1].IsArray())
      throw Fault("ERR_ARGUMENT", "a device and a list of paths are needed");
    const auto list = info[1].As<Napi::Array>();
    std::vector<std::string> paths;
    for (uint32_t i = 0; i < list.Length(); ++i) {
      paths.push_back(ReadText(list.Get(i), "a library's path"));
      if (!platform::IsAbsolutePath(paths.back()))
        throw Fault("ERR_ARGUMENT", "a library's path must be absolute, but is \"" + paths.back() + "\"");
    }
    auto executor = environment.ExecutorFor(DeviceOrHost(info[0].As<Napi::String>()));
    const uint64_t id = environment.Submit(*executor, std::make_unique<PreloadJob>(std::move(paths)), info[2]);
    return Napi::Number::New(info.Env(), static_cast<double>(id));
  });
}

}  // namespace

void RegisterPreload(Napi::Env env, Napi::Object exports) {
  exports.Set("preloadLibraries", Napi::Function::New(env, PreloadLibraries, "preloadLibraries"));
}

}  // namespace cobra
