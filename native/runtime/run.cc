// Runs and copies.
#include "runtime/run.h"

#include <cstring>

namespace cobra {

namespace {

const char* kRunFailed = "ERR_RUN";

std::vector<const char*> NamesOf(const std::vector<Operand>& operands) {
  std::vector<const char*> names;
  names.reserve(operands.size());
  for (const auto& operand : operands) names.push_back(operand.name.c_str());
  return names;
}

}  // namespace

std::vector<Operand> ReadOperands(const Napi::Value& names, const Napi::Value& tensors) {
  const auto name_list = names.As<Napi::Array>();
  const auto tensor_list = tensors.As<Napi::Array>();
  std::vector<Operand> operands;
  operands.reserve(name_list.Length());
  for (uint32_t i = 0; i < name_list.Length(); ++i) {
    const Napi::Value tensor = tensor_list.Get(i);
    operands.push_back(
        {name_list.Get(i).ToString(), tensor.IsUndefined() ? TensorView{} : NativeTensor::ViewOf(tensor)});
  }
  return operands;
}

RunJob::RunJob(std::shared_ptr<SessionCore> session, std::vector<Operand> inputs, std::vector<Operand> outputs,
               bool keep_on_device)
    : session_(std::move(session)),
      inputs_(std::move(inputs)),
      outputs_(std::move(outputs)),
      keep_on_device_(keep_on_device) {
  for (const auto& input : inputs_) input_values_.push_back(input.view.MakeValue());
  for (const auto& output : outputs_) {
    allocated_.push_back(!output.view.storage);
    output_values_.push_back(output.view.storage ? output.view.MakeValue() : Ort::Value(nullptr));
  }
}

void RunJob::Execute() {
  try {
    if (session_->provider != "webgpu" && session_->shrink_next.exchange(false)) {
      const std::string device =
          session_->on_cpu() ? "cpu:0" : "gpu:" + session_->device.substr(session_->device.find(':') + 1);
      options_.AddConfigEntry("memory.enable_memory_arena_shrinkage", device.c_str());
    }
    // Outputs that stay on a device need a binding; everything else goes the short way.
    if (keep_on_device_ && !session_->on_cpu()) {
      ExecuteBound();
    } else {
      ExecuteDirect();
    }
  } catch (const Ort::Exception& error) {
    throw TranslateOrt(error, kRunFailed, "the run failed");
  }
}

void RunJob::ExecuteDirect() {
  const auto input_names = NamesOf(inputs_);
  const auto output_names = NamesOf(outputs_);
  session_->session.Run(options_, input_names.data(), input_values_.data(), input_values_.size(), output_names.data(),
                        output_values_.data(), output_values_.size());
  for (size_t i = 0; i < outputs_.size(); ++i) {
    if (allocated_[i]) Adopt(i, std::move(output_values_[i]));
  }
}

void RunJob::ExecuteBound() {
  Ort::IoBinding binding(session_->session);
  for (size_t i = 0; i < inputs_.size(); ++i) binding.BindInput(inputs_[i].name.c_str(), input_values_[i]);
  for (size_t i = 0; i < outputs_.size(); ++i) {
    if (allocated_[i]) {
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
    if (allocated_[i]) Adopt(i, std::move(values[i]));
  }
}

void RunJob::Adopt(size_t index, Ort::Value value) {
  TensorView& view = outputs_[index].view;
  const auto info = value.GetTensorTypeAndShapeInfo();
  view.dtype = FindDtype(info.GetElementType());
  if (!view.dtype)
    throw Fault("ERR_TENSOR_DTYPE",
                "the output \"" + outputs_[index].name + "\" has a dtype that the engine does not know");
  view.dims = info.GetShape();
  view.offset_bytes = 0;
  view.storage = AdoptValue(std::move(value), session_);
  view.bytes = view.storage->bytes;
  output_values_[index] = Ort::Value(nullptr);
}

void RunJob::Terminate() { options_.SetTerminate(); }

Napi::Value RunJob::Result(Napi::Env env) {
  Napi::Array tensors = Napi::Array::New(env, outputs_.size());
  for (uint32_t i = 0; i < outputs_.size(); ++i) {
    if (allocated_[i]) tensors.Set(i, NativeTensor::Wrap(env, std::move(outputs_[i].view)));
  }
  return tensors;
}

CopyJob::CopyJob(TensorView source, TensorView target, std::shared_ptr<Runtime> runtime)
    : source_(std::move(source)), target_(std::move(target)), runtime_(std::move(runtime)) {
  if (source_.storage->on_host() && target_.storage->on_host()) {
    source_bytes_ = static_cast<const char*>(source_.storage->Address()) + source_.offset_bytes;
    target_bytes_ = static_cast<char*>(target_.storage->Address()) + target_.offset_bytes;
  } else {
    source_value_ = source_.MakeValue();
    target_value_ = target_.MakeValue();
  }
}

void CopyJob::Execute() {
  if (source_.bytes == 0) return;
  if (source_bytes_) {
    std::memmove(target_bytes_, source_bytes_, source_.bytes);
    return;
  }
  const Ort::Status status = runtime_->env().CopyTensor(source_value_, target_value_, nullptr);
  if (status.IsOK()) return;
  throw TranslateOrt(
      Ort::Exception(status.GetErrorMessage(), status.GetErrorCode()), kRunFailed,
      "copying a tensor from " + source_.storage->device() + " to " + target_.storage->device() + " failed");
}

}  // namespace cobra
