// Errors of the native side. A `Fault` carries an error code from src/errors/codes/, a message and perhaps a remedy;
// every native function throws it, on any thread. `ToJs` turns it into a JS error with the properties `code` and
// `remedy`, on the JS thread only.
#pragma once
#include <napi.h>

#include <exception>
#include <stdexcept>
#include <string>
#include <utility>

#include "runtime/device_errors.h"
#include "runtime/ort.h"

namespace cobra {

struct Fault : std::runtime_error {
  Fault(std::string fault_code, const std::string& message, bool is_sticky = false)
      : std::runtime_error(message), code(std::move(fault_code)), sticky(is_sticky) {}
  // With what to do about it, where that is known better than by the table of codes.
  Fault With(std::string what_to_do) && {
    remedy = std::move(what_to_do);
    return std::move(*this);
  }
  std::string code;
  std::string remedy;  // "" for the one of the table of codes
  bool sticky;         // every later call on the same device fails like this one
};

// The code of a job that was cancelled; src/binding turns it into the signal's own reason.
inline constexpr const char* kCancelled = "CANCELLED";

// The fault of a known device error. `otherwise` is the code of one that concerns this call alone; `said` begins the
// message.
Fault DeviceFault(const DeviceError& error, const char* otherwise, const std::string& said);
// The fault of a call of a GPU's library that returned `number`; `said` is the library's own text, or "".
Fault DeviceFault(ErrorLibrary library, int number, const std::string& call, const std::string& said);

// Translates an ONNX Runtime error. `otherwise` is the code if neither exhausted memory nor a lost device nor a refused
// shape is recognised; `what` begins the message.
Fault TranslateOrt(const Ort::Exception& error, const char* otherwise, const std::string& what);

// Translates the exception being handled (call it in a catch block), whatever its type.
Fault TranslateCurrent(const char* otherwise, const std::string& what);

// The name of the first shared library a message speaks of ("libcudart.so.13"), or "".
std::string NamedLibrary(const std::string& message);

// ONNX Runtime's message without its source paths and line ends.
std::string PlainMessage(const std::string& message);

Napi::Error ToJs(Napi::Env env, const Fault& fault);

// A whole number that JS gave; throws Fault ERR_ARGUMENT naming `what`.
int64_t ReadWhole(const Napi::Value& value, const char* what);

// Text that JS gave, where nothing is made text of by running JS; throws Fault `code` naming `what`.
std::string ReadText(const Napi::Value& value, const std::string& what, const char* code = "ERR_ARGUMENT");

// Runs `body` and rethrows a Fault as a JS error. Every function that JS calls directly goes through it.
template <typename Body>
auto Guarded(Napi::Env env, Body&& body) {
  try {
    return body();
  } catch (const Napi::Error&) {
    throw;
  } catch (const std::exception&) {
    throw ToJs(env, TranslateCurrent("ERR_INTERNAL", ""));
  }
}

}  // namespace cobra
