// Bindings: inputs and outputs bound once, run many times, with nothing allocated or looked up in between.
//
// Who owns what: a `BindingCore` shares the session and the storages of all its tensors; the JS object and every run in
// flight share the core. Tensors may be disposed while a binding uses them: the memory stays until the binding goes.
#pragma once
#include <napi.h>

#include <memory>
#include <vector>

#include "runtime/run.h"

namespace cobra {

class BindingCore {
 public:
  // Throws Fault ERR_DISPOSED where the memory of an input or output is gone.
  BindingCore(std::shared_ptr<SessionCore> session, std::vector<Operand> inputs, std::vector<Operand> outputs);
  ~BindingCore();
  BindingCore(const BindingCore&) = delete;
  BindingCore& operator=(const BindingCore&) = delete;

  // Throws Fault ERR_DISPOSED where JS has taken memory away since; on the JS thread, before each run.
  void Check() const;
  // One run, on the executor's thread.
  void Run(const Ort::RunOptions& options);
  const std::shared_ptr<SessionCore>& session() const { return session_; }

 private:
  void BindAll();

  const std::shared_ptr<SessionCore> session_;
  const std::vector<Operand> inputs_;
  const std::vector<Operand> outputs_;
  std::vector<Ort::Value> input_values_;
  std::vector<Ort::Value> output_values_;
  Ort::IoBinding binding_{nullptr};
};

class NativeBinding final : public Napi::ObjectWrap<NativeBinding> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit NativeBinding(const Napi::CallbackInfo& info);

 private:
  Napi::Value Run(const Napi::CallbackInfo& info);
  Napi::Value Dispose(const Napi::CallbackInfo& info);
  const std::shared_ptr<BindingCore>& Live() const;

  std::shared_ptr<BindingCore> core_;
};

void RegisterBinding(Napi::Env env, Napi::Object exports);

}  // namespace cobra
