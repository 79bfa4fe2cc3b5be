/** The only door to the native addon: sessions, tensors, runtime figures. */
export { liveCounts, runtimeInfo } from "./runtime.js";
export { Binding, InferenceSession, type RunOptions } from "./session.js";
export type { Provider, SessionOptions } from "./session-options.js";
export { Tensor } from "./tensor.js";
export type { AllocatorStats, DeviceMemory, Dtype, LiveCounts, RuntimeInfo, TensorData, ValueInfo } from "./types.js";
export type { RasterImage } from "./raster.js";
