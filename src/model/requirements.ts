/**
 * Requirements of a model package: bytes of weights and of keys and values, counted from its manifest and graphs.
 */
import { join } from "node:path";
import type { Style } from "../config/batch-config.js";
import { DATA_TYPE, ELEMENT_BYTES_OF_TYPE, type ModelProto } from "../onnx/schema.js";
import { elementCount } from "../onnx/tensor-data.js";
import { referenceTokens } from "./buckets.js";
import { CUDA_LAYOUT } from "./cuda-graphs.js";
import type { ModelManifest } from "./manifest.js";
import type { ModelPackage } from "./package.js";
import { readGraph } from "./read-graph.js";

/** Bytes that a package needs. */
interface ModelRequirements {
  /** All files. */
  readonly packageBytes: number;
  /** Weights in memory while one style is in use, everything loaded. */
  readonly weightBytes: number;
  /** Keys and values of one reference patch at one of the four quadrants, at the largest page size. */
  readonly patchBytes: number;
}

/** Whether half precision weights are held in float32, as on the CPU, which computes in float32. */
export function weightsInFloat32({ precision }: ModelManifest, provider: string): boolean {
  return precision === "float16" && provider === "cpu";
}

/** The needs of a package on a provider. */
export function modelRequirements(model: ModelPackage, provider: string): ModelRequirements {
  const { precision, referenceKv, latent, buckets } = model.manifest;
  const style = model.styles.at(-1)!;
  const weightBytes =
    sessionWeightBytes(model, style, weightsInFloat32(model.manifest, provider)) +
    apartWeightBytes(model, style, provider);
  const tokens = Math.max(...buckets.map(([width, height]) => referenceTokens({ width, height }, latent)));
  const patchBytes = referenceKv.layers * 2 * tokens * referenceKv.width * (precision === "float16" ? 2 : 4);
  return { packageBytes: packageBytes(model.manifest), weightBytes, patchBytes };
}

/** Bytes of all files of a package. */
export function packageBytes({ files }: ModelManifest): number {
  return Object.values(files).reduce((sum, file) => sum + file.bytes, 0);
}

/**
 * Bytes of the weights that sessions hold, as they are stored: of the graphs that one style uses, or all do. Not of
 * weights that lie apart.
 * @param wide count half precision as float32
 */
export function sessionWeightBytes(model: ModelPackage, style?: Style, wide = false): number {
  const { graphs, files } = model.manifest;
  const all = Object.entries(graphs.styles).flatMap(([name, own]) => (own === undefined ? [] : [{ name, own }]));
  const used = all.filter(({ name }) => style === undefined || name === style);
  const names = new Set(
    [graphs.shared, ...used.map(({ own }) => own)]
      .flatMap((one) => Object.values(one))
      .filter((file) => file !== undefined),
  );
  if (graphs.weights !== undefined)
    return [...names].reduce((sum, file) => sum + initializerBytes(readGraph(join(model.directory, file)), wide), 0);
  // The graphs' own files may hold their weights, and then are not worth reading for this.
  for (const { own } of used) names.add(weightFileOf(own.denoiser));
  const ofStyles = new Set(all.flatMap(({ own }) => [...Object.values(own), weightFileOf(own.denoiser)]));
  const stored = Object.entries(files).reduce(
    (sum, [name, file]) => sum + (ofStyles.has(name) && !names.has(name) ? 0 : file.bytes),
    0,
  );
  return wide ? 2 * stored : stored;
}

/**
 * Bytes that weights which lie apart from the graphs take in memory, of those that one style uses; 0 where none lie
 * apart. On CUDA half precision ones of the VAE become constants of the sessions, and the upsampler has both halves of
 * the VAE once more.
 */
export function apartWeightBytes(model: ModelPackage, style: Style, provider: string): number {
  const { weights, styles } = model.manifest.graphs;
  const { precision } = model.manifest;
  const wide = weightsInFloat32(model.manifest, provider);
  const isTwice =
    provider === "cuda" &&
    precision === "float16" &&
    CUDA_LAYOUT === "channels last" &&
    styles[style]?.guided_upsampler !== undefined;
  const files =
    weights === undefined
      ? []
      : [
          weights.shared.vae,
          isTwice ? weights.shared.vae : undefined,
          ...Object.values(weights.styles[style] ?? {}),
        ].filter((file) => file !== undefined);
  return files.reduce((sum, file) => sum + outputBytes(readGraph(join(model.directory, file)), wide), 0);
}

function initializerBytes({ graph }: ModelProto, wide: boolean): number {
  return graph.initializer.reduce((sum, { dims, dataType }) => sum + elementCount(dims) * bytesOf(dataType, wide), 0);
}

function outputBytes({ graph }: ModelProto, wide: boolean): number {
  return graph.output.reduce(
    (sum, { type: { tensorType } }) =>
      sum +
      elementCount((tensorType.shape?.dim ?? []).map(({ dimValue }) => dimValue ?? 0)) *
        bytesOf(tensorType.elemType, wide),
    0,
  );
}

function bytesOf(elementType: number, wide: boolean): number {
  return wide && elementType === DATA_TYPE.float16 ? 4 : (ELEMENT_BYTES_OF_TYPE[elementType] ?? 4);
}

/** The weight file of a style's own graphs in a package of format 1: they carry the same suffix. */
function weightFileOf(denoiser: string): string {
  return `${denoiser.replace(/^denoiser/u, "weights").replace(/\.onnx$/u, "")}.bin`;
}
