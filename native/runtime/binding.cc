// Bindings and their runs.
#include "runtime/binding.h"

#include <cstring>

namespace cobra {

namespace {

// What every binding of the addon is marked with: a prototype can be set on anything.
constexpr napi_type_tag kBindingTag = {0x51c80d7e6fa94b32ULL, 0x8e03b9d4c65f71a2ULL};

class BindingJob final : public Job {
 public:
  explicit BindingJob(std::shared_ptr<BindingCore> core) : core_(std::move(core)), copies_(core_->CopyIn()) {}
  void Execute() override { core_->Run(control_, copies_); }
  bool computes() const override { return true; }
  void Terminate() override { control_.Terminate(); }
  Napi::Value Result(Napi::Env env) override {
    for (const auto& output : copies_.outputs) output.Return();
    return env.Undefined();
  }

 private:
  const std::shared_ptr<BindingCore> core_;
  const BindingCopies copies_;
  RunControl control_;
};

BoundOperands Bind(const std::vector<Operand>& operands) {
  BoundOperands bound;
  bound.names.reserve(operands.size());  // their texts must not move
  for (const auto& operand : operands) {
    bound.names.push_back(operand.name);
    bound.c_names.push_back(bound.names.back().c_str());
    bound.memories.emplace_back(operand.view, JobMemory::Use::kWrite);
    bound.values.push_back(bound.memories.back().MakeValue());
  }
  return bound;
}

}  // namespace

BindingCore::BindingCore(std::shared_ptr<SessionCore> session, const std::vector<Operand>& inputs,
                         const std::vector<Operand>& outputs)
    : session_(std::move(session)), inputs_(Bind(inputs)), outputs_(Bind(outputs)) {
  ++Live().bindings;
}

BindingCore::~BindingCore() {
  --Live().bindings;
  if (!binding_) return;
  // A binding may hold device copies of its inputs: they go on the device's thread, before the session.
  struct Parting {
    std::shared_ptr<SessionCore> session;
    Ort::IoBinding binding;
  };
  auto parting = std::make_shared<Parting>(Parting{session_, std::move(binding_)});
  session_->executor->Post([parting = std::move(parting)]() mutable { parting.reset(); });
}

BindingCopies BindingCore::CopyIn() const {
  BindingCopies copies;
  for (const auto& memory : inputs_.memories) {
    if (memory.copied()) copies.inputs.emplace_back(memory.view(), JobMemory::Use::kRead);
  }
  for (const auto& memory : outputs_.memories) {
    if (memory.copied()) copies.outputs.emplace_back(memory.view(), JobMemory::Use::kWrite);
  }
  return copies;
}

void BindingCore::RunOnDevice(RunControl& control) {
  if (!binding_) {
    binding_ = Ort::IoBinding(session_->session);
    for (size_t i = 0; i < inputs_.values.size(); ++i) binding_.BindInput(inputs_.c_names[i], inputs_.values[i]);
    for (size_t i = 0; i < outputs_.values.size(); ++i) binding_.BindOutput(outputs_.c_names[i], outputs_.values[i]);
  } else {
    // Binding copies host inputs to the device: their present contents have to go again.
    for (size_t i = 0; i < inputs_.values.size(); ++i) {
      if (inputs_.memories[i].view().storage->on_host()) binding_.BindInput(inputs_.c_names[i], inputs_.values[i]);
    }
  }
  binding_.SynchronizeInputs();
  session_->session.Run(control.options(), binding_);
  binding_.SynchronizeOutputs();
  for (const auto& memory : inputs_.memories) CountInput(session_->device, memory.view());
  for (const auto& memory : outputs_.memories) CountOutput(session_->device, memory.view());
}

void BindingCore::Run(RunControl& control, const BindingCopies& copies) {
  auto copy = copies.inputs.begin();
  for (const auto& memory : inputs_.memories) {
    if (!memory.copied()) continue;
    std::memcpy(memory.bytes(), copy->bytes(), copy->view().bytes);
    ++copy;
  }
  try {
    if (session_->on_host()) {
      session_->Run(control, inputs_.c_names, inputs_.values, outputs_.c_names, outputs_.values);
    } else {
      RunOnDevice(control);
    }
  } catch (const Ort::Exception& error) {
    throw TranslateOrt(error, "ERR_RUN", "the run failed");
  }
  copy = copies.outputs.begin();
  for (const auto& memory : outputs_.memories) {
    if (!memory.copied()) continue;
    std::memcpy(copy->bytes(), memory.bytes(), copy->view().bytes);
    ++copy;
  }
}

void BindingCore::RequireFinite() const {
  for (size_t i = 0; i < outputs_.memories.size(); ++i) {
    const TensorView& view = outputs_.memories[i].view();
    if (view.storage->on_host()) cobra::RequireFinite(outputs_.names[i], view, outputs_.memories[i].bytes());
  }
}

Napi::Function NativeBinding::Define(Napi::Env env) {
  return DefineClass(env, "NativeBinding",
                     {InstanceMethod<&NativeBinding::Run>("run"), InstanceMethod<&NativeBinding::Dispose>("dispose")});
}

NativeBinding::NativeBinding(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  if (info.Length() != 1 || !info[0].IsExternal())
    throw Napi::TypeError::New(info.Env(), "bindings are made by the addon only");
  info.This().As<Napi::Object>().TypeTag(&kBindingTag);
  core_ = std::move(*info[0].As<Napi::External<std::shared_ptr<BindingCore>>>().Data());
}

const std::shared_ptr<BindingCore>& NativeBinding::CoreOf(const Napi::Value& value) {
  if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&kBindingTag)) {
    throw Fault("ERR_ARGUMENT", "a binding is needed");
  }
  return Unwrap(value.As<Napi::Object>())->Live();
}

const std::shared_ptr<BindingCore>& NativeBinding::Live() const {
  if (!core_) throw Fault("ERR_DISPOSED", "the binding was disposed");
  return core_;
}

// (settle) -> job id
Napi::Value NativeBinding::Run(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    const auto core = Live();
    const uint64_t id =
        NodeEnvironment::Of(info.Env()).Submit(*core->session()->executor, std::make_unique<BindingJob>(core), info[0]);
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
    const auto session = NativeSession::CoreOf(info[0]);
    const auto inputs = ReadOperands(info[1], info[2], false);
    const auto outputs = ReadOperands(info[3], info[4], false);
    auto core = std::make_shared<BindingCore>(session, inputs, outputs);
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
