/** What a model package needs of a machine: bytes of weights and of keys and values, counted from its manifest. */
import type { ModelManifest } from "./manifest.js";

/** Bytes that a package needs. */
export interface ModelRequirements {
  /** All files. */
  readonly packageBytes: number;
  /** Weights in memory while one style is in use, everything loaded. */
  readonly weightBytes: number;
  /** Keys and values of one reference patch at one of the four quadrants, at the largest page size. */
  readonly patchBytes: number;
}

/** The needs of a package on a provider. On the CPU half precision is computed in float32, so its weights take twice their size there. */
export function modelRequirements(manifest: ModelManifest, provider: string): ModelRequirements {
  const { graphs, files, precision, referenceKv, latent } = manifest;
  const packageBytes = Object.values(files).reduce((sum, file) => sum + file.bytes, 0);
  const style = graphs.styles["line + shadow"] ?? graphs.styles.line!;
  const others = new Set(Object.values(graphs.styles).flatMap((one) => (one === undefined ? [] : [one.reference_encoder, one.denoiser, one.guided_upsampler, weightFileOf(one.denoiser)])));
  for (const name of [style.reference_encoder, style.denoiser, style.guided_upsampler, weightFileOf(style.denoiser)]) others.delete(name);
  const stored = Object.entries(files).reduce((sum, [name, file]) => sum + (others.has(name) ? 0 : file.bytes), 0);
  const weightBytes = stored * (precision === "float16" && provider === "cpu" ? 2 : 1);
  const tokens = Math.max(...manifest.buckets.map(([width, height]) => (width * height) / (latent.downscale * 4) ** 2));
  const patchBytes = referenceKv.layers * 2 * tokens * referenceKv.width * (precision === "float16" ? 2 : 4);
  return { packageBytes, weightBytes, patchBytes };
}

/** The weight file of a style's own graphs: they carry the same suffix. */
function weightFileOf(denoiser: string): string {
  return `${denoiser.replace(/^denoiser/u, "weights").replace(/\.onnx$/u, "")}.bin`;
}
