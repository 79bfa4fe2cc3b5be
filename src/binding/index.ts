/** The native addon for other rooms: sessions, tensors, figures of the runtime. */
export { liveCounts, runtimeInfo } from "./runtime/runtime.js";
export { Device } from "./runtime/device.js";
export type { Binding } from "./runtime/binding.js";
export { runSteps, type HostSolver, type Steps } from "./runtime/steps.js";
export { InferenceSession } from "./runtime/session.js";
export type { Provider } from "./runtime/providers.js";
export type { SessionOptions } from "./runtime/session-options.js";
export { Tensor } from "./runtime/tensor.js";
export type {
  AllocatorStats,
  DeviceFigures,
  DeviceKind,
  DeviceLoad,
  DeviceMemory,
  Dtype,
  TensorData,
} from "./types.js";
export type { RasterImage } from "./raster.js";
