// Tensors: a dtype, dims and a stretch of a storage.
//
// Who owns what: a tensor shares its storage; `dispose` gives the share back, and so does the finalizer if JS
// forgot. A `TensorView` is what jobs take: it shares the storage as well, so a tensor may be disposed while a run is
// in flight.
#pragma once
#include <napi.h>

#include <memory>
#include <string>
#include <vector>

#include "runtime/environment.h"
#include "runtime/memory.h"

namespace cobra {

struct Dtype {
  const char* name;
  ONNXTensorElementDataType type;
  napi_typedarray_type array;
  size_t bytes;
};
// Null where the engine has no such dtype.
const Dtype* FindDtype(const std::string& name);
const Dtype* FindDtype(ONNXTensorElementDataType type);

struct TensorView {
  const Dtype* dtype = nullptr;
  std::vector<int64_t> dims;
  size_t offset_bytes = 0;
  size_t bytes = 0;
  std::shared_ptr<Storage> storage;
};

// The memory of one operand for as long as a job needs it: the tensor's own where the addon owns that. An array of
// JavaScript is copied instead, to be read before the job and written after it, because JS may take its memory away in
// between.
class JobMemory {
 public:
  enum class Use { kRead, kWrite };
  // On the JS thread. Throws Fault ERR_DISPOSED where JS has taken the memory away.
  JobMemory(const TensorView& view, Use use);

  const TensorView& view() const { return view_; }
  bool copied() const { return copy_ != nullptr; }
  char* bytes() const { return address_; }
  // A value over the memory, owning nothing.
  Ort::Value MakeValue() const;
  // Gives what the job has written to the array of JavaScript. On the JS thread; throws Fault ERR_DISPOSED as above.
  void Return() const;

 private:
  struct Free {
    void operator()(char* memory) const;
  };
  TensorView view_;
  std::unique_ptr<char, Free> copy_;
  char* address_;
};

// Elements of a shape; throws Fault ERR_TENSOR_DIMS if it is negative or overflows.
size_t ElementCount(const std::vector<int64_t>& dims);
std::vector<int64_t> ReadDims(const Napi::Value& value);

class NativeTensor final : public Napi::ObjectWrap<NativeTensor> {
 public:
  static Napi::Function Define(Napi::Env env);
  static Napi::Object Wrap(Napi::Env env, TensorView view);
  // Throws Fault ERR_DISPOSED or ERR_ARGUMENT.
  static const TensorView& ViewOf(const Napi::Value& value);

  explicit NativeTensor(const Napi::CallbackInfo& info);
  ~NativeTensor() override;

 private:
  Napi::Value Data(const Napi::CallbackInfo& info);
  Napi::Value View(const Napi::CallbackInfo& info);
  Napi::Value Describe(const Napi::CallbackInfo& info);
  Napi::Value Dispose(const Napi::CallbackInfo& info);
  const TensorView& Live() const;
  void Drop(bool disposed);

  const napi_env env_;
  std::unique_ptr<TensorView> view_;
};

void RegisterTensor(Napi::Env env, Napi::Object exports);

}  // namespace cobra
