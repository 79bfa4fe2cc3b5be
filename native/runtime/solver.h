// The denoising solver on the host: one step of a batch in one pass over its latents. The formulas, and the graph that
// computes the same on other devices, are in src/colorization/cobra/solver-graph.ts.
#pragma once
#include <napi.h>

#include "runtime/tensor.h"

namespace cobra {

class HostSolver {
 public:
  // Of an object with `prediction` ("epsilon" or "sample") and tensors of memory that the addon owns: `latent`,
  // `output`, `previous`, `next` and `clean` float32 [B, …], `coefficients` float64 [5, B, …], `choice` int32 [B]. On
  // the JS thread. Throws Fault ERR_ARGUMENT, ERR_TENSOR_DTYPE, ERR_TENSOR_DIMS, ERR_DISPOSED.
  explicit HostSolver(const Napi::Value& parts);
  // One step, on the executor's thread.
  void Run() const;
  // Throws Fault ERR_MODEL_OUTPUT if a latent that it has written is a NaN or an infinity.
  void RequireFinite() const;

 private:
  bool predicts_noise_;
  JobMemory latent_;
  JobMemory output_;
  JobMemory previous_;
  JobMemory coefficients_;
  JobMemory choice_;
  JobMemory next_;
  JobMemory clean_;
  size_t pages_;
  size_t values_;  // of a page
};

}  // namespace cobra
