// Tensors as JS sees them.
#include "runtime/tensor.h"

#include <algorithm>
#include <cstring>
#include <new>

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
    {"float64", ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE, napi_float64_array, 8},
};

constexpr std::align_val_t kAlignment{64};

// What every tensor of the addon is marked with: a prototype can be set on anything.
constexpr napi_type_tag kTensorTag = {0x6c1d3f0a52e84b7bULL, 0x9a40c1b2d7e65f31ULL};

const Dtype& ReadDtype(const Napi::Value& value) {
  const std::string name = ReadText(value, "a dtype", "ERR_TENSOR_DTYPE");
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
  if (!value.IsArray()) throw Fault("ERR_ARGUMENT", "dims must be an array");
  const auto array = value.As<Napi::Array>();
  std::vector<int64_t> dims(array.Length());
  for (uint32_t i = 0; i < dims.size(); ++i) dims[i] = ReadWhole(array.Get(i), "a dim");
  return dims;
}

JobMemory::JobMemory(const TensorView& view, Use use) : view_(view) {
  auto* const own = static_cast<char*>(view.storage->Address()) + view.offset_bytes;
  if (view.storage->owned()) {
    address_ = own;
    return;
  }
  copy_.reset(static_cast<char*>(::operator new(std::max<size_t>(view.bytes, 1), kAlignment)));
  address_ = copy_.get();
  if (use == Use::kRead) std::memcpy(address_, own, view.bytes);
}

void JobMemory::Free::operator()(char* memory) const { ::operator delete(memory, kAlignment); }

Ort::Value JobMemory::MakeValue() const {
  return Ort::Value::CreateTensor(view_.storage->place(), address_, view_.bytes, view_.dims.data(), view_.dims.size(),
                                  view_.dtype->type);
}

void JobMemory::Return() const {
  if (!copied() || view_.bytes == 0) return;
  std::memcpy(static_cast<char*>(view_.storage->Address()) + view_.offset_bytes, address_, view_.bytes);
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
  info.This().As<Napi::Object>().TypeTag(&kTensorTag);
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
  if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&kTensorTag)) {
    throw Fault("ERR_ARGUMENT", "a tensor is needed");
  }
  return Unwrap(value.As<Napi::Object>())->Live();
}

Napi::Value NativeTensor::Data(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    const TensorView& view = Live();
    if (!view.storage->on_host())
      throw Fault("ERR_TENSOR_DEVICE",
                  "the tensor's memory is on " + view.storage->device().name + "; copy it with toHost() first");
    napi_value array;
    const napi_status status = napi_create_typedarray(info.Env(), view.dtype->array, view.bytes / view.dtype->bytes,
                                                      view.storage->Buffer(info.Env()),
                                                      view.storage->buffer_offset() + view.offset_bytes, &array);
    if (status != napi_ok) throw Napi::Error::New(info.Env());
    return Napi::Value(info.Env(), array);
  });
}

Napi::Value NativeTensor::View(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    const TensorView whole = Live();  // reading dims runs JS if they are no plain array
    const int64_t first = ReadWhole(info[0], "the offset of a view");
    TensorView part{whole.dtype, ReadDims(info[1]), 0, 0, whole.storage};
    const auto length = static_cast<int64_t>(whole.bytes / whole.dtype->bytes);
    const auto count = static_cast<int64_t>(ElementCount(part.dims));
    if (first < 0 || first > length || count > length - first) {
      throw Fault("ERR_TENSOR_DIMS", "the view reaches outside its tensor");
    }
    part.bytes = static_cast<size_t>(count) * whole.dtype->bytes;
    const size_t offset = static_cast<size_t>(first) * whole.dtype->bytes;
    part.offset_bytes = whole.offset_bytes + offset;
    if (part.offset_bytes != 0 && !whole.storage->device().addressable()) {
      throw Fault("ERR_TENSOR_DEVICE", "a view into memory of " + whole.storage->device().name +
                                           " must begin at element 0: it has no addresses; copy the part "
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
    result.Set("device", view.storage->device().name);
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
    std::vector<int64_t> dims = ReadDims(info[2]);
    if (!info[1].IsTypedArray() || info[1].As<Napi::TypedArray>().TypedArrayType() != dtype.array) {
      throw Fault("ERR_TENSOR_DTYPE", std::string("the array does not fit the dtype ") + dtype.name);
    }
    const auto array = info[1].As<Napi::TypedArray>();
    TensorView view{&dtype, std::move(dims), 0, array.ByteLength(), WrapJsMemory(array)};
    if (ElementCount(view.dims) * dtype.bytes != view.bytes)
      throw Fault("ERR_TENSOR_DIMS", "the dims do not fit the array");
    return NativeTensor::Wrap(info.Env(), std::move(view));
  });
}

// (dtype, dims) -> tensor of zeros on the heap
Napi::Value TensorOnHost(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    const Dtype& dtype = ReadDtype(info[0]);
    TensorView view{&dtype, ReadDims(info[1]), 0, 0, nullptr};
    view.bytes = ElementCount(view.dims) * dtype.bytes;
    view.storage = AllocateHost(view.bytes);
    return NativeTensor::Wrap(info.Env(), std::move(view));
  });
}

// The device that a session or the name of a device stands for.
struct Place {
  Device& device;
  std::shared_ptr<SessionCore> session;  // null for a name
};
Place ReadPlace(const Napi::Value& value) {
  if (value.IsString()) return {Device::Of(ReadDeviceId(value.As<Napi::String>())), nullptr};
  const auto session = NativeSession::CoreOf(value);
  return {session->device, session};
}

// (dtype, dims, session | device, settle) -> job id; zeros on the host, anything elsewhere
Napi::Value TensorOnDevice(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    NodeEnvironment& environment = NodeEnvironment::Of(info.Env());
    const Dtype& dtype = ReadDtype(info[0]);
    TensorView view{&dtype, ReadDims(info[1]), 0, 0, nullptr};
    view.bytes = ElementCount(view.dims) * dtype.bytes;
    Place place = ReadPlace(info[2]);
    auto executor = environment.ExecutorFor(place.device);
    auto job = std::make_unique<AllocateJob>(view, place.device, std::move(place.session), executor);
    return Napi::Number::New(info.Env(), static_cast<double>(environment.Submit(*executor, std::move(job), info[3])));
  });
}

// (dtype, array, dims, session | device) -> tensor on the host with the array's contents, in a leased slice of the
// device's slabs where one has room
Napi::Value TensorInSlab(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    const Dtype& dtype = ReadDtype(info[0]);
    TensorView view{&dtype, ReadDims(info[2]), 0, 0, nullptr};
    view.bytes = ElementCount(view.dims) * dtype.bytes;
    Device& device = ReadPlace(info[3]).device;
    if (!info[1].IsTypedArray() || info[1].As<Napi::TypedArray>().TypedArrayType() != dtype.array ||
        info[1].As<Napi::TypedArray>().ByteLength() != view.bytes) {
      throw Fault("ERR_TENSOR_DIMS", "the array does not fit the dtype and the dims");
    }
    // A CPU device has no driver that could take its time.
    auto lease = device.on_host() ? device.slabs().Lease(view.bytes) : device.slabs().TryLease(view.bytes);
    view.storage = lease ? WrapLease(device, std::move(lease), view.bytes) : AllocateHost(view.bytes);
    const auto array = info[1].As<Napi::TypedArray>();
    const auto* bytes = static_cast<const char*>(array.ArrayBuffer().Data()) + array.ByteOffset();
    if (view.bytes > 0) std::memcpy(view.storage->Address(), bytes, view.bytes);
    return NativeTensor::Wrap(info.Env(), std::move(view));
  });
}

// (source, session | device, settle) -> job id; the tensor comes when its contents are there
Napi::Value UploadTensor(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    NodeEnvironment& environment = NodeEnvironment::Of(info.Env());
    const TensorView& source = NativeTensor::ViewOf(info[0]);
    if (!source.storage->on_host()) throw Fault("ERR_TENSOR_DEVICE", "what is uploaded must be on the host");
    Place place = ReadPlace(info[1]);
    auto job = std::make_unique<UploadJob>(source, source.storage->in_slab_of(place.device), place.device,
                                           std::move(place.session), environment.ExecutorFor(place.device));
    auto executor = environment.CopyExecutorFor(place.device);
    return Napi::Number::New(info.Env(), static_cast<double>(environment.Submit(*executor, std::move(job), info[2])));
  });
}

// (source, name, finite, settle) -> job id
Napi::Value DownloadTensor(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    NodeEnvironment& environment = NodeEnvironment::Of(info.Env());
    const TensorView& source = NativeTensor::ViewOf(info[0]);
    auto executor = environment.CopyExecutorFor(source.storage->device());
    auto job = std::make_unique<DownloadJob>(source, ReadText(info[1], "a name"), info[2].ToBoolean());
    return Napi::Number::New(info.Env(), static_cast<double>(environment.Submit(*executor, std::move(job), info[3])));
  });
}

// (source, target, settle) -> job id
Napi::Value CopyTensor(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    NodeEnvironment& environment = NodeEnvironment::Of(info.Env());
    const TensorView& source = NativeTensor::ViewOf(info[0]);
    const TensorView& target = NativeTensor::ViewOf(info[1]);
    if (source.bytes != target.bytes) throw Fault("ERR_TENSOR_DIMS", "the tensors differ in size");
    auto executor = environment.ExecutorFor(CopyJob::DeviceOf(source, target));
    auto job = std::make_unique<CopyJob>(source, target);
    const uint64_t id = environment.Submit(*executor, std::move(job), info[2]);
    return Napi::Number::New(info.Env(), static_cast<double>(id));
  });
}

}  // namespace

void RegisterTensor(Napi::Env env, Napi::Object exports) {
  NodeEnvironment::Of(env).tensor_class = Napi::Persistent(NativeTensor::Define(env));
  exports.Set("tensorFromHost", Napi::Function::New(env, TensorFromHost, "tensorFromHost"));
  exports.Set("tensorOnHost", Napi::Function::New(env, TensorOnHost, "tensorOnHost"));
  exports.Set("copyTensor", Napi::Function::New(env, CopyTensor, "copyTensor"));
  exports.Set("tensorInSlab", Napi::Function::New(env, TensorInSlab, "tensorInSlab"));
  exports.Set("uploadTensor", Napi::Function::New(env, UploadTensor, "uploadTensor"));
  exports.Set("downloadTensor", Napi::Function::New(env, DownloadTensor, "downloadTensor"));
  exports.Set("tensorOnDevice", Napi::Function::New(env, TensorOnDevice, "tensorOnDevice"));
}

}  // namespace cobra
