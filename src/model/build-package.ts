/**
 * Builds a model package: all graphs from a config and weight sources, the manifest, all in a temporary folder beside the
 * target that is renamed when everything is written. The same input gives the same bytes.
 */
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { BatchProcessingError, messageOf, ResourceError } from "../errors.js";
import type { Graph, GraphOptions } from "./builder/graph-builder.js";
import { WeightFile, weightBytes, writeModel } from "./builder/model-file.js";
import { checkManifest, MANIFEST_FILE, MANIFEST_FORMAT_VERSION, STYLES, type FileRecord, type ModelManifest, type Style } from "./manifest.js";
import type { ModelConfig } from "./model-config.js";
import { hashFile, openModelPackage, type ModelPackage } from "./model-package.js";
import { buildDenoiser } from "./networks/denoiser.js";
import { buildGuidedUpsampler } from "./networks/guided-upsampler.js";
import { buildImageEncoder } from "./networks/image-encoder.js";
import { buildLineExtractor } from "./networks/line-extractor.js";
import type { Prompt } from "./networks/prompt.js";
import { buildReferenceEncoder } from "./networks/reference-encoder.js";
import { widthOf } from "./networks/transformer-config.js";
import { buildVaeDecoder, buildVaeEncoder } from "./networks/vae-graphs.js";
import { Weights, type WeightSource } from "./weights/weights.js";

/** Weights that belong to a style. Two styles given the same object share their files. */
export interface StyleWeights {
  /** The main branch. */
  readonly main: WeightSource;
  /** The control branch. */
  readonly control: WeightSource;
  /** The upsampler's ResNets; needed unless the config's `upsampler` is null. */
  readonly upsampler?: WeightSource;
  readonly prompt: Prompt;
}

/** All weights of a package. */
export interface ModelWeights {
  readonly lineExtractor: WeightSource;
  readonly imageEncoder: WeightSource;
  readonly vae: WeightSource;
  readonly styles: Readonly<Partial<Record<Style, StyleWeights>>>;
}

/** What the manifest says for people. */
export type ModelInfo = Pick<ModelManifest, "name" | "version" | "licence" | "trained" | "description" | "training">;

/** What to build and where. */
export interface BuildModelPackageOptions {
  /** Folder of the package; its parent is created. */
  readonly directory: string;
  readonly config: ModelConfig;
  readonly weights: ModelWeights;
  readonly info: ModelInfo;
  /** Default float32. */
  readonly precision?: "float32" | "float16";
  /** Replace an existing folder (default false: ERR_OUTPUT_EXISTS). */
  readonly overwrite?: boolean;
  /** Weights of all graphs together above this many bytes go to one file that the graphs share (default 256 MiB; 0 = always). */
  readonly externalDataAboveBytes?: number;
}

const EXTERNAL_DATA_ABOVE_BYTES = 2 ** 28;
const WEIGHT_FILE = "weights.bin";

/** Graphs by file name. */
type Files = Map<string, Graph>;

/**
 * Builds the package and opens it. Throws ModelError (ERR_MODEL_GRAPH, ERR_MODEL_WEIGHTS with every fault by name,
 * ERR_MODEL_MANIFEST) before anything is written, ResourceError (ERR_OUTPUT_EXISTS, ERR_OUTPUT_WRITE). A failure leaves nothing behind.
 */
export async function buildModelPackage(options: BuildModelPackageOptions): Promise<ModelPackage> {
  const directory = resolve(options.directory);
  const files: Files = new Map();
  const graphs = buildGraphs(options, files);
  const describe = (records: Record<string, FileRecord>): ModelManifest => manifestOf(options, graphs, records);
  const placeholder: FileRecord = { bytes: 1, sha256: "0".repeat(64) };
  checkManifest(describe(Object.fromEntries([...files.keys()].map((name) => [name, placeholder]))), `the manifest of ${directory}`);

  const temporary = await createTemporary(directory);
  try {
    const written = await writeGraphs(temporary, files, options.externalDataAboveBytes ?? EXTERNAL_DATA_ABOVE_BYTES);
    const records: Record<string, FileRecord> = {};
    for (const name of written.sort()) records[name] = await hashFile(join(temporary, name));
    await writeFile(join(temporary, MANIFEST_FILE), `${JSON.stringify(describe(records), null, 2)}\n`, { flush: true });
    await putInPlace(temporary, directory, options.overwrite ?? false);
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true });
    if (cause instanceof BatchProcessingError) throw cause;
    throw new ResourceError("ERR_OUTPUT_WRITE", `the model package cannot be written to ${directory} (${messageOf(cause)})`, { cause });
  }
  return openModelPackage(directory, { verify: false });
}

function buildGraphs(options: BuildModelPackageOptions, files: Files): ModelManifest["graphs"] {
  const { config, weights } = options;
  const graphOptions: GraphOptions = { precision: options.precision ?? "float32" };
  const lineExtractor = new Weights(weights.lineExtractor, "line_extractor");
  const imageEncoder = new Weights(weights.imageEncoder, "image_encoder");
  const vae = new Weights(weights.vae, "vae");
  const put = (name: string, graph: Graph): string => {
    files.set(name, graph);
    return name;
  };
  const shared = {
    line_extractor: put("line_extractor.onnx", buildLineExtractor(config.lineExtractor, lineExtractor, graphOptions)),
    image_encoder: put("image_encoder.onnx", buildImageEncoder(config.imageEncoder, imageEncoder, graphOptions)),
    vae_encoder: put("vae_encoder.onnx", buildVaeEncoder(config.vae, vae, graphOptions)),
    vae_decoder: put("vae_decoder.onnx", buildVaeDecoder(config.vae, vae, graphOptions)),
  };
  const styles: ModelManifest["graphs"]["styles"] = {};
  const done = new Map<StyleWeights, NonNullable<typeof styles.line>>();
  const distinct = new Set(Object.values(weights.styles)).size;
  for (const style of STYLES) {
    const own = weights.styles[style];
    if (own === undefined) continue;
    const suffix = distinct === 1 ? "" : `.${style.replace(" + ", "-")}`;
    styles[style] = done.get(own) ?? buildStyle(own, suffix);
    done.set(own, styles[style]);
  }
  for (const one of [lineExtractor, imageEncoder, vae]) one.check();
  return { shared, styles };

  function buildStyle(own: StyleWeights, suffix: string): NonNullable<typeof styles.line> {
    const [main, control] = [new Weights(own.main, "main"), new Weights(own.control, "control")];
    const names: NonNullable<typeof styles.line> = {
      reference_encoder: put(`reference_encoder${suffix}.onnx`, buildReferenceEncoder(config.transformer, main, own.prompt, graphOptions)),
      denoiser: put(`denoiser${suffix}.onnx`, buildDenoiser(config.transformer, { main, control }, own.prompt, graphOptions)),
    };
    main.check();
    control.check();
    if (config.upsampler !== null && own.upsampler !== undefined) {
      const upsampler = new Weights(own.upsampler, "upsampler");
      names.guided_upsampler = put(`guided_upsampler${suffix}.onnx`, buildGuidedUpsampler(config.vae, upsampler, vae, graphOptions));
      upsampler.check();
    }
    return names;
  }
}

function manifestOf(options: BuildModelPackageOptions, graphs: ModelManifest["graphs"], files: Record<string, FileRecord>): ModelManifest {
  const { config, info } = options;
  return {
    formatVersion: MANIFEST_FORMAT_VERSION,
    ...info,
    precision: options.precision ?? "float32",
    buckets: config.buckets.map(([width, height]) => [width, height]),
    latent: { channels: config.vae.latentChannels, downscale: 2 ** (config.vae.channels.length - 1), scalingFactor: config.vae.scalingFactor },
    prediction: config.prediction,
    hints: config.hints ?? "squares",
    scheduler: { ...config.scheduler },
    imageEncoder: {
      imageSize: config.imageEncoder.imageSize,
      mean: [...config.imageNormalization.mean],
      std: [...config.imageNormalization.std],
      embeddingSize: config.imageEncoder.projection,
    },
    referenceKv: { layers: config.transformer.layers, width: widthOf(config.transformer) },
    upsampler: config.upsampler === null ? null : { scale: config.upsampler.scale },
    graphs,
    files,
  };
}

async function writeGraphs(directory: string, files: Files, externalAboveBytes: number): Promise<string[]> {
  const total = [...files.values()].reduce((sum, graph) => sum + weightBytes(graph), 0);
  if (total <= externalAboveBytes) {
    for (const [name, graph] of files) await writeModel(graph, join(directory, name));
    return [...files.keys()];
  }
  const weights = await WeightFile.create(join(directory, WEIGHT_FILE));
  try {
    for (const [name, graph] of files) await writeModel(graph, join(directory, name), weights);
  } finally {
    await weights.close();
  }
  return [...files.keys(), WEIGHT_FILE];
}

async function createTemporary(directory: string): Promise<string> {
  try {
    await mkdir(dirname(directory), { recursive: true });
    return await mkdtemp(join(dirname(directory), `.${basename(directory)}-`));
  } catch (cause) {
    throw new ResourceError("ERR_OUTPUT_WRITE", `a model package cannot be written to ${directory} (${messageOf(cause)}); choose a folder that can be written`, { cause });
  }
}

/** Renames the finished folder; with `overwrite` the old one steps aside first and comes back when that fails. */
async function putInPlace(temporary: string, directory: string, overwrite: boolean): Promise<void> {
  const aside = `${temporary}-old`;
  let moved = false;
  if (overwrite) {
    moved = await rename(directory, aside).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return false;
        throw error;
      },
    );
  }
  try {
    await rename(temporary, directory);
  } catch (cause) {
    if (moved) await rename(aside, directory);
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOTEMPTY" || code === "EEXIST" || code === "ENOTDIR") {
      throw new ResourceError("ERR_OUTPUT_EXISTS", `${directory} exists; choose another folder, or ask to overwrite it`, { cause });
    }
    throw new ResourceError("ERR_OUTPUT_WRITE", `the model package cannot be put at ${directory} (${messageOf(cause)})`, { cause });
  }
  if (moved) await rm(aside, { recursive: true, force: true });
}
