/**
 * Builds a model package: all graphs from a config and weight sources, and the manifest, in a temporary folder beside
 * the target that is renamed when everything is written. The same input gives the same bytes.
 */
import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import {
  checkManifest,
  formatVersionOf,
  MANIFEST_FILE,
  type FileRecord,
  type ModelManifest,
} from "../model/manifest.js";
import type { ModelConfig } from "./model-config.js";
import { hashFile, openModelPackage, type ModelPackage } from "../model/package.js";
import { inNewFolder } from "./package-folder.js";
import { totalBytes, writeGraphs, type BuildProgress } from "./write-graphs.js";
import { widthOf } from "./graphs/transformer-config.js";
import { packageGraphs, type ModelWeights, type PackageFiles, type PackageGraphs } from "./package-graphs.js";

export type { BuildProgress } from "./write-graphs.js";

/** What the manifest says for people. */
export type ModelInfo = Pick<ModelManifest, "name" | "version" | "licence" | "trained" | "description" | "training">;

/** What to build and where. */
export interface BuildModelPackageOptions {
  /** Folder of the package; its parent is created. */
  readonly directory: string;
  readonly config: ModelConfig;
  /** What the graphs are made of; none where `graphs` are given. */
  readonly weights?: ModelWeights;
  /** Graphs that are ready, in the place of Cobra's with `weights`. */
  readonly graphs?: PackageGraphs;
  readonly info: ModelInfo;
  /** Default float32. */
  readonly precision?: "float32" | "float16";
  /** Replace an existing folder (default false: ERR_OUTPUT_EXISTS). */
  readonly overwrite?: boolean;
  /**
   * Weights of all graphs together above this many bytes lie in files that the graphs share, and a style's denoiser and
   * reference encoder take theirs as inputs (default 256 MiB; 0 = always). Below, they lie in the graphs.
   */
  readonly externalDataAboveBytes?: number;
  /** Hears how far the writing is, after each tensor. */
  readonly onProgress?: (progress: BuildProgress) => void;
  /**
   * Keeps what is written if the process is killed or the disk is full, and goes on with it in the next call with the
   * same key, which stands for all that the package is made of. Only one process may build the folder at a time.
   */
  readonly resumeKey?: string;
  /** Adds files of its own to the folder, such as licences, before the package gets its name. */
  readonly finish?: (folder: string) => Promise<void>;
}

const EXTERNAL_DATA_ABOVE_BYTES = 2 ** 28;

/**
 * Builds the package and opens it. Throws ModelError (ERR_MODEL_GRAPH, ERR_MODEL_WEIGHTS with every fault by name,
 * ERR_MODEL_MANIFEST) before anything is written, ResourceError (ERR_OUTPUT_EXISTS, ERR_OUTPUT_WRITE). A failure leaves
 * nothing behind.
 */
export async function buildModelPackage(options: BuildModelPackageOptions): Promise<ModelPackage> {
  const directory = resolve(options.directory);
  const { weights } = options;
  if (weights !== undefined) checkConfig({ ...options, weights }, directory);
  const inline = weights === undefined ? options.graphs! : packageGraphs({ ...options, weights }, false);
  const external = totalBytes(inline.files) > (options.externalDataAboveBytes ?? EXTERNAL_DATA_ABOVE_BYTES);
  const { files, graphs } = external && weights !== undefined ? packageGraphs({ ...options, weights }, true) : inline;
  const describe = (records: Record<string, FileRecord>): ModelManifest => manifestOf(options, graphs, records);

  return writePackage({ ...options, directory, files, external, manifest: describe });
}

/** What is written, and where. */
export interface PackageContent extends Pick<
  BuildModelPackageOptions,
  "directory" | "overwrite" | "onProgress" | "resumeKey" | "finish"
> {
  readonly files: PackageFiles;
  /** Weights lie in files of their own. */
  readonly external: boolean;
  /** The manifest of the files that were written. */
  readonly manifest: (files: Record<string, FileRecord>) => ModelManifest;
}

/** Writes a package and opens it. @throws what `buildModelPackage` does */
export async function writePackage(content: PackageContent): Promise<ModelPackage> {
  const { directory, files, external, onProgress, resumeKey } = content;
  await inNewFolder(
    { directory, overwrite: content.overwrite ?? false, neededBytes: storedBytes(files), resumeKey },
    async (folder) => {
      const written = await writeGraphs(folder, files, { external, onProgress, resumable: resumeKey !== undefined });
      const records: Record<string, FileRecord> = {};
      for (const name of written.sort()) records[name] = await hashFile(join(folder, name));
      const manifest = `${JSON.stringify(content.manifest(records), null, 2)}\n`;
      await writeFile(join(folder, MANIFEST_FILE), manifest, { flush: true });
      await content.finish?.(folder);
    },
  );
  return openModelPackage(directory, { verify: false });
}

/**
 * What the manifest refuses is refused before a graph is built of it: the files' names and hashes stand in for those
 * that come.
 */
function checkConfig(options: BuildModelPackageOptions & { readonly weights: ModelWeights }, directory: string): void {
  const name = "graph.onnx";
  const shared = { line_extractor: name, image_encoder: name, vae_encoder: name, vae_decoder: name };
  const styles = Object.entries(options.weights.styles).map(([style, own]) => {
    const upsampler =
      options.config.upsampler === null || own?.upsampler === undefined ? {} : { guided_upsampler: name };
    return [style, { reference_encoder: name, denoiser: name, ...upsampler }];
  });
  const graphs: ModelManifest["graphs"] = {
    shared,
    styles: Object.fromEntries(styles) as ModelManifest["graphs"]["styles"],
  };
  checkManifest(
    manifestOf(options, graphs, { [name]: { bytes: 1, sha256: "0".repeat(64) } }),
    `the manifest of ${directory}`,
  );
}

function manifestOf(
  options: BuildModelPackageOptions,
  graphs: ModelManifest["graphs"],
  files: Record<string, FileRecord>,
): ModelManifest {
  const { config, info } = options;
  return {
    formatVersion: formatVersionOf(graphs),
    ...info,
    precision: options.precision ?? "float32",
    buckets: config.buckets.map(([width, height]) => [width, height]),
    latent: {
      channels: config.vae.latentChannels,
      downscale: 2 ** (config.vae.channels.length - 1),
      scalingFactor: config.vae.scalingFactor,
    },
    prediction: config.prediction,
    hints: config.hints ?? "squares",
    fill: config.fill ?? "model",
    references: "quadrants",
    scheduler: { ...config.scheduler },
    imageEncoder: {
      imageSize: config.imageEncoder.imageSize,
      mean: [...config.imageNormalization.mean],
      std: [...config.imageNormalization.std],
      embeddingSize: config.imageEncoder.projection,
    },
    referenceKv: { layers: config.transformer.layers, width: widthOf(config.transformer) },
    upsampler: config.upsampler === null ? null : { ...config.upsampler },
    graphs,
    files,
  };
}

/** Bytes of the package's weights, each tensor counted once. */
function storedBytes(files: PackageFiles): number {
  const sizes = new Map<string, number>();
  for (const { graph } of files.values())
    for (const { name, byteLength } of graph.constants) sizes.set(name, byteLength);
  return [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0);
}
