// One run of a session, the copy of a tensor, and bindings: the jobs that an executor carries out.
//
// Who owns what: a job shares the storages of its inputs and outputs until it is settled; outputs that ONNX Runtime
// allocated become new tensors on success and are freed on failure and cancellation.
#pragma once
#include <memory>
#include <optional>
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

// Reads operands: an array of names and an array of tensors, of the same length. `may_be_missing`: undefined instead of
// a tensor leaves the view empty. Throws Fault ERR_ARGUMENT, ERR_DISPOSED.
std::vector<Operand> ReadOperands(const Napi::Value& names, const Napi::Value& tensors, bool may_be_missing);

struct RunSettings {
  // Outputs without a tensor of their own stay on the session's device.
  bool keep_on_device = false;
  // Fail with ERR_MODEL_OUTPUT if a float output on the host holds a NaN or an infinity.
  bool finite = false;
};

class RunJob final : public Job {
 public:
  // On the JS thread. Throws Fault ERR_DISPOSED if an operand's memory is gone.
  RunJob(std::shared_ptr<SessionCore> session, std::vector<Operand> inputs, std::vector<Operand> outputs,
         RunSettings settings);
  void Execute() override;
  bool computes() const override { return true; }
  void Terminate() override { control_.Terminate(); }
  Napi::Value Result(Napi::Env env) override;  // in the order of `outputs`: a tensor where one was allocated

 private:
  struct Input {
    std::string name;
    JobMemory memory;
  };
  struct Output {
    std::string name;
    std::optional<JobMemory> memory;  // none: ONNX Runtime allocates, into `view`
    TensorView view;
  };
  void ExecuteDirect();
  void ExecuteBound();
  void Adopt(Output& output, Ort::Value value);
  void RequireFinite() const;

  const std::shared_ptr<SessionCore> session_;
  std::vector<Input> inputs_;
  std::vector<Output> outputs_;
  const RunSettings settings_;
  std::vector<Ort::Value> input_values_;
  std::vector<Ort::Value> output_values_;
  RunControl control_;
};

class CopyJob final : public Job {
 public:
  // On the JS thread.
  CopyJob(const TensorView& source, const TensorView& target);
  // The device that makes the copy.
  static Device& DeviceOf(const TensorView& source, const TensorView& target);
  void Execute() override;
  Napi::Value Result(Napi::Env env) override;

 private:
  const JobMemory source_;
  const JobMemory target_;
};

}  // namespace cobra
