// Maps ONNX Runtime, CUDA and C++ errors onto the engine's error codes.
#include "runtime/status.h"

#include <cctype>
#include <cmath>
#include <initializer_list>
#include <new>

namespace cobra {

namespace {

bool Mentions(const std::string& message, std::initializer_list<const char*> signs) {
  for (const char* sign : signs) {
    if (message.find(sign) != std::string::npos) return true;
  }
  return false;
}

bool IsOutOfMemory(const std::string& message) {
  return Mentions(message, {"Failed to allocate memory", "bad_alloc", "out of memory", "Out of memory", "OutOfMemory",
                            "CUDA failure 2:", "cudaErrorMemoryAllocation", "CUBLAS_STATUS_ALLOC_FAILED",
                            "CUDNN_STATUS_ALLOC_FAILED", "Available memory of"});
}

// CUDA 700 illegal address, 719 launch failure, 709 context destroyed, 46/999 unavailable or unknown: all sticky.
bool IsDeviceLost(const std::string& message) {
  return Mentions(message, {"CUDA failure 700:", "CUDA failure 719:", "CUDA failure 709:", "CUDA failure 999:",
                            "illegal memory access", "unspecified launch failure", "device lost", "Device lost",
                            "Device is lost", "device is lost", "DEVICE_LOST"});
}

bool IsRefusedShape(const std::string& message) {
  return Mentions(message, {"shape verification failed", "but the computed output shape",
                            "Got invalid dimensions for input", "Invalid rank for input"});
}

}  // namespace

Fault TranslateOrt(const Ort::Exception& error, const char* otherwise, const std::string& what) {
  const std::string message = error.what();
  const std::string said = (what.empty() ? "" : what + ": ") + PlainMessage(message);
  if (error.GetOrtErrorCode() == ORT_DEVICE_RESET || IsDeviceLost(message)) {
    return Fault("ERR_DEVICE_LOST", said + ". The device was lost; restart the process, finished pages are kept");
  }
  if (IsOutOfMemory(message)) return Fault("ERR_OUT_OF_MEMORY", said);
  if (IsRefusedShape(message)) return Fault("ERR_TENSOR_DIMS", said);
  return Fault(otherwise, said);
}

Fault TranslateCurrent(const char* otherwise, const std::string& what) {
  try {
    throw;
  } catch (const Fault& fault) {
    return fault;
  } catch (const Ort::Exception& error) {
    return TranslateOrt(error, otherwise, what);
  } catch (const std::bad_alloc&) {
    return Fault("ERR_OUT_OF_MEMORY", (what.empty() ? what : what + ": ") + "host memory ran out");
  } catch (const std::exception& error) {
    return Fault(otherwise, (what.empty() ? what : what + ": ") + error.what());
  } catch (...) {
    return Fault(otherwise, (what.empty() ? what : what + ": ") + "an exception of unknown type");
  }
}

std::string NamedLibrary(const std::string& message) {
  // The innermost cause is what is missing: "Failed to load library A.so with error: B.so.13: cannot open shared
  // object".
  size_t end = message.find(": cannot open shared object");
  if (end == std::string::npos) {
    end = message.find(".so");
    if (end == std::string::npos) return "";
    end += 3;
    while (end < message.size() && (message[end] == '.' || std::isdigit(static_cast<unsigned char>(message[end]))))
      ++end;
    while (message[end - 1] == '.') --end;
  }
  size_t start = message.find_last_of(" /\"'(", end - 1);
  start = start == std::string::npos ? 0 : start + 1;
  return message.compare(start, 3, "lib") == 0 ? message.substr(start, end - start) : "";
}

std::string PlainMessage(const std::string& message) {
  static const std::string source = "/onnxruntime_src/";
  static const std::string mark = "[ONNXRuntimeError] : ";
  std::string plain = message;
  // "/onnxruntime_src/… [ONNXRuntimeError] : 1 : FAIL : what happened" -> "what happened"
  for (size_t at = plain.find(source); at != std::string::npos; at = plain.find(source, at)) {
    const size_t code = plain.find(mark, at);
    const size_t name = code == std::string::npos ? code : plain.find(" : ", code + mark.size());
    const size_t end = name == std::string::npos ? name : plain.find(" : ", name + 3);
    if (end == std::string::npos) break;
    plain.erase(at, end + 3 - at);
  }
  plain.erase(plain.find_last_not_of(" \t\r\n") + 1);
  return plain;
}

int64_t ReadWhole(const Napi::Value& value, const char* what) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : 0.5;
  constexpr double kMost = 9007199254740991.0;
  if (number != std::floor(number) || std::fabs(number) > kMost) {
    throw Fault("ERR_ARGUMENT", std::string(what) + " must be a whole number");
  }
  return static_cast<int64_t>(number);
}

Napi::Error ToJs(Napi::Env env, const Fault& fault) {
  Napi::Error error = Napi::Error::New(env, fault.what());
  error.Value().Set("code", Napi::String::New(env, fault.code));
  return error;
}

}  // namespace cobra
