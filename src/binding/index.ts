/** The only door to the native addon: sessions, tensors, runtime figures. */
export { liveCounts, runtimeInfo } from "./runtime/runtime.js";
export { Binding, InferenceSession, type RunOptions } from "./runtime/session.js";
export type { Provider, SessionOptions } from "./runtime/session-options.js";
export { Tensor } from "./runtime/tensor.js";
export type { AllocatorStats, DeviceMemory, Dtype, LiveCounts, RuntimeInfo, TensorData, ValueInfo } from "./types.js";
export type { RasterImage } from "./raster.js";
