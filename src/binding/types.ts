/** Typed mirror of the native surface: what `native/` registers, and nothing else. Only `src/binding/` imports it. */

/** Everything the addon exports. */
export interface NativeAddon extends NativePixels, NativeRuntime {}

/** Session, tensor and runtime calls: `native/runtime.*`, `session.*`, `tensor.*`, `memory.*`. */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type
export interface NativeRuntime {}

/** CPU kernels for pages: `native/pixels.*`. */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type
export interface NativePixels {}
