// Tensors as JS sees them.
#include "runtime/tensor.h"

#include <cstring>
#include <limits>

#include "runtime/run.h"
#include "runtime/session.h"

namespace cobra {

namespace {

constexpr Dtype kDtypes[] = {
    {"float32", ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, napi_float32_array, 4},
    {"float16", ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16, napi_uint16_array, 2},
    {"int64", ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, napi_bigint64_array, 8},
    {"int32", ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32, napi_int32_array, 4},
    {"uint8", ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8, napi_uint8_array, 1},
    {"bool", ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL, napi_uint8_array, 1},
};

const Dtype& ReadDtype(const Napi::Value& value) {
  const std::string name = value.ToString();
  const Dtype* dtype = FindDtype(name);
  if (!dtype) throw Fault("ERR_TENSOR_DTYPE", "\"" + name + "\" is no dtype of the engine");
  return *dtype;
}

}  // namespace

const Dtype* FindDtype(const std::string& name) {
  for (const Dtype& dtype : kDtypes) {
    if (name == dtype.name) return &dtype;
  }
  return nullptr;
}

const Dtype* FindDtype(ONNXTensorElementDataType type) {
  for (const Dtype& dtype : kDtypes) {
    if (type == dtype.type) return &dtype;
  }
  return nullptr;
}

size_t ElementCount(const std::vector<int64_t>& dims) {
  size_t count = 1;
  for (int64_t dim : dims) {
    if (dim < 0) throw Fault("ERR_TENSOR_DIMS", "a dim is " + std::to_string(dim) + ", but dims are 0 or more");
    if (__builtin_mul_overflow(count, static_cast<size_t>(dim), &count) || count > (size_t{1} << 53)) {
      throw Fault("ERR_TENSOR_DIMS", "the dims describe more than 2^53 elements");
    }
  }
  return count;
}

std::vector<int64_t> ReadDims(const Napi::Value& value) {
  const auto array = value.As<Napi::Array>();
  std::vector<int64_t> dims(array.Length());
  for (uint32_t i = 0; i < dims.size(); ++i) dims[i] = array.Get(i).As<Napi::Number>().Int64Value();
  return dims;
}

Ort::Value TensorView::MakeValue() const {
  auto* start = static_cast<char*>(storage->Address()) + offset_bytes;
  return Ort::Value::CreateTensor(storage->place(), start, bytes, dims.data(), dims.size(), dtype->type);
}

Napi::Function NativeTensor::Define(Napi::Env env) {
  return DefineClass(
      env, "NativeTensor",
      {InstanceMethod<&NativeTensor::Data>("data"), InstanceMethod<&NativeTensor::View>("view"),
       InstanceMethod<&NativeTensor::Describe>("describe"), InstanceMethod<&NativeTensor::Dispose>("dispose")});
}

Napi::Object NativeTensor::Wrap(Napi::Env env, TensorView view) {
  return NodeEnvironment::Of(env).tensor_class.New({Napi::External<TensorView>::New(env, &view)});
}

NativeTensor::NativeTensor(const Napi::CallbackInfo& info) : ObjectWrap(info), env_(info.Env()) {
  if (info.Length() != 1 || !info[0].IsExternal())
    throw Napi::TypeError::New(env_, "tensors are made by the addon only");
  view_ = std::make_unique<TensorView>(std::move(*info[0].As<Napi::External<TensorView>>().Data()));
  view_->storage->Hold(env_);
  ++cobra::Live().tensors;
}

NativeTensor::~NativeTensor() { Drop(false); }

void NativeTensor::Drop(bool disposed) {
  if (!view_) return;
  view_->storage->Release(env_, disposed);
  view_.reset();
  --cobra::Live().tensors;
}

const TensorView& NativeTensor::Live() const {
  if (!view_) throw Fault("ERR_DISPOSED", "the tensor was disposed");
  return *view_;
}

const TensorView& NativeTensor::ViewOf(const Napi::Value& value) {
  if (!value.IsObject() ||
      !value.As<Napi::Object>().InstanceOf(NodeEnvironment::Of(value.Env()).tensor_class.Value())) {
    throw Fault("ERR_ARGUMENT", "a tensor is needed");
  }
  return Unwrap(value.As<Napi::Object>())->Live();
}

Napi::Value NativeTensor::Data(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    const TensorView& view = Live();
    if (!view.storage->on_host())
      throw Fault("ERR_TENSOR_DEVICE",
                  "the tensor's memory is on " + view.storage->device() + "; copy it with toHost() first");
    napi_value array;
    const napi_status status = napi_create_typedarray(info.Env(), view.dtype->array, view.bytes / view.dtype->bytes,
                                                      view.storage->Buffer(info.Env()), view.offset_bytes, &array);
    if (status != napi_ok) throw Napi::Error::New(info.Env());
    return Napi::Value(info.Env(), array);
  });
}

Napi::Value NativeTensor::View(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    const TensorView& whole = Live();
    TensorView part{whole.dtype, ReadDims(info[1]), 0, 0, whole.storage};
    const size_t offset = static_cast<size_t>(info[0].As<Napi::Number>().Int64Value()) * whole.dtype->bytes;
    part.bytes = ElementCount(part.dims) * whole.dtype->bytes;
    if (offset > whole.bytes || part.bytes > whole.bytes - offset)
      throw Fault("ERR_TENSOR_DIMS", "the view reaches outside its tensor");
    part.offset_bytes = whole.offset_bytes + offset;
    if (part.offset_bytes != 0 && whole.storage->device().rfind("webgpu", 0) == 0) {
      throw Fault("ERR_TENSOR_DEVICE",
                  "a view into WebGPU memory must begin at element 0: its buffers have no addresses; copy the part "
                  "with copyTo()");
    }
    return Wrap(info.Env(), std::move(part));
  });
}

Napi::Value NativeTensor::Describe(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    const TensorView& view = Live();
    Napi::Object result = Napi::Object::New(info.Env());
    Napi::Array dims = Napi::Array::New(info.Env(), view.dims.size());
    for (uint32_t i = 0; i < view.dims.size(); ++i) dims.Set(i, static_cast<double>(view.dims[i]));
    result.Set("dtype", view.dtype->name);
    result.Set("dims", dims);
    result.Set("device", view.storage->device());
    return result;
  });
}

Napi::Value NativeTensor::Dispose(const Napi::CallbackInfo& info) {
  Drop(true);
  return info.Env().Undefined();
}

namespace {

// (dtype, array, dims) -> tensor over the array's memory
Napi::Value TensorFromHost(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    const Dtype& dtype = ReadDtype(info[0]);
    const auto array = info[1].As<Napi::TypedArray>();
    napi_typedarray_type type;
    napi_get_typedarray_info(info.Env(), array, &type, nullptr, nullptr, nullptr, nullptr);
    if (type != dtype.array)
      throw Fault("ERR_TENSOR_DTYPE", std::string("the array does not fit the dtype ") + dtype.name);
    TensorView view{&dtype, ReadDims(info[2]), 0, array.ByteLength(), WrapJsMemory(array)};
    if (ElementCount(view.dims) * dtype.bytes != view.bytes)
      throw Fault("ERR_TENSOR_DIMS", "the dims do not fit the array");
    return NativeTensor::Wrap(info.Env(), std::move(view));
  });
}

// (dtype, dims, session) -> tensor in the session's memory; zeros on the host, anything on a device
Napi::Value TensorInSession(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    const Dtype& dtype = ReadDtype(info[0]);
    TensorView view{&dtype, ReadDims(info[1]), 0, 0, nullptr};
    view.bytes = ElementCount(view.dims) * dtype.bytes;
    const auto& core = NativeSession::CoreOf(info[2]);
    core->OnDevice([&] {
      Ort::Value value = Ort::Value::CreateTensor(*core->allocator, view.dims.data(), view.dims.size(), dtype.type);
      view.storage = AdoptValue(std::move(value), core);
    });
    if (view.storage->on_host()) std::memset(view.storage->Address(), 0, view.bytes);
    return NativeTensor::Wrap(info.Env(), std::move(view));
  });
}

// (source, target, settle) -> job id
Napi::Value CopyTensor(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    NodeEnvironment& environment = NodeEnvironment::Of(info.Env());
    const TensorView& source = NativeTensor::ViewOf(info[0]);
    const TensorView& target = NativeTensor::ViewOf(info[1]);
    if (source.bytes != target.bytes) throw Fault("ERR_TENSOR_DIMS", "the tensors differ in size");
    const bool host = source.storage->on_host() && target.storage->on_host();
    const auto& device = source.storage->on_host() ? target : source;
    auto executor = host ? environment.ExecutorFor("cpu") : device.storage->session()->executor;
    auto job = std::make_unique<CopyJob>(source, target, host ? nullptr : environment.runtime());
    const uint64_t id = environment.Submit(*executor, std::move(job), info[2].As<Napi::Function>());
    return Napi::Number::New(info.Env(), static_cast<double>(id));
  });
}

}  // namespace

void RegisterTensor(Napi::Env env, Napi::Object exports) {
  NodeEnvironment::Of(env).tensor_class = Napi::Persistent(NativeTensor::Define(env));
  exports.Set("tensorFromHost", Napi::Function::New(env, TensorFromHost, "tensorFromHost"));
  exports.Set("copyTensor", Napi::Function::New(env, CopyTensor, "copyTensor"));
  exports.Set("tensorInSession", Napi::Function::New(env, TensorInSession, "tensorInSession"));
}

}  // namespace cobra
