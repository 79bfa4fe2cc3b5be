// The object that openCrashNotes returns.
#include "crash_notes.h"

#include <map>
#include <string>

#include "platform/crash.h"
#include "platform/heap_limit.h"
#include "runtime/environment.h"

namespace cobra {

namespace {

class NativeCrashNotes final : public Napi::ObjectWrap<NativeCrashNotes> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(
        env, "NativeCrashNotes",
        {InstanceMethod<&NativeCrashNotes::Mark>("mark"), InstanceMethod<&NativeCrashNotes::Close>("close")});
  }

  // (path)
  explicit NativeCrashNotes(const Napi::CallbackInfo& info) : ObjectWrap(info) {
    if (!info[0].IsString()) throw ToJs(info.Env(), Fault("ERR_ARGUMENT", "the path of crash notes must be text"));
    const std::string fault = platform::OpenCrashNotes(info[0].As<Napi::String>());
    if (!fault.empty()) throw ToJs(info.Env(), Fault("ERR_OUTPUT_WRITE", "crash notes: " + fault));
    open_ = true;
    platform::WatchHeapLimit();
  }
  ~NativeCrashNotes() override { GiveBack(); }

 private:
  // (slot, text | undefined)
  Napi::Value Mark(const Napi::CallbackInfo& info) {
    if (!open_) return info.Env().Undefined();
    const int64_t own = info[0].IsNumber() ? info[0].As<Napi::Number>().Int64Value() : 0;
    auto known = slots_.find(own);
    if (!info[1].IsString()) {
      if (known == slots_.end()) return info.Env().Undefined();
      platform::ReleaseCrashSlot(known->second);
      slots_.erase(known);
      return info.Env().Undefined();
    }
    if (known == slots_.end()) {
      const int slot = platform::TakeCrashSlot();
      if (slot < 0) return info.Env().Undefined();
      known = slots_.emplace(own, slot).first;
    }
    platform::MarkCrashSlot(known->second, info[1].As<Napi::String>());
    return info.Env().Undefined();
  }

  Napi::Value Close(const Napi::CallbackInfo& info) {
    GiveBack();
    return info.Env().Undefined();
  }

  void GiveBack() {
    if (!open_) return;
    open_ = false;
    for (const auto& [own, slot] : slots_) platform::ReleaseCrashSlot(slot);
    slots_.clear();
    platform::UnwatchHeapLimit();
    platform::CloseCrashNotes();
  }

  bool open_ = false;
  std::map<int64_t, int> slots_;  // the object's number of a slot, and the process's
};

}  // namespace

void RegisterCrashNotes(Napi::Env env, Napi::Object exports) {
  exports.Set("CrashNotes", NativeCrashNotes::Define(env));
}

}  // namespace cobra
