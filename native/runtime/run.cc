// Runs and copies.
#include "runtime/run.h"

#include <cstring>

#include "runtime/finite.h"

namespace cobra {

namespace {

const char* kRunFailed = "ERR_RUN";

// Of inputs or outputs.
template <typename Operands>
std::vector<const char*> NamesOf(const Operands& operands) {
  std::vector<const char*> names;
  names.reserve(operands.size());
  for (const auto& operand : operands) names.push_back(operand.name.c_str());
  return names;
}

}  // namespace

std::vector<Operand> ReadOperands(const Napi::Value& names, const Napi::Value& tensors, bool may_be_missing) {
  if (!names.IsArray() || !tensors.IsArray()) throw Fault("ERR_ARGUMENT", "names and tensors must be arrays");
  const auto name_list = names.As<Napi::Array>();
  const auto tensor_list = tensors.As<Napi::Array>();
  const uint32_t count = name_list.Length();
  if (tensor_list.Length() != count) throw Fault("ERR_ARGUMENT", "there must be as many tensors as names");
  std::vector<Operand> operands;
  operands.reserve(count);
  for (uint32_t i = 0; i < count; ++i) {
    const Napi::Value name = name_list.Get(i);
    if (!name.IsString()) throw Fault("ERR_ARGUMENT", "a tensor's name must be a string");
    const Napi::Value tensor = tensor_list.Get(i);
    const bool missing = may_be_missing && tensor.IsUndefined();
    operands.push_back({name.As<Napi::String>(), missing ? TensorView{} : NativeTensor::ViewOf(tensor)});
  }
  return operands;
}

RunJob::RunJob(std::shared_ptr<SessionCore> session, std::vector<Operand> inputs, std::vector<Operand> outputs,
               RunSettings settings)
    : session_(std::move(session)), settings_(settings) {
  for (auto& input : inputs) {
    inputs_.push_back({std::move(input.name), JobMemory(input.view, JobMemory::Use::kRead)});
    input_values_.push_back(inputs_.back().memory.MakeValue());
  }
  for (auto& output : outputs) {
    Output& own = outputs_.emplace_back(Output{std::move(output.name), std::nullopt, {}});
    if (output.view.storage) own.memory.emplace(output.view, JobMemory::Use::kWrite);
    output_values_.push_back(own.memory ? own.memory->MakeValue() : Ort::Value(nullptr));
  }
}

void RunJob::Execute() {
  try {
    if (session_->provider != "webgpu" && session_->shrink_next.exchange(false)) {
      const std::string device =
          session_->on_cpu() ? "cpu:0" : "gpu:" + session_->device.substr(session_->device.find(':') + 1);
      options_.AddConfigEntry("memory.enable_memory_arena_shrinkage", device.c_str());
    }
    // Outputs that stay on a device need a binding; all other runs do without.
    if (settings_.keep_on_device && !session_->on_cpu()) {
      ExecuteBound();
    } else {
      ExecuteDirect();
    }
  } catch (const Ort::Exception& error) {
    throw TranslateOrt(error, kRunFailed, "the run failed");
  }
  if (settings_.finite) RequireFinite();
}

void RunJob::ExecuteDirect() {
  const auto input_names = NamesOf(inputs_);
  const auto output_names = NamesOf(outputs_);
  session_->session.Run(options_, input_names.data(), input_values_.data(), input_values_.size(), output_names.data(),
                        output_values_.data(), output_values_.size());
  for (size_t i = 0; i < outputs_.size(); ++i) {
    if (!outputs_[i].memory) Adopt(outputs_[i], std::move(output_values_[i]));
  }
}

void RunJob::ExecuteBound() {
  Ort::IoBinding binding(session_->session);
  for (size_t i = 0; i < inputs_.size(); ++i) binding.BindInput(inputs_[i].name.c_str(), input_values_[i]);
  for (size_t i = 0; i < outputs_.size(); ++i) {
    if (!outputs_[i].memory) {
      binding.BindOutput(outputs_[i].name.c_str(), session_->place);
    } else {
      binding.BindOutput(outputs_[i].name.c_str(), output_values_[i]);
    }
  }
  binding.SynchronizeInputs();
  session_->session.Run(options_, binding);
  binding.SynchronizeOutputs();
  // In the order in which they were bound.
  std::vector<Ort::Value> values = binding.GetOutputValues();
  for (size_t i = 0; i < outputs_.size(); ++i) {
    if (!outputs_[i].memory) Adopt(outputs_[i], std::move(values[i]));
  }
}

void RunJob::Adopt(Output& output, Ort::Value value) {
  TensorView& view = output.view;
  const auto info = value.GetTensorTypeAndShapeInfo();
  view.dtype = FindDtype(info.GetElementType());
  if (!view.dtype) {
    throw Fault("ERR_TENSOR_DTYPE", "the output \"" + output.name + "\" has a dtype that the engine does not know");
  }
  view.dims = info.GetShape();
  view.offset_bytes = 0;
  view.storage = AdoptValue(std::move(value), session_);
  view.bytes = view.storage->bytes;
}

void RunJob::RequireFinite() const {
  for (const Output& output : outputs_) {
    const TensorView& view = output.memory ? output.memory->view() : output.view;
    if (!view.storage->on_host()) continue;
    const void* values =
        output.memory ? output.memory->bytes() : static_cast<char*>(view.storage->Address()) + view.offset_bytes;
    const size_t count = view.bytes / view.dtype->bytes;
    const bool finite = view.dtype->type == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT     ? AllFinite32(values, count)
                        : view.dtype->type == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16 ? AllFinite16(values, count)
                                                                                    : true;
    if (!finite) {
      throw Fault("ERR_MODEL_OUTPUT", "the output \"" + output.name +
                                          "\" holds values that are not finite (NaN or infinity): the weights or the "
                                          "input are damaged, or the precision is too low for this model");
    }
  }
}

void RunJob::Terminate() { options_.SetTerminate(); }

Napi::Value RunJob::Result(Napi::Env env) {
  for (const Output& output : outputs_) {
    if (output.memory) output.memory->Return();
  }
  Napi::Array tensors = Napi::Array::New(env, outputs_.size());
  for (uint32_t i = 0; i < outputs_.size(); ++i) {
    if (!outputs_[i].memory) tensors.Set(i, NativeTensor::Wrap(env, std::move(outputs_[i].view)));
  }
  return tensors;
}

CopyJob::CopyJob(const TensorView& source, const TensorView& target, std::shared_ptr<Runtime> runtime)
    : source_(source, JobMemory::Use::kRead), target_(target, JobMemory::Use::kWrite), runtime_(std::move(runtime)) {
  if (source.storage->on_host() && target.storage->on_host()) return;
  source_value_ = source_.MakeValue();
  target_value_ = target_.MakeValue();
}

void CopyJob::Execute() {
  if (source_.view().bytes == 0) return;
  if (!source_value_) {
    std::memmove(target_.bytes(), source_.bytes(), source_.view().bytes);
    return;
  }
  const Ort::Status status = runtime_->env().CopyTensor(source_value_, target_value_, nullptr);
  if (status.IsOK()) return;
  throw TranslateOrt(Ort::Exception(status.GetErrorMessage(), status.GetErrorCode()), kRunFailed,
                     "copying a tensor from " + source_.view().storage->device() + " to " +
                         target_.view().storage->device() + " failed");
}

Napi::Value CopyJob::Result(Napi::Env env) {
  target_.Return();
  return env.Undefined();
}

}  // namespace cobra
