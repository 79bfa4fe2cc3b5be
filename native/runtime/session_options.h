// Session options: what JS asks for, and the ONNX Runtime options made of it.
//
// Who owns what: `SessionConfig` is plain data and may cross threads. `BuildOptions` returns options of its own; on
// failure (Fault ERR_SESSION_OPTION, ERR_PROVIDER_UNAVAILABLE) nothing stays behind.
#pragma once
#include <napi.h>

#include <map>
#include <optional>
#include <string>

#include "runtime/device.h"
#include "runtime/runtime.h"

namespace cobra {

// ONNX Runtime's execution providers.
enum class Provider { kCpu, kCuda, kTensorRt, kWebGpu };
// "cpu", "cuda", "tensorrt", "webgpu".
const char* NameOf(Provider provider);

struct SessionConfig {
  Provider provider = Provider::kCpu;
  bool fallback = false;
  int device_id = 0;
  int intra_op_threads = 0;  // 0: ONNX Runtime decides
  int inter_op_threads = 0;
  int64_t memory_limit_bytes = 0;  // of the session's arena on a GPU; 0: none
  GraphOptimizationLevel graph_optimization = ORT_ENABLE_ALL;
  OrtLoggingLevel log_level = ORT_LOGGING_LEVEL_FATAL;
  std::map<std::string, std::string> provider_options;
  std::map<std::string, std::string> config;
  std::map<std::string, int64_t> free_dimensions;

  // Where its tensors live; TensorRT works in CUDA's memory.
  DeviceId Device() const;
};

SessionConfig ReadConfig(const Napi::Object& options);
// What ONNX Runtime is told of threads and of the provider: { intraOpThreads, providerOptions }.
Napi::Object DescribeOptions(Napi::Env env, const SessionConfig& config);
Ort::SessionOptions BuildOptions(const SessionConfig& config, const Runtime& runtime);

// After a session could not be created: why the provider cannot create any, or nothing if it can and the model was at
// fault. Tries a model of one node; messages of ONNX Runtime contain names of weights, so their text proves nothing.
std::optional<std::string> WhyProviderFails(const SessionConfig& config, const Runtime& runtime);
Fault ProviderUnavailable(const SessionConfig& config, const Runtime& runtime, const std::string& reason);

}  // namespace cobra
