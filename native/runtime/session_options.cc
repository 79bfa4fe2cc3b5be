// Reads session options from JS and turns them into ONNX Runtime's.
#include "runtime/session_options.h"

#include <algorithm>
#include <array>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "platform/platform.h"

namespace cobra {

namespace {

// ONNX Runtime silently accepts any key for WebGPU; these are the ones that 1.29 reads.
constexpr std::array kWebGpuOptions = {
    "preferredLayout",
    "enableGraphCapture",
    "enableInt64",
    "dawnProcTable",
    "dawnBackendType",
    "deviceId",
    "webgpuInstance",
    "webgpuDevice",
    "preserveDevice",
    "powerPreference",
    "validationMode",
    "storageBufferCacheMode",
    "uniformBufferCacheMode",
    "queryResolveBufferCacheMode",
    "defaultBufferCacheMode",
    "forceCpuNodeNames",
    "enablePIXCapture",
    "maxStorageBufferBindingSize",
    "maxNumPendingDispatches",
    "kvCacheQuantizationBits",
    "multiRotaryCacheConcatOffset",
    "sessionBufferPoolGenerations",
};

std::map<std::string, std::string> ReadTexts(const Napi::Value& value) {
  std::map<std::string, std::string> texts;
  if (!value.IsObject()) return texts;
  const auto object = value.As<Napi::Object>();
  const auto names = object.GetPropertyNames();
  for (uint32_t i = 0; i < names.Length(); ++i) {
    const std::string name = names.Get(i).ToString();
    const Napi::Value text = object.Get(name);
    const bool is_plain = text.IsNumber() || text.IsBoolean();
    texts[name] = is_plain ? text.ToString().Utf8Value() : ReadText(text, "the option " + name, "ERR_SESSION_OPTION");
  }
  return texts;
}

int ReadInt(const Napi::Object& options, const char* name, int otherwise) {
  const Napi::Value value = options.Get(name);
  return value.IsNumber() ? value.As<Napi::Number>().Int32Value() : otherwise;
}

// What is right for this work where the caller says nothing else. Arenas grow by what is asked for: doubled, they end
// at many times the need. cuDNN chooses its algorithms by heuristic: a search runs them all at every new shape, with
// all the memory there is. TF32 would round float32 packages to 10 bits.
constexpr std::pair<const char*, const char*> kCudaDefaults[] = {
    {"arena_extend_strategy", "kSameAsRequested"},
    {"cudnn_conv_algo_search", "HEURISTIC"},
    {"use_tf32", "0"},
};

std::map<std::string, std::string> CudaOptions(const SessionConfig& config) {
  std::map<std::string, std::string> options = config.provider_options;
  for (const auto& [name, value] : kCudaDefaults) options.try_emplace(name, value);
  if (config.memory_limit_bytes > 0) options.try_emplace("gpu_mem_limit", std::to_string(config.memory_limit_bytes));
  options.try_emplace("device_id", std::to_string(config.device_id));
  return options;
}

std::map<std::string, std::string> TensorRtOptions(const SessionConfig& config) {
  std::map<std::string, std::string> options = config.provider_options;
  options.try_emplace("device_id", std::to_string(config.device_id));
  return options;
}

std::map<std::string, std::string> OwnOptions(const SessionConfig& config) { return config.provider_options; }

// If `update` throws, an option is at fault; ONNX Runtime's message names the key that it refuses.
template <typename Update>
void Configure(Provider provider, Update&& update) {
  try {
    update();
  } catch (const Ort::Exception& error) {
    throw Fault("ERR_SESSION_OPTION", std::string("an option of the ") + NameOf(provider) +
                                          " provider was refused: " + PlainMessage(error.what()));
  }
}

// The first update loads the provider's library, which may be missing. It carries none of the user's options, so that a
// failure is the provider's.
template <typename Options>
void ConfigureOnDevice(const SessionConfig& config, Options& options, const std::map<std::string, std::string>& all) {
  options.Update(std::unordered_map<std::string, std::string>{{"device_id", std::to_string(config.device_id)}});
  Configure(config.provider,
            [&] { options.Update(std::unordered_map<std::string, std::string>(all.begin(), all.end())); });
}

void AppendCuda(Ort::SessionOptions& options, const SessionConfig& config) {
  Ort::CUDAProviderOptions cuda;
  ConfigureOnDevice(config, cuda, CudaOptions(config));
  options.AppendExecutionProvider_CUDA_V2(*cuda);
}

void AppendTensorRt(Ort::SessionOptions& options, const SessionConfig& config) {
  Ort::TensorRTProviderOptions tensorrt;
  ConfigureOnDevice(config, tensorrt, TensorRtOptions(config));
  options.AppendExecutionProvider_TensorRT_V2(*tensorrt);
  // What TensorRT does not take runs on CUDA.
  SessionConfig plain;
  plain.provider = Provider::kCuda;
  plain.device_id = config.device_id;
  plain.memory_limit_bytes = config.memory_limit_bytes;
  AppendCuda(options, plain);
}

void AppendWebGpu(Ort::SessionOptions& options, const SessionConfig& config) {
  for (const auto& [key, value] : config.provider_options) {
    if (std::find(kWebGpuOptions.begin(), kWebGpuOptions.end(), key) == kWebGpuOptions.end()) {
      throw Fault("ERR_SESSION_OPTION", "the webgpu provider has no option \"" + key + "\"");
    }
  }
  // Dawn would only warn on stderr and then find no adapter.
  const platform::Library vulkan(platform::kVulkanLoader);
  if (!vulkan) throw Ort::Exception(vulkan.error(), ORT_FAIL);
  const std::unordered_map<std::string, std::string> entries(config.provider_options.begin(),
                                                             config.provider_options.end());
  options.AppendExecutionProvider("WebGPU", entries);
}

void AppendCpu(Ort::SessionOptions& options, const SessionConfig& config) {
  if (!config.provider_options.empty()) {
    throw Fault("ERR_SESSION_OPTION",
                "the cpu provider has no option \"" + config.provider_options.begin()->first + "\"");
  }
  if (Device::Of(config.Device()).is_limited()) options.AddConfigEntry("session.use_env_allocators", "1");
}

constexpr const char* kNvidiaRemedy =
    "stage the GPU libraries with `npm run build -- --gpu` and install the CUDA 13 runtime";

struct ProviderRow {
  Provider provider;
  const char* name;
  const char* ort_name;  // as GetAvailableProviders lists it
  DeviceKind device;
  void (*append)(Ort::SessionOptions&, const SessionConfig&);
  std::map<std::string, std::string> (*options)(const SessionConfig&);
  // Threads inside one operator where the caller names none. A GPU's sessions compute nothing on the host.
  int intra_op_threads;
  const char* remedy;  // if it cannot start
};
constexpr ProviderRow kProviders[] = {
    {Provider::kCpu, "cpu", "CPUExecutionProvider", DeviceKind::kCpu, AppendCpu, OwnOptions, 0, ""},
    {Provider::kCuda, "cuda", "CUDAExecutionProvider", DeviceKind::kCuda, AppendCuda, CudaOptions, 1, kNvidiaRemedy},
    {Provider::kTensorRt, "tensorrt", "TensorrtExecutionProvider", DeviceKind::kCuda, AppendTensorRt, TensorRtOptions,
     1, kNvidiaRemedy},
    {Provider::kWebGpu, "webgpu", "WebGpuExecutionProvider", DeviceKind::kWebGpu, AppendWebGpu, OwnOptions, 1,
     "install libvulkan.so.1 and a Vulkan driver"},
};

const ProviderRow& RowOf(Provider provider) {
  for (const ProviderRow& row : kProviders) {
    if (row.provider == provider) return row;
  }
  throw Fault("ERR_INTERNAL", "an execution provider of unknown kind");
}

Provider ReadProvider(const std::string& name) {
  for (const ProviderRow& row : kProviders) {
    if (name == row.name) return row.provider;
  }
  throw Fault("ERR_SESSION_OPTION", "there is no execution provider \"" + name + "\"");
}

}  // namespace

const char* NameOf(Provider provider) { return RowOf(provider).name; }

DeviceId SessionConfig::Device() const { return {RowOf(provider).device, device_id}; }

SessionConfig ReadConfig(const Napi::Object& options) {
  SessionConfig config;
  config.provider = ReadProvider(ReadText(options.Get("provider"), "an execution provider", "ERR_SESSION_OPTION"));
  config.fallback = options.Get("fallback").ToBoolean();
  config.device_id = ReadInt(options, "deviceId", 0);
  config.intra_op_threads = ReadInt(options, "intraOpThreads", 0);
  config.inter_op_threads = ReadInt(options, "interOpThreads", 0);
  config.graph_optimization =
      static_cast<GraphOptimizationLevel>(ReadInt(options, "graphOptimization", ORT_ENABLE_ALL));
  config.log_level = static_cast<OrtLoggingLevel>(ReadInt(options, "logLevel", ORT_LOGGING_LEVEL_FATAL));
  const Napi::Value limit = options.Get("memoryLimitBytes");
  config.memory_limit_bytes = limit.IsNumber() ? limit.As<Napi::Number>().Int64Value() : 0;
  config.provider_options = ReadTexts(options.Get("providerOptions"));
  config.config = ReadTexts(options.Get("config"));
  for (const auto& [name, text] : ReadTexts(options.Get("freeDimensions")))
    config.free_dimensions[name] = std::stoll(text);
  return config;
}

namespace {

int IntraOpThreads(const SessionConfig& config) {
  return config.intra_op_threads > 0 ? config.intra_op_threads : RowOf(config.provider).intra_op_threads;
}

}  // namespace

Napi::Object DescribeOptions(Napi::Env env, const SessionConfig& config) {
  Napi::Object provider_options = Napi::Object::New(env);
  for (const auto& [name, value] : RowOf(config.provider).options(config)) provider_options.Set(name, value);
  Napi::Object result = Napi::Object::New(env);
  result.Set("intraOpThreads", IntraOpThreads(config));
  result.Set("providerOptions", provider_options);
  return result;
}

Ort::SessionOptions BuildOptions(const SessionConfig& config, const Runtime& runtime) {
  Ort::SessionOptions options;
  options.SetIntraOpNumThreads(IntraOpThreads(config));
  options.SetInterOpNumThreads(config.inter_op_threads);
  options.SetGraphOptimizationLevel(config.graph_optimization);
  options.SetLogSeverityLevel(config.log_level);
  for (const auto& entry : config.config) {
    Configure(config.provider, [&] { options.AddConfigEntry(entry.first.c_str(), entry.second.c_str()); });
  }
  for (const auto& [name, size] : config.free_dimensions) {
    Ort::ThrowOnError(Ort::GetApi().AddFreeDimensionOverrideByName(options, name.c_str(), size));
  }
  const ProviderRow& row = RowOf(config.provider);
  if (!runtime.has_provider(row.ort_name)) {
    throw ProviderUnavailable(config, runtime, "the library was built without it");
  }
  try {
    row.append(options, config);
  } catch (const Ort::Exception& error) {
    throw ProviderUnavailable(config, runtime, error.what());
  }
  return options;
}

std::optional<std::string> WhyProviderFails(const SessionConfig& config, const Runtime& runtime) {
  if (RowOf(config.provider).device == DeviceKind::kCpu) return std::nullopt;
  // ModelProto: one Identity from "x" to "y", float32 of [1], opset 13.
  static constexpr char kModel[] =
      "\x08\x08\x3a\x37\x0a\x10\x0a\x01x\x12\x01y\x22\x08Identity\x12\x01g"
      "\x5a\x0f\x0a\x01x\x12\x0a\x0a\x08\x08\x01\x12\x04\x0a\x02\x08\x01"
      "\x62\x0f\x0a\x01y\x12\x0a\x0a\x08\x08\x01\x12\x04\x0a\x02\x08\x01"
      "\x42\x02\x10\x0d";
  SessionConfig plain;
  plain.provider = config.provider;
  plain.device_id = config.device_id;
  try {
    const Ort::SessionOptions options = BuildOptions(plain, runtime);
    const Ort::Session session(runtime.env(), kModel, sizeof kModel - 1, options);
    return std::nullopt;
  } catch (const std::exception& error) {
    return error.what();
  }
}

Fault ProviderUnavailable(const SessionConfig& config, const Runtime& runtime, const std::string& reason) {
  const std::string library = NamedLibrary(reason);
  const ProviderRow& row = RowOf(config.provider);
  std::string message = std::string("the ") + row.name + " provider cannot start";
  if (!library.empty()) message += ", " + library + " is missing or does not load";
  message += " (ONNX Runtime: " + runtime.library_path() + "): " + PlainMessage(reason);
  constexpr const char* kFallback = "allow the CPU instead (`fallback: true`, --fallback)";
  const std::string own = row.remedy;
  return Fault("ERR_PROVIDER_UNAVAILABLE", message).With(own.empty() ? kFallback : own + ", or " + kFallback);
}

}  // namespace cobra
