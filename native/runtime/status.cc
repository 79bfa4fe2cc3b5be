// Maps ONNX Runtime, CUDA and C++ errors onto the engine's error codes.
#include "runtime/status.h"

#include <cctype>
#include <cmath>
#include <new>

namespace cobra {

namespace {

bool IsRefusedShape(const std::string& message) {
  for (const char* sign : {"shape verification failed", "but the computed output shape",
                           "Got invalid dimensions for input", "Invalid rank for input"}) {
    if (message.find(sign) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

Fault DeviceFault(const DeviceError& error, const char* otherwise, const std::string& said) {
  const std::string name =
      error.name[0] == '\0' || said.find(error.name) != std::string::npos ? "" : std::string(" (") + error.name + ")";
  switch (error.kind) {
    case ErrorClass::kOutOfMemory:
      return Fault("ERR_OUT_OF_MEMORY", said + name);
    case ErrorClass::kLost:
      return Fault("ERR_DEVICE_LOST", said + name + ". The device is lost", true).With(error.remedy);
    case ErrorClass::kUnusable:
      return Fault("ERR_PROVIDER_UNAVAILABLE", said + name + ". The device cannot be used", true).With(error.remedy);
    case ErrorClass::kFailed:
      break;
  }
  return Fault(otherwise, said + name).With(error.remedy);
}

Fault DeviceFault(ErrorLibrary library, int number, const std::string& call, const std::string& said) {
  const std::string what = call + " failed with " + NameOf(library) + " error " + std::to_string(number);
  return DeviceFault(FindDeviceError(library, number), "ERR_RUN", said.empty() ? what : what + " (" + said + ")");
}

Fault TranslateOrt(const Ort::Exception& error, const char* otherwise, const std::string& what) {
  const std::string message = error.what();
  const std::string said = (what.empty() ? "" : what + ": ") + PlainMessage(message);
  const auto known = ReadDeviceError(message);
  if (known && known->kind != ErrorClass::kFailed) return DeviceFault(*known, otherwise, said);
  if (error.GetOrtErrorCode() == ORT_DEVICE_RESET || SaysDeviceLost(message)) {
    return Fault("ERR_DEVICE_LOST", said + ". The device is lost", true);
  }
  if (SaysOutOfMemory(message)) return Fault("ERR_OUT_OF_MEMORY", said);
  if (IsRefusedShape(message)) return Fault("ERR_TENSOR_DIMS", said);
  return known ? DeviceFault(*known, otherwise, said) : Fault(otherwise, said);
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

std::string ReadText(const Napi::Value& value, const std::string& what, const char* code) {
  if (!value.IsString()) throw Fault(code, what + " must be text");
  return value.As<Napi::String>();
}

Napi::Error ToJs(Napi::Env env, const Fault& fault) {
  Napi::Error error = Napi::Error::New(env, fault.what());
  error.Value().Set("code", Napi::String::New(env, fault.code));
  if (!fault.remedy.empty()) error.Value().Set("remedy", Napi::String::New(env, fault.remedy));
  return error;
}

}  // namespace cobra
