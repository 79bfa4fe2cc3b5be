// Simulates devices on the CPU, for tests and benchmarks: less memory than the host has, waiting instead of computing,
// errors on demand. So what a GPU does to the code above it is seen on any machine. No part of the public API.
#pragma once
#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace cobra {

struct Simulation {
  // Bytes of memory that the device has, for tensors, weights and activations together; 0: as the host has.
  size_t limit_bytes = 0;
  // How long a run takes. The cores are free meanwhile, and the outputs are those of the first run with the same
  // shapes. 0: it computes.
  double wait_ms = 0;
  // Runs that fail, counted from 1 since the simulation began: what ONNX Runtime would say.
  std::map<uint64_t, std::string> failures;
};

// (device name, { limitBytes?, waitMs?, failures? } | undefined): takes effect with the sessions that are made
// afterwards (limit) and with the next run (all else); brings a lost device back.
Napi::Value SimulateDevice(const Napi::CallbackInfo& info);

}  // namespace cobra
