// Bindings: inputs and outputs bound once, run many times, with nothing allocated or looked up in between.
//
// Who owns what: a `BindingCore` shares the session and the storages of all its tensors; the JS object and every run in
// flight share the core. Tensors may be disposed while a binding uses them: the memory stays until the binding goes.
#pragma once
#include <napi.h>

#include <memory>
#include <string>
#include <vector>

#include "runtime/run.h"

namespace cobra {

// The inputs or the outputs of a binding, at addresses that do not change. For an array of JavaScript that is memory of
// the binding's own, which every run fills or empties.
struct BoundOperands {
  std::vector<std::string> names;
  std::vector<const char*> c_names;  // of `names`
  std::vector<JobMemory> memories;
  std::vector<Ort::Value> values;
};

// What one run takes from and gives to arrays of JavaScript, in the order of the operands that are such.
struct BindingCopies {
  std::vector<JobMemory> inputs;
  std::vector<JobMemory> outputs;
};

class BindingCore {
 public:
  // Throws Fault ERR_DISPOSED where the memory of an input or output is gone.
  BindingCore(std::shared_ptr<SessionCore> session, const std::vector<Operand>& inputs,
              const std::vector<Operand>& outputs);
  ~BindingCore();
  BindingCore(const BindingCore&) = delete;
  BindingCore& operator=(const BindingCore&) = delete;

  // On the JS thread, before each run. Throws Fault ERR_DISPOSED where JS has taken memory away since.
  BindingCopies CopyIn() const;
  // One run, on the executor's thread.
  void Run(RunControl& control, const BindingCopies& copies);
  // Throws Fault ERR_MODEL_OUTPUT if a float output on the host holds a NaN or an infinity.
  void RequireFinite() const;
  const std::shared_ptr<SessionCore>& session() const { return session_; }

 private:
  void RunOnDevice(RunControl& control);

  const std::shared_ptr<SessionCore> session_;
  const BoundOperands inputs_;
  BoundOperands outputs_;
  Ort::IoBinding binding_{nullptr};  // of devices that are not the host
};

class NativeBinding final : public Napi::ObjectWrap<NativeBinding> {
 public:
  static Napi::Function Define(Napi::Env env);
  // Throws Fault ERR_DISPOSED or ERR_ARGUMENT.
  static const std::shared_ptr<BindingCore>& CoreOf(const Napi::Value& value);
  explicit NativeBinding(const Napi::CallbackInfo& info);

 private:
  Napi::Value Run(const Napi::CallbackInfo& info);
  Napi::Value Dispose(const Napi::CallbackInfo& info);
  const std::shared_ptr<BindingCore>& Live() const;

  std::shared_ptr<BindingCore> core_;
};

void RegisterBinding(Napi::Env env, Napi::Object exports);

}  // namespace cobra
