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

void CountInput(Device& device, const TensorView& view) {
  if (view.storage->on_host()) device.bytes_to_device += view.bytes;
}

void CountOutput(Device& device, const TensorView& view) {
  if (view.storage->on_host()) device.bytes_from_device += view.bytes;
}

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
    const std::string arena = session_->device.arena_name();
    if (!arena.empty() && session_->shrink_next.exchange(false)) {
      control_.options().AddConfigEntry("memory.enable_memory_arena_shrinkage", arena.c_str());
    }
    // Outputs that stay on a device need a binding; all other runs do without.
    if (settings_.keep_on_device && !session_->on_host()) {
      ExecuteBound();
    } else {
      ExecuteDirect();
    }
  } catch (const Ort::Exception& error) {
    throw TranslateOrt(error, kRunFailed, "the run failed");
  }
  CountMoved();
  if (settings_.finite) RequireFinite();
}

void RunJob::CountMoved() const {
  if (session_->on_host()) return;
  for (const Input& input : inputs_) CountInput(session_->device, input.memory.view());
  for (const Output& output : outputs_)
    CountOutput(session_->device, output.memory ? output.memory->view() : output.view);
}

void RunJob::ExecuteDirect() {
  const auto input_names = NamesOf(inputs_);
  const auto output_names = NamesOf(outputs_);
  session_->Run(control_, input_names, input_values_, output_names, output_values_);
  for (size_t i = 0; i < outputs_.size(); ++i) {
    if (!outputs_[i].memory) Adopt(outputs_[i], std::move(output_values_[i]));
  }
}

void RunJob::ExecuteBound() {
  Ort::IoBinding binding(session_->session);
  for (size_t i = 0; i < inputs_.size(); ++i) binding.BindInput(inputs_[i].name.c_str(), input_values_[i]);
  for (size_t i = 0; i < outputs_.size(); ++i) {
    if (!outputs_[i].memory) {
      binding.BindOutput(outputs_[i].name.c_str(), session_->device.place());
    } else {
      binding.BindOutput(outputs_[i].name.c_str(), output_values_[i]);
    }
  }
  binding.SynchronizeInputs();
  session_->session.Run(control_.options(), binding);
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

void RequireFinite(const std::string& name, const TensorView& view, const void* values) {
  const size_t count = view.bytes / view.dtype->bytes;
  const bool finite = view.dtype->type == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT     ? AllFinite32(values, count)
                      : view.dtype->type == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16 ? AllFinite16(values, count)
                                                                                  : true;
  if (finite) return;
  throw Fault("ERR_MODEL_OUTPUT", "the output \"" + name +
                                      "\" holds values that are not finite (NaN or infinity): the weights or the "
                                      "input are damaged, or the precision is too low for this model");
}

void RunJob::RequireFinite() const {
  for (const Output& output : outputs_) {
    const TensorView& view = output.memory ? output.memory->view() : output.view;
    if (!view.storage->on_host()) continue;
    const void* values =
        output.memory ? output.memory->bytes() : static_cast<char*>(view.storage->Address()) + view.offset_bytes;
    cobra::RequireFinite(output.name, view, values);
  }
}

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

namespace {

// Makes values only where a device asks for them.
CopySide SideOf(const JobMemory& memory, Ort::Value* value) {
  return {memory.bytes(), memory.view().storage->on_host(), value && *value ? value : nullptr};
}

void CountCopy(Device& device, const TensorView& from, const TensorView& to) {
  if (from.storage->on_host() == to.storage->on_host()) return;
  (from.storage->on_host() ? device.bytes_to_device : device.bytes_from_device) += from.bytes;
}

void CopyNow(Device& device, const JobMemory& from, const JobMemory& to) {
  Ort::Value source{nullptr};
  Ort::Value target{nullptr};
  if (!device.addressable()) {
    source = from.MakeValue();
    target = to.MakeValue();
  }
  try {
    device.Copy(SideOf(from, &source), SideOf(to, &target), from.view().bytes);
    device.WaitForCopies();
    CountCopy(device, from.view(), to.view());
  } catch (const Ort::Exception& error) {
    throw TranslateOrt(error, kRunFailed,
                       "copying a tensor from " + from.view().storage->device().name + " to " +
                           to.view().storage->device().name + " failed");
  }
}

}  // namespace

CopyJob::CopyJob(const TensorView& source, const TensorView& target)
    : source_(source, JobMemory::Use::kRead), target_(target, JobMemory::Use::kWrite) {}

Device& CopyJob::DeviceOf(const TensorView& source, const TensorView& target) {
  return (source.storage->on_host() ? target : source).storage->device();
}

void CopyJob::Execute() {
  if (source_.view().bytes == 0) return;
  CopyNow(DeviceOf(source_.view(), target_.view()), source_, target_);
}

Napi::Value CopyJob::Result(Napi::Env env) {
  target_.Return();
  return env.Undefined();
}

namespace {

// A tensor like another one, in a leased slice of the device's slabs. On a thread of the device.
TensorView InSlab(Device& device, const TensorView& like) {
  return {like.dtype, like.dims, 0, like.bytes, WrapLease(device, device.slabs().Lease(like.bytes), like.bytes)};
}

}  // namespace

UploadJob::UploadJob(const TensorView& source, bool in_slab, Device& device, std::shared_ptr<SessionCore> session,
                     std::shared_ptr<Executor> executor)
    : source_(source, JobMemory::Use::kRead),
      in_slab_(in_slab),
      target_(source, device, std::move(session), std::move(executor)) {}

void UploadJob::Execute() {
  target_.Execute();
  if (source_.view().bytes == 0) return;
  Device& device = target_.device();
  const JobMemory target(target_.view(), JobMemory::Use::kWrite);
  if (in_slab_) {
    CopyNow(device, source_, target);
    return;
  }
  // The slabs had no room for it; from here they may grow, and have it the next time.
  const TensorView slice = InSlab(device, source_.view());
  const JobMemory staged(slice, JobMemory::Use::kRead);
  std::memcpy(staged.bytes(), source_.bytes(), slice.bytes);
  CopyNow(device, staged, target);
}

Napi::Value UploadJob::Result(Napi::Env env) { return target_.Result(env); }

DownloadJob::DownloadJob(const TensorView& source, std::string name, bool finite)
    : source_(source, JobMemory::Use::kRead), name_(std::move(name)), finite_(finite) {}

void DownloadJob::Execute() {
  Device& device = source_.view().storage->device();
  slice_ = InSlab(device, source_.view());
  if (slice_.bytes == 0) return;
  const JobMemory target(slice_, JobMemory::Use::kWrite);
  CopyNow(device, source_, target);
  if (finite_) RequireFinite(name_, slice_, target.bytes());
}

Napi::Value DownloadJob::Result(Napi::Env env) { return NativeTensor::Wrap(env, std::move(slice_)); }

AllocateJob::AllocateJob(const TensorView& like, Device& device, std::shared_ptr<SessionCore> session,
                         std::shared_ptr<Executor> executor)
    : view_{like.dtype, like.dims, 0, like.bytes, nullptr},
      device_(device),
      session_(std::move(session)),
      executor_(std::move(executor)) {}

void AllocateJob::Execute() {
  if (device_.addressable()) {
    view_.storage = AllocateOn(device_, executor_, view_.bytes);
    return;
  }
  if (!session_) throw Fault("ERR_TENSOR_DEVICE", "memory on " + device_.name + " is allocated with a session");
  view_.storage = AdoptValue(
      Ort::Value::CreateTensor(*session_->allocator, view_.dims.data(), view_.dims.size(), view_.dtype->type),
      session_);
}

Napi::Value AllocateJob::Result(Napi::Env env) { return NativeTensor::Wrap(env, std::move(view_)); }

}  // namespace cobra
