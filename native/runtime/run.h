// The jobs that an executor carries out for sessions and tensors: run, copy, allocate, upload, download.
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

// Count what a run takes from the host and gives to it, where its device has memory of its own.
void CountInput(Device& device, const TensorView& view);
void CountOutput(Device& device, const TensorView& view);

// Throws Fault ERR_MODEL_OUTPUT if float values on the host hold a NaN or an infinity.
void RequireFinite(const std::string& name, const TensorView& view, const void* values);

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
  void CountMoved() const;
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

// Allocates a tensor on a device.
class AllocateJob final : public Job {
 public:
  // Like a tensor in dtype and dims. Memory without addresses is the session's; otherwise `session` may be null.
  AllocateJob(const TensorView& like, Device& device, std::shared_ptr<SessionCore> session,
              std::shared_ptr<Executor> executor);
  void Execute() override;
  Napi::Value Result(Napi::Env env) override;
  Device& device() const { return device_; }
  const TensorView& view() const { return view_; }

 private:
  TensorView view_;
  Device& device_;
  const std::shared_ptr<SessionCore> session_;
  const std::shared_ptr<Executor> executor_;  // where the memory is freed
};

// Copies a host tensor of the addon to a new tensor on a device, through page-locked memory.
class UploadJob final : public Job {
 public:
  // `in_slab`: the source lies in such memory already.
  UploadJob(const TensorView& source, bool in_slab, Device& device, std::shared_ptr<SessionCore> session,
            std::shared_ptr<Executor> executor);
  void Execute() override;
  Napi::Value Result(Napi::Env env) override;

 private:
  const JobMemory source_;
  const bool in_slab_;
  AllocateJob target_;
};

// Copies a device tensor into a leased slice of page-locked memory, which becomes a host tensor.
class DownloadJob final : public Job {
 public:
  // `finite`: fails with ERR_MODEL_OUTPUT, which names it, if a float value is a NaN or an infinity.
  DownloadJob(const TensorView& source, std::string name, bool finite);
  void Execute() override;
  Napi::Value Result(Napi::Env env) override;

 private:
  const JobMemory source_;
  const std::string name_;
  const bool finite_;
  TensorView slice_;
};

}  // namespace cobra
