/** Session options of a package's networks on CUDA. */
import type { SessionOptions } from "../../binding/index.js";
import type { ModelManifest } from "../../model/manifest.js";

/**
 * The options with what fits the package's precision. TF32 has half precision's ten bits: a package in half precision
 * loses nothing by it where a network computes in float32, as the line extractor does; a float32 package would.
 */
export function cudaOptions({ precision }: ModelManifest, options: SessionOptions): SessionOptions {
  if (precision !== "float16") return options;
  return { ...options, providerOptions: { use_tf32: "1", ...options.providerOptions } };
}
