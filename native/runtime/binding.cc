// Bindings and their runs.
#include "runtime/binding.h"

#include <cstring>

namespace cobra {

namespace {

class BindingJob final : public Job {
 public:
  explicit BindingJob(std::shared_ptr<BindingCore> core) : core_(std::move(core)), copies_(core_->CopyIn()) {}
  void Execute() override { core_->Run(options_, copies_); }
  void Terminate() override { options_.SetTerminate(); }
  Napi::Value Result(Napi::Env env) override {
    for (const auto& output : copies_.outputs) output.Return();
    return env.Undefined();
  }

 private:
  const std::shared_ptr<BindingCore> core_;
  const BindingCopies copies_;
  Ort::RunOptions options_;
};

std::vector<BoundOperand> Bind(const std::vector<Operand>& operands) {
  std::vector<BoundOperand> bound;
  bound.reserve(operands.size());
  for (const auto& operand : operands) {
    JobMemory memory(operand.view, JobMemory::Use::kWrite);
    Ort::Value value = memory.MakeValue();
    bound.push_back({operand.name, std::move(memory), std::move(value)});
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
  if (session_->on_host() || !binding_) return;
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
  for (const auto& input : inputs_) {
    if (input.memory.copied()) copies.inputs.emplace_back(input.memory.view(), JobMemory::Use::kRead);
  }
  for (const auto& output : outputs_) {
    if (output.memory.copied()) copies.outputs.emplace_back(output.memory.view(), JobMemory::Use::kWrite);
  }
  return copies;
}

void BindingCore::BindAll() {
  binding_ = Ort::IoBinding(session_->session);
  for (const auto& input : inputs_) binding_.BindInput(input.name.c_str(), input.value);
  for (const auto& output : outputs_) binding_.BindOutput(output.name.c_str(), output.value);
}

void BindingCore::Run(const Ort::RunOptions& options, const BindingCopies& copies) {
  auto copy = copies.inputs.begin();
  for (const auto& input : inputs_) {
    if (!input.memory.copied()) continue;
    std::memcpy(input.memory.bytes(), copy->bytes(), copy->view().bytes);
    ++copy;
  }
  try {
    if (!binding_) {
      BindAll();
    } else if (!session_->on_host()) {
      // Binding copies host inputs to the device: their present contents have to go again.
      for (const auto& input : inputs_) {
        if (input.memory.view().storage->on_host()) binding_.BindInput(input.name.c_str(), input.value);
      }
    }
    if (!session_->on_host()) binding_.SynchronizeInputs();
    session_->session.Run(options, binding_);
    if (!session_->on_host()) binding_.SynchronizeOutputs();
  } catch (const Ort::Exception& error) {
    throw TranslateOrt(error, "ERR_RUN", "the run failed");
  }
  copy = copies.outputs.begin();
  for (const auto& output : outputs_) {
    if (!output.memory.copied()) continue;
    std::memcpy(copy->bytes(), output.memory.bytes(), copy->view().bytes);
    ++copy;
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
