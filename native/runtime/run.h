// One run of a session, the copy of a tensor, and bindings: the jobs that an executor carries out.
//
// Who owns what: a job shares the storages of its inputs and outputs until it is settled; outputs that ONNX Runtime
// allocated become new tensors on success and are freed on failure and cancellation.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "runtime/session.h"
#include "runtime/tensor.h"

namespace cobra {

// A named input, or a named output that is written in place; `view` without a storage: ONNX Runtime allocates.
struct Operand {
  std::string name;
  TensorView view;
};
std::vector<Operand> ReadOperands(const Napi::Value& names, const Napi::Value& tensors);

class RunJob final : public Job {
 public:
  // `keep_on_device`: outputs without a tensor of their own stay on the session's device.
  RunJob(std::shared_ptr<SessionCore> session, std::vector<Operand> inputs, std::vector<Operand> outputs,
         bool keep_on_device);
  void Execute() override;
  void Terminate() override;
  Napi::Value Result(Napi::Env env) override;  // in the order of `outputs`: a tensor where one was allocated

 private:
  void ExecuteDirect();
  void ExecuteBound();
  void Adopt(size_t index, Ort::Value value);

  const std::shared_ptr<SessionCore> session_;
  const std::vector<Operand> inputs_;
  std::vector<Operand> outputs_;
  const bool keep_on_device_;
  std::vector<Ort::Value> input_values_;
  std::vector<Ort::Value> output_values_;
  std::vector<bool> allocated_;  // by ONNX Runtime, per output
  Ort::RunOptions options_;
};

class CopyJob final : public Job {
 public:
  // `runtime` may be null where both tensors are on the host.
  CopyJob(TensorView source, TensorView target, std::shared_ptr<Runtime> runtime);
  void Execute() override;
  Napi::Value Result(Napi::Env env) override { return env.Undefined(); }

 private:
  const TensorView source_;
  const TensorView target_;
  const char* source_bytes_ = nullptr;  // host to host
  char* target_bytes_ = nullptr;
  Ort::Value source_value_{nullptr};  // everything else
  Ort::Value target_value_{nullptr};
  const std::shared_ptr<Runtime> runtime_;
};

}  // namespace cobra
