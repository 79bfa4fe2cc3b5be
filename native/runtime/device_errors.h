// Errors of a GPU's libraries, by number: what each one means for the work in hand and what helps. ONNX Runtime passes
// them on as text; that text is read here and nowhere else.
#pragma once
#include <optional>
#include <string>

namespace cobra {

// The library that an error number belongs to.
enum class ErrorLibrary { kCuda, kCublas, kCudnn, kCudnnFrontend, kTensorRt };

enum class ErrorClass {
  kOutOfMemory,  // frees memory and tries again
  kLost,         // nothing works on this device any more; another process may have better luck
  kUnusable,     // nothing works on this device, in any process, until the machine is changed
  kFailed,       // this call failed; the next one may not
};

struct DeviceError {
  ErrorLibrary library;
  int number;
  const char* name;  // as the library calls it
  ErrorClass kind;
  const char* remedy;  // "" for the one of the table of codes

  // Whether every later call on the device fails too.
  bool sticky() const { return kind == ErrorClass::kLost || kind == ErrorClass::kUnusable; }
};

// The row of a number; for one that the table lacks, a row of class kFailed without a name.
DeviceError FindDeviceError(ErrorLibrary library, int number);
const char* NameOf(ErrorLibrary library);

// The error that a message of ONNX Runtime speaks of, found by its number; the worst if there are several. Nothing if
// there is none.
std::optional<DeviceError> ReadDeviceError(const std::string& message);

// Messages of ONNX Runtime's own that carry no number.
bool SaysOutOfMemory(const std::string& message);
bool SaysDeviceLost(const std::string& message);

}  // namespace cobra
