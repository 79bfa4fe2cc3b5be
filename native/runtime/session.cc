// Loading sessions and the session object of JS.
#include "runtime/session.h"

#include <chrono>
#include <cstring>

#include "runtime/run.h"

namespace cobra {

namespace {

// What every session of the addon is marked with: a prototype can be set on anything.
constexpr napi_type_tag kSessionTag = {0x2f7be1c4d0934a68ULL, 0xb35d8e0f16a2c497ULL};

ValueDescription Describe(const std::string& name, const Ort::TypeInfo& type) {
  if (type.GetONNXType() != ONNX_TYPE_TENSOR)
    throw Fault("ERR_TENSOR_DTYPE", "the model's \"" + name + "\" is no tensor");
  const auto info = type.GetTensorTypeAndShapeInfo();
  const Dtype* dtype = FindDtype(info.GetElementType());
  if (!dtype) {
    throw Fault("ERR_TENSOR_DTYPE", "the model's \"" + name + "\" has the ONNX element type " +
                                        std::to_string(info.GetElementType()) +
                                        "; supported are float32, float16, float64, int64, int32, uint8, bool");
  }
  ValueDescription value{name, dtype, info.GetShape(), {}};
  for (const char* dim : info.GetSymbolicDimensions()) value.dim_names.emplace_back(dim);
  return value;
}

void DescribeModel(SessionCore& core) {
  Ort::AllocatorWithDefaultOptions allocator;
  for (size_t i = 0; i < core.session.GetInputCount(); ++i) {
    core.inputs.push_back(
        Describe(core.session.GetInputNameAllocated(i, allocator).get(), core.session.GetInputTypeInfo(i)));
  }
  for (size_t i = 0; i < core.session.GetOutputCount(); ++i) {
    core.outputs.push_back(
        Describe(core.session.GetOutputNameAllocated(i, allocator).get(), core.session.GetOutputTypeInfo(i)));
  }
}

std::shared_ptr<SessionCore> LoadOn(const SessionConfig& config, const std::string& path, const void* bytes,
                                    size_t byte_length, std::shared_ptr<Runtime> runtime,
                                    std::shared_ptr<Executor> executor, LoadControl& control) {
  if (Device::Of(config.Device()).is_limited()) runtime->RegisterCountingAllocator();
  Ort::SessionOptions options = BuildOptions(config, *runtime);
  const std::string what = path.empty() ? "the model in memory" : "the model " + path;
  // On the device's thread, whoever lets go of it last: freeing a model and ending its thread pool takes its time.
  auto destroy = [executor](SessionCore* gone) { executor->Post([gone] { delete gone; }); };
  std::shared_ptr<SessionCore> core(new SessionCore(Device::Of(config.Device())), destroy);
  core->runtime = std::move(runtime);
  core->executor = std::move(executor);
  core->provider = NameOf(config.provider);
  try {
    const LoadControl::Scope scope(control, options);
    core->session = path.empty() ? Ort::Session(core->runtime->env(), bytes, byte_length, options)
                                 : Ort::Session(core->runtime->env(), path.c_str(), options);
    DescribeModel(*core);
    core->allocator = std::make_unique<Ort::Allocator>(core->session, core->device.place());
    StopThreadsBeforeLibraryExits();
  } catch (const Ort::Exception& error) {
    if (const auto reason = WhyProviderFails(config, *core->runtime)) {
      throw ProviderUnavailable(config, *core->runtime, *reason);
    }
    throw TranslateOrt(error, "ERR_SESSION_CREATE", what);
  }
  return core;
}

class LoadJob final : public Job {
 public:
  LoadJob(SessionConfig config, std::string path, const Napi::Value& bytes, std::shared_ptr<Runtime> runtime,
          std::shared_ptr<Executor> executor, std::shared_ptr<Executor> cpu_executor)
      : config_(std::move(config)),
        path_(std::move(path)),
        runtime_(std::move(runtime)),
        executor_(std::move(executor)),
        cpu_executor_(std::move(cpu_executor)) {
    if (!bytes.IsTypedArray()) return;
    // A copy: JS could transfer or resize the array's memory while the model is loaded.
    const auto array = bytes.As<Napi::Uint8Array>();
    bytes_.assign(array.Data(), array.Data() + array.ByteLength());
  }
  void Execute() override {
    core_ =
        SessionCore::Load(config_, path_, bytes_.data(), bytes_.size(), runtime_, executor_, cpu_executor_, control_);
    bytes_ = {};
  }
  void Terminate() override { control_.Cancel(); }
  Napi::Value Result(Napi::Env env) override { return NativeSession::Wrap(env, std::move(core_)); }

 private:
  const SessionConfig config_;
  const std::string path_;
  const std::shared_ptr<Runtime> runtime_;
  const std::shared_ptr<Executor> executor_;
  const std::shared_ptr<Executor> cpu_executor_;
  std::vector<uint8_t> bytes_;
  LoadControl control_;
  std::shared_ptr<SessionCore> core_;
};

Napi::Array ToJs(Napi::Env env, const std::vector<ValueDescription>& list) {
  Napi::Array result = Napi::Array::New(env, list.size());
  for (uint32_t i = 0; i < list.size(); ++i) {
    Napi::Object value = Napi::Object::New(env);
    Napi::Array dims = Napi::Array::New(env, list[i].dims.size());
    for (uint32_t d = 0; d < list[i].dims.size(); ++d) {
      if (list[i].dims[d] >= 0) {
        dims.Set(d, static_cast<double>(list[i].dims[d]));
      } else {
        dims.Set(d, list[i].dim_names[d]);
      }
    }
    value.Set("name", list[i].name);
    value.Set("dtype", list[i].dtype->name);
    value.Set("dims", dims);
    result.Set(i, value);
  }
  return result;
}

}  // namespace

LoadControl::Scope::Scope(LoadControl& control, Ort::SessionOptions& options) : control_(control) {
  std::lock_guard lock(control_.mutex_);
  control_.options_ = &options;
  if (control_.cancelled_) options.SetLoadCancellationFlag(true);
}

LoadControl::Scope::~Scope() {
  std::lock_guard lock(control_.mutex_);
  control_.options_ = nullptr;
}

void LoadControl::Cancel() {
  std::lock_guard lock(mutex_);
  cancelled_ = true;
  if (options_) options_->SetLoadCancellationFlag(true);
}

std::shared_ptr<SessionCore> SessionCore::Load(const SessionConfig& config, const std::string& path, const void* bytes,
                                               size_t byte_length, std::shared_ptr<Runtime> runtime,
                                               std::shared_ptr<Executor> executor,
                                               std::shared_ptr<Executor> cpu_executor, LoadControl& control) {
  try {
    return LoadOn(config, path, bytes, byte_length, runtime, std::move(executor), control);
  } catch (const Fault& fault) {
    if (!config.fallback || fault.code != "ERR_PROVIDER_UNAVAILABLE") throw;
  }
  SessionConfig plain = config;
  plain.provider = Provider::kCpu;
  plain.device_id = 0;
  plain.provider_options.clear();
  return LoadOn(plain, path, bytes, byte_length, std::move(runtime), std::move(cpu_executor), control);
}

SessionCore::~SessionCore() {
  remembered_.clear();
  allocator.reset();
  session = Ort::Session(nullptr);
  --Live().sessions;
  if (--device.sessions == 0) device.slabs().Trim();
}

namespace {

// Of tensors, for telling runs apart.
std::string ShapesOf(const std::vector<Ort::Value>& values) {
  std::string shapes;
  for (const Ort::Value& value : values) {
    for (const int64_t dim : value.GetTensorTypeAndShapeInfo().GetShape()) shapes += std::to_string(dim) + ",";
    shapes += ";";
  }
  return shapes;
}

Ort::Value NewLike(Ort::Allocator& allocator, const Ort::Value& model) {
  const auto info = model.GetTensorTypeAndShapeInfo();
  const auto dims = info.GetShape();
  return Ort::Value::CreateTensor(allocator, dims.data(), dims.size(), info.GetElementType());
}

void CopyBytes(const Ort::Value& from, Ort::Value& to) {
  std::memcpy(to.GetTensorMutableRawData(), from.GetTensorRawData(), from.GetTensorSizeInBytes());
}

}  // namespace

void SessionCore::Run(RunControl& control, const std::vector<const char*>& input_names,
                      const std::vector<Ort::Value>& inputs, const std::vector<const char*>& output_names,
                      std::vector<Ort::Value>& outputs) {
  const auto compute = [&] {
    session.Run(control.options(), input_names.data(), inputs.data(), inputs.size(), output_names.data(),
                outputs.data(), outputs.size());
  };
  const auto begun = std::chrono::steady_clock::now();
  const auto wait_ms = device.BeginRun();
  if (!wait_ms) {
    compute();
    return;
  }
  std::string shapes = ShapesOf(inputs);
  for (const char* name : output_names) shapes += name;
  auto known = remembered_.find(shapes);
  if (known == remembered_.end()) {
    compute();
    std::vector<Ort::Value> copies;
    for (const Ort::Value& output : outputs) {
      CopyBytes(output, copies.emplace_back(NewLike(*allocator, output)));
    }
    remembered_.emplace(std::move(shapes), std::move(copies));
    return;
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Ort::Value& copy = known->second[i];
    if (!outputs[i]) outputs[i] = NewLike(*allocator, copy);
    CopyBytes(copy, outputs[i]);
  }
  // The copies count: the run takes as long as it is told to.
  const std::chrono::duration<double, std::milli> taken = std::chrono::steady_clock::now() - begun;
  control.Wait(*wait_ms - taken.count());
}

void RunControl::Terminate() {
  options_.SetTerminate();
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  end_.notify_all();
}

void RunControl::Wait(double ms) {
  std::unique_lock lock(mutex_);
  if (end_.wait_for(lock, std::chrono::duration<double, std::milli>(ms), [this] { return ended_; }))
    throw Ort::Exception("the run was terminated", ORT_FAIL);
}

const ValueDescription& SessionCore::Find(const std::vector<ValueDescription>& list, const std::string& name,
                                          const char* what) {
  for (const auto& value : list) {
    if (value.name == name) return value;
  }
  throw Fault("ERR_TENSOR_NAME", "the model has no " + std::string(what) + " \"" + name + "\"");
}

Napi::Function NativeSession::Define(Napi::Env env) {
  return DefineClass(env, "NativeSession",
                     {InstanceMethod<&NativeSession::Describe>("describe"), InstanceMethod<&NativeSession::Run>("run"),
                      InstanceMethod<&NativeSession::Stats>("stats"), InstanceMethod<&NativeSession::Shrink>("shrink"),
                      InstanceMethod<&NativeSession::Dispose>("dispose")});
}

Napi::Object NativeSession::Wrap(Napi::Env env, std::shared_ptr<SessionCore> core) {
  return NodeEnvironment::Of(env).session_class.New({Napi::External<std::shared_ptr<SessionCore>>::New(env, &core)});
}

NativeSession::NativeSession(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  if (info.Length() != 1 || !info[0].IsExternal())
    throw Napi::TypeError::New(info.Env(), "sessions are made by the addon only");
  info.This().As<Napi::Object>().TypeTag(&kSessionTag);
  core_ = std::move(*info[0].As<Napi::External<std::shared_ptr<SessionCore>>>().Data());
}

const std::shared_ptr<SessionCore>& NativeSession::Live() const {
  if (!core_) throw Fault("ERR_DISPOSED", "the session was disposed");
  return core_;
}

const std::shared_ptr<SessionCore>& NativeSession::CoreOf(const Napi::Value& value) {
  if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&kSessionTag)) {
    throw Fault("ERR_ARGUMENT", "a session is needed");
  }
  return Unwrap(value.As<Napi::Object>())->Live();
}

Napi::Value NativeSession::Describe(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    Napi::Object result = Napi::Object::New(info.Env());
    result.Set("provider", Live()->provider);
    result.Set("device", Live()->device.name);
    result.Set("inputs", ToJs(info.Env(), Live()->inputs));
    result.Set("outputs", ToJs(info.Env(), Live()->outputs));
    return result;
  });
}

// (inputNames, inputs, outputNames, outputs (undefined: allocate), keepOnDevice, finite, settle) -> job id
Napi::Value NativeSession::Run(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    const auto core = Live();
    auto inputs = ReadOperands(info[0], info[1], false);
    auto outputs = ReadOperands(info[2], info[3], true);
    const RunSettings settings{info[4].ToBoolean(), info[5].ToBoolean()};
    auto job = std::make_unique<RunJob>(core, std::move(inputs), std::move(outputs), settings);
    const uint64_t id = NodeEnvironment::Of(info.Env()).Submit(*core->executor, std::move(job), info[6]);
    return Napi::Number::New(info.Env(), static_cast<double>(id));
  });
}

Napi::Value NativeSession::Stats(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value { return AllocatorFigures(info.Env(), *Live()); });
}

Napi::Value NativeSession::Shrink(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    Live()->shrink_next = true;
    return info.Env().Undefined();
  });
}

Napi::Value NativeSession::Dispose(const Napi::CallbackInfo& info) {
  core_.reset();
  return info.Env().Undefined();
}

namespace {

// (path | bytes, options, settle) -> job id
Napi::Value CreateSession(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    NodeEnvironment& environment = NodeEnvironment::Of(info.Env());
    const bool in_memory =
        info[0].IsTypedArray() && info[0].As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array;
    if (!in_memory && !info[0].IsString()) throw Fault("ERR_ARGUMENT", "a model is a path or a Uint8Array");
    if (!info[1].IsObject()) throw Fault("ERR_ARGUMENT", "session options are an object");
    SessionConfig config = ReadConfig(info[1].As<Napi::Object>());
    const std::string path = info[0].IsString() ? info[0].As<Napi::String>().Utf8Value() : "";
    auto executor = environment.ExecutorFor(Device::Of(config.Device()));
    auto cpu_executor = config.fallback ? environment.ExecutorFor(Device::Of({DeviceKind::kCpu, 0})) : nullptr;
    auto job =
        std::make_unique<LoadJob>(std::move(config), path, info[0], environment.runtime(), executor, cpu_executor);
    const uint64_t id = environment.Submit(*executor, std::move(job), info[2]);
    return Napi::Number::New(info.Env(), static_cast<double>(id));
  });
}

// (options) -> what ONNX Runtime would be told
Napi::Value DescribeSessionOptions(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    if (!info[0].IsObject()) throw Fault("ERR_ARGUMENT", "session options are an object");
    return DescribeOptions(info.Env(), ReadConfig(info[0].As<Napi::Object>()));
  });
}

}  // namespace

void RegisterSession(Napi::Env env, Napi::Object exports) {
  NodeEnvironment::Of(env).session_class = Napi::Persistent(NativeSession::Define(env));
  exports.Set("describeSessionOptions", Napi::Function::New(env, DescribeSessionOptions, "describeSessionOptions"));
  exports.Set("createSession", Napi::Function::New(env, CreateSession, "createSession"));
}

}  // namespace cobra
