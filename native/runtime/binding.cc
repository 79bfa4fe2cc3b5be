// Bindings and their runs.
#include "runtime/binding.h"

namespace cobra {

namespace {

class BindingJob final : public Job {
 public:
  explicit BindingJob(std::shared_ptr<BindingCore> core) : core_(std::move(core)) {}
  void Execute() override { core_->Run(options_); }
  void Terminate() override { options_.SetTerminate(); }
  Napi::Value Result(Napi::Env env) override { return env.Undefined(); }

 private:
  const std::shared_ptr<BindingCore> core_;
  Ort::RunOptions options_;
};

}  // namespace

BindingCore::BindingCore(std::shared_ptr<SessionCore> session, std::vector<Operand> inputs,
                         std::vector<Operand> outputs)
    : session_(std::move(session)), inputs_(std::move(inputs)), outputs_(std::move(outputs)) {
  for (const auto& input : inputs_) input_values_.push_back(input.view.MakeValue());
  for (const auto& output : outputs_) output_values_.push_back(output.view.MakeValue());
  ++Live().bindings;
}

BindingCore::~BindingCore() {
  --Live().bindings;
  if (session_->on_cpu() || !binding_) return;
  // A binding may hold device copies of its inputs: they go on the device's thread, before the session.
  struct Parting {
    std::shared_ptr<SessionCore> session;
    Ort::IoBinding binding;
  };
  auto parting = std::make_shared<Parting>(Parting{session_, std::move(binding_)});
  session_->executor->Post([parting = std::move(parting)]() mutable { parting.reset(); });
}

void BindingCore::Check() const {
  for (const auto& input : inputs_) input.view.storage->Address();
  for (const auto& output : outputs_) output.view.storage->Address();
}

void BindingCore::BindAll() {
  binding_ = Ort::IoBinding(session_->session);
  for (size_t i = 0; i < inputs_.size(); ++i) binding_.BindInput(inputs_[i].name.c_str(), input_values_[i]);
  for (size_t i = 0; i < outputs_.size(); ++i) binding_.BindOutput(outputs_[i].name.c_str(), output_values_[i]);
}

void BindingCore::Run(const Ort::RunOptions& options) {
  try {
    if (!binding_) {
      BindAll();
    } else if (!session_->on_cpu()) {
      // Binding copies host inputs to the device: their present contents have to go again.
      for (size_t i = 0; i < inputs_.size(); ++i) {
        if (inputs_[i].view.storage->on_host()) binding_.BindInput(inputs_[i].name.c_str(), input_values_[i]);
      }
    }
    if (!session_->on_cpu()) binding_.SynchronizeInputs();
    session_->session.Run(options, binding_);
    if (!session_->on_cpu()) binding_.SynchronizeOutputs();
  } catch (const Ort::Exception& error) {
    throw TranslateOrt(error, "ERR_RUN", "the run failed");
  }
}

Napi::Function NativeBinding::Define(Napi::Env env) {
  return DefineClass(env, "NativeBinding",
                     {InstanceMethod<&NativeBinding::Run>("run"), InstanceMethod<&NativeBinding::Dispose>("dispose")});
}

NativeBinding::NativeBinding(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  if (info.Length() != 1 || !info[0].IsExternal())
    throw Napi::TypeError::New(info.Env(), "bindings are made by the addon only");
  core_ = std::move(*info[0].As<Napi::External<std::shared_ptr<BindingCore>>>().Data());
}

const std::shared_ptr<BindingCore>& NativeBinding::Live() const {
  if (!core_) throw Fault("ERR_DISPOSED", "the binding was disposed");
  return core_;
}

// (settle) -> job id
Napi::Value NativeBinding::Run(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    const auto& core = Live();
    core->Check();
    const uint64_t id =
        NodeEnvironment::Of(info.Env())
            .Submit(*core->session()->executor, std::make_unique<BindingJob>(core), info[0].As<Napi::Function>());
    return Napi::Number::New(info.Env(), static_cast<double>(id));
  });
}

Napi::Value NativeBinding::Dispose(const Napi::CallbackInfo& info) {
  core_.reset();
  return info.Env().Undefined();
}

namespace {

// (session, inputNames, inputs, outputNames, outputs) -> binding
Napi::Value CreateBinding(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    auto core = std::make_shared<BindingCore>(NativeSession::CoreOf(info[0]), ReadOperands(info[1], info[2]),
                                              ReadOperands(info[3], info[4]));
    return NodeEnvironment::Of(info.Env())
        .binding_class.New({Napi::External<std::shared_ptr<BindingCore>>::New(info.Env(), &core)});
  });
}

}  // namespace

void RegisterBinding(Napi::Env env, Napi::Object exports) {
  NodeEnvironment::Of(env).binding_class = Napi::Persistent(NativeBinding::Define(env));
  exports.Set("createBinding", Napi::Function::New(env, CreateBinding, "createBinding"));
}

}  // namespace cobra
