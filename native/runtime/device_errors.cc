// The table of device errors, and how ONNX Runtime's messages are read.
#include "runtime/device_errors.h"

#include <cctype>
#include <initializer_list>

namespace cobra {

namespace {

using enum ErrorClass;
using enum ErrorLibrary;

constexpr const char* kReset = "reset the GPU (nvidia-smi --gpu-reset) or reboot";
constexpr const char* kDriver = "install a driver that supports CUDA 13 (580 or newer)";
constexpr const char* kArchitecture =
    "the GPU must be of compute capability 7.5, 8.x, 9.0 or 12.0; use another one, or --provider cpu";
constexpr const char* kCudnnInstall = "install cuDNN 9 for CUDA 13, all of its libraries of one version";

// CUDA: driver_types.h (cudaError); cuBLAS: cublas_api.h; cuDNN 9: cudnn_graph.h; TensorRT 10: NvInferRuntimeBase.h
// (ErrorCode).
constexpr DeviceError kErrors[] = {
    {kCuda, 2, "cudaErrorMemoryAllocation", kOutOfMemory, ""},
    {kCuda, 3, "cudaErrorInitializationError", kUnusable, kDriver},
    {kCuda, 4, "cudaErrorCudartUnloading", kLost, ""},
    {kCuda, 35, "cudaErrorInsufficientDriver", kUnusable, kDriver},
    {kCuda, 46, "cudaErrorDevicesUnavailable", kLost,
     "another process holds the GPU in exclusive mode, or it is out of order; end that process (nvidia-smi)"},
    {kCuda, 100, "cudaErrorNoDevice", kUnusable, "check the GPU with nvidia-smi, and CUDA_VISIBLE_DEVICES"},
    {kCuda, 101, "cudaErrorInvalidDevice", kUnusable, "name a GPU that nvidia-smi lists; CUDA_VISIBLE_DEVICES counts"},
    {kCuda, 200, "cudaErrorInvalidKernelImage", kUnusable, kArchitecture},
    {kCuda, 201, "cudaErrorDeviceUninitialized", kLost, ""},
    {kCuda, 209, "cudaErrorNoKernelImageForDevice", kUnusable, kArchitecture},
    {kCuda, 214, "cudaErrorECCUncorrectable", kLost, kReset},
    {kCuda, 218, "cudaErrorInvalidPtx", kUnusable, kArchitecture},
    {kCuda, 219, "cudaErrorInvalidGraphicsContext", kLost, ""},
    {kCuda, 220, "cudaErrorNvlinkUncorrectable", kLost, kReset},
    {kCuda, 222, "cudaErrorUnsupportedPtxVersion", kUnusable, kDriver},
    {kCuda, 226, "cudaErrorContained", kLost, kReset},
    {kCuda, 304, "cudaErrorOperatingSystem", kFailed, ""},
    {kCuda, 400, "cudaErrorInvalidResourceHandle", kFailed, ""},
    {kCuda, 700, "cudaErrorIllegalAddress", kLost, ""},
    {kCuda, 701, "cudaErrorLaunchOutOfResources", kFailed, ""},
    {kCuda, 702, "cudaErrorLaunchTimeout", kLost,
     "a display on this GPU limits how long it may compute; use another GPU"},
    {kCuda, 709, "cudaErrorContextIsDestroyed", kLost, ""},
    {kCuda, 710, "cudaErrorAssert", kLost, ""},
    {kCuda, 714, "cudaErrorHardwareStackError", kLost, kReset},
    {kCuda, 715, "cudaErrorIllegalInstruction", kLost, ""},
    {kCuda, 716, "cudaErrorMisalignedAddress", kLost, ""},
    {kCuda, 717, "cudaErrorInvalidAddressSpace", kLost, ""},
    {kCuda, 718, "cudaErrorInvalidPc", kLost, ""},
    {kCuda, 719, "cudaErrorLaunchFailure", kLost, ""},
    {kCuda, 721, "cudaErrorTensorMemoryLeak", kLost, ""},
    {kCuda, 800, "cudaErrorNotPermitted", kFailed, ""},
    {kCuda, 801, "cudaErrorNotSupported", kFailed, ""},
    {kCuda, 802, "cudaErrorSystemNotReady", kUnusable, "start the machine's NVIDIA Fabric Manager"},
    {kCuda, 803, "cudaErrorSystemDriverMismatch", kUnusable,
     "the kernel module and libcuda are of different versions; reboot after a driver update"},
    {kCuda, 804, "cudaErrorCompatNotSupportedOnDevice", kUnusable, kDriver},
    {kCuda, 805, "cudaErrorMpsConnectionFailed", kLost, "start the MPS server again, or run without it"},
    {kCuda, 999, "cudaErrorUnknown", kLost, kReset},

    {kCublas, 1, "CUBLAS_STATUS_NOT_INITIALIZED", kFailed, "a GPU without free memory gives this too"},
    {kCublas, 3, "CUBLAS_STATUS_ALLOC_FAILED", kOutOfMemory, ""},
    {kCublas, 7, "CUBLAS_STATUS_INVALID_VALUE", kFailed, ""},
    {kCublas, 8, "CUBLAS_STATUS_ARCH_MISMATCH", kUnusable, kArchitecture},
    {kCublas, 11, "CUBLAS_STATUS_MAPPING_ERROR", kFailed, ""},
    {kCublas, 13, "CUBLAS_STATUS_EXECUTION_FAILED", kFailed, ""},
    {kCublas, 14, "CUBLAS_STATUS_INTERNAL_ERROR", kFailed, ""},
    {kCublas, 15, "CUBLAS_STATUS_NOT_SUPPORTED", kFailed, ""},

    {kCudnn, 1001, "CUDNN_STATUS_NOT_INITIALIZED", kFailed, kCudnnInstall},
    {kCudnn, 1002, "CUDNN_STATUS_SUBLIBRARY_VERSION_MISMATCH", kUnusable, kCudnnInstall},
    {kCudnn, 1008, "CUDNN_STATUS_SUBLIBRARY_LOADING_FAILED", kUnusable, kCudnnInstall},
    {kCudnn, 2000, "CUDNN_STATUS_BAD_PARAM", kFailed, ""},
    {kCudnn, 3000, "CUDNN_STATUS_NOT_SUPPORTED", kFailed, ""},
    {kCudnn, 4000, "CUDNN_STATUS_INTERNAL_ERROR", kFailed, ""},
    {kCudnn, 4003, "CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED", kOutOfMemory, ""},
    {kCudnn, 4004, "CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED", kOutOfMemory, ""},
    {kCudnn, 5000, "CUDNN_STATUS_EXECUTION_FAILED", kFailed, ""},

    {kTensorRt, 1, "kUNSPECIFIED_ERROR", kFailed, ""},
    {kTensorRt, 2, "kINTERNAL_ERROR", kFailed, ""},
    {kTensorRt, 5, "kFAILED_ALLOCATION", kOutOfMemory, ""},
    {kTensorRt, 6, "kFAILED_INITIALIZATION", kUnusable, "install TensorRT 10 for CUDA 13, or use --provider cuda"},
    {kTensorRt, 7, "kFAILED_EXECUTION", kFailed, ""},
    {kTensorRt, 10, "kUNSUPPORTED_STATE", kFailed, ""},
};

// What stands before a number in ONNX Runtime's messages (cuda_call.cc, cudnn_fe_call.cc) and in TensorRT's.
struct Mark {
  ErrorLibrary library;
  const char* text;
};
constexpr Mark kMarks[] = {
    {kCuda, "CUDA failure "},
    {kCuda, "CUDA error "},
    {kCublas, "CUBLAS failure "},
    {kCudnn, "CUDNN failure "},
    {kCudnnFrontend, "CUDNN_FE failure "},
    {kTensorRt, "Error Code "},
};

bool Mentions(const std::string& message, std::initializer_list<const char*> signs) {
  for (const char* sign : signs) {
    if (message.find(sign) != std::string::npos) return true;
  }
  return false;
}

// The number at a place of the message; -1 if there is none.
int NumberAt(const std::string& message, size_t at) {
  int number = 0;
  size_t digits = 0;
  while (at + digits < message.size() && std::isdigit(static_cast<unsigned char>(message[at + digits])) && digits < 6) {
    number = number * 10 + (message[at + digits++] - '0');
  }
  return digits == 0 ? -1 : number;
}

// A lost device explains all other errors of a message, and the want of memory those that only failed.
int Weight(const DeviceError& error) {
  switch (error.kind) {
    case kLost:
      return 3;
    case kUnusable:
      return 2;
    case kOutOfMemory:
      return 1;
    case kFailed:
      return 0;
  }
  return 0;
}

}  // namespace

const char* NameOf(ErrorLibrary library) {
  switch (library) {
    case kCuda:
      return "CUDA";
    case kCublas:
      return "cuBLAS";
    case kCudnn:
      return "cuDNN";
    case kCudnnFrontend:
      return "cuDNN frontend";
    case kTensorRt:
      return "TensorRT";
  }
  return "";
}

DeviceError FindDeviceError(ErrorLibrary library, int number) {
  for (const DeviceError& row : kErrors) {
    if (row.library == library && row.number == number) return row;
  }
  return {library, number, "", kFailed, ""};
}

std::optional<DeviceError> ReadDeviceError(const std::string& message) {
  std::optional<DeviceError> worst;
  for (const Mark& mark : kMarks) {
    const std::string text = mark.text;
    for (size_t at = message.find(text); at != std::string::npos; at = message.find(text, at + 1)) {
      const int number = NumberAt(message, at + text.size());
      if (number <= 0) continue;
      const DeviceError found = FindDeviceError(mark.library, number);
      if (!worst || Weight(found) > Weight(*worst)) worst = found;
    }
  }
  return worst;
}

// ONNX Runtime's arenas (bfc_arena.cc) and allocators, and Dawn.
bool SaysOutOfMemory(const std::string& message) {
  return Mentions(message, {"Failed to allocate memory", "Memory allocation failed", "Available memory of", "bad_alloc",
                            "out of memory", "Out of memory", "OutOfMemory"});
}
bool SaysDeviceLost(const std::string& message) {
  return Mentions(message, {"device lost", "Device lost", "evice is lost", "DEVICE_LOST"});
}

}  // namespace cobra
