/**
 * Builds a model package: all graphs from a config and weight sources, the manifest, all in a temporary folder beside the
 * target that is renamed when everything is written. The same input gives the same bytes.
 */
import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Graph, GraphOptions } from "./builder/graph-builder.js";
import { WeightFile, weightBytes, writeModel } from "./builder/model-file.js";
import { checkManifest, MANIFEST_FILE, MANIFEST_FORMAT_VERSION, STYLES, type FileRecord, type ModelManifest, type Style } from "./manifest.js";
import type { ModelConfig } from "./model-config.js";
import { hashFile, openModelPackage, type ModelPackage } from "./model-package.js";
import { inNewFolder } from "./package-folder.js";
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
  /**
   * Gives a style files of its own even where there is no other (default false), so that the other files of two packages with
   * one style each are the same.
   */
  readonly separateStyles?: boolean;
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
  /** Hears how far the writing is, after each tensor. */
  readonly onProgress?: (progress: BuildProgress) => void;
}

/** How far a package is written. Bytes count a tensor once for each graph that has it. */
export interface BuildProgress {
  /** The graph's file that is being written, "hash" at the end. */
  readonly part: string;
  readonly doneBytes: number;
  readonly totalBytes: number;
}

const EXTERNAL_DATA_ABOVE_BYTES = 2 ** 28;
/** Weights of the networks that all styles share, and of the styles where they are one. */
const WEIGHT_FILE = "weights.bin";

/** Graphs by file name; `weights` is the weight file of those that are a style's own. */
type Files = Map<string, { readonly graph: Graph; readonly weights: string }>;

/**
 * Builds the package and opens it. Throws ModelError (ERR_MODEL_GRAPH, ERR_MODEL_WEIGHTS with every fault by name,
 * ERR_MODEL_MANIFEST) before anything is written, ResourceError (ERR_OUTPUT_EXISTS, ERR_OUTPUT_WRITE). A failure leaves nothing behind.
 */
export async function buildModelPackage(options: BuildModelPackageOptions): Promise<ModelPackage> {
  const directory = resolve(options.directory);
  checkConfig(options, directory);
  const files: Files = new Map();
  const graphs = buildGraphs(options, files);
  const describe = (records: Record<string, FileRecord>): ModelManifest => manifestOf(options, graphs, records);

  await inNewFolder({ directory, overwrite: options.overwrite ?? false, neededBytes: storedBytes(files) }, async (folder) => {
    const written = await writeGraphs(folder, files, options);
    const records: Record<string, FileRecord> = {};
    for (const name of written.sort()) records[name] = await hashFile(join(folder, name));
    await writeFile(join(folder, MANIFEST_FILE), `${JSON.stringify(describe(records), null, 2)}\n`, { flush: true });
  });
  return openModelPackage(directory, { verify: false });
}

/** What the manifest refuses is refused before a graph is built of it: the files' names and hashes stand in for those that come. */
function checkConfig(options: BuildModelPackageOptions, directory: string): void {
  const name = "graph.onnx";
  const shared = { line_extractor: name, image_encoder: name, vae_encoder: name, vae_decoder: name };
  const styles = Object.entries(options.weights.styles).map(([style, own]) => {
    const upsampler = options.config.upsampler === null || own?.upsampler === undefined ? {} : { guided_upsampler: name };
    return [style, { reference_encoder: name, denoiser: name, ...upsampler }];
  });
  const graphs: ModelManifest["graphs"] = { shared, styles: Object.fromEntries(styles) as ModelManifest["graphs"]["styles"] };
  checkManifest(manifestOf(options, graphs, { [name]: { bytes: 1, sha256: "0".repeat(64) } }), `the manifest of ${directory}`);
}

function buildGraphs(options: BuildModelPackageOptions, files: Files): ModelManifest["graphs"] {
  const { config, weights } = options;
  const graphOptions: GraphOptions = { precision: options.precision ?? "float32", pageSizes: config.buckets };
  const lineExtractor = new Weights(weights.lineExtractor, "line_extractor");
  const imageEncoder = new Weights(weights.imageEncoder, "image_encoder");
  const vae = new Weights(weights.vae, "vae");
  const put = (name: string, graph: Graph, weightFile = WEIGHT_FILE): string => {
    files.set(name, { graph, weights: weightFile });
    return name;
  };
  const shared = {
    line_extractor: put("line_extractor.onnx", buildLineExtractor(config.lineExtractor, lineExtractor, { ...graphOptions, precision: "float32" })),
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
    const suffix = distinct === 1 && weights.separateStyles !== true ? "" : `.${style.replace(" + ", "-")}`;
    styles[style] = done.get(own) ?? buildStyle(own, suffix);
    done.set(own, styles[style]);
  }
  for (const one of [lineExtractor, imageEncoder, vae]) one.check();
  return { shared, styles };

  function buildStyle(own: StyleWeights, suffix: string): NonNullable<typeof styles.line> {
    const [main, control] = [new Weights(own.main, `main${suffix}`), new Weights(own.control, `control${suffix}`)];
    const weightFile = `weights${suffix}.bin`;
    const names: NonNullable<typeof styles.line> = {
      reference_encoder: put(`reference_encoder${suffix}.onnx`, buildReferenceEncoder(config.transformer, main, own.prompt, graphOptions), weightFile),
      denoiser: put(`denoiser${suffix}.onnx`, buildDenoiser(config.transformer, { main, control }, own.prompt, graphOptions), weightFile),
    };
    main.check();
    control.check();
    if (config.upsampler !== null && own.upsampler !== undefined) {
      const upsampler = new Weights(own.upsampler, `upsampler${suffix}`);
      names.guided_upsampler = put(`guided_upsampler${suffix}.onnx`, buildGuidedUpsampler(config.vae, upsampler, vae, graphOptions), weightFile);
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
function storedBytes(files: Files): number {
  const sizes = new Map<string, number>();
  for (const { graph } of files.values()) for (const { name, byteLength } of graph.constants) sizes.set(name, byteLength);
  return [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0);
}

async function writeGraphs(directory: string, files: Files, options: BuildModelPackageOptions): Promise<string[]> {
  const totalBytes = [...files.values()].reduce((sum, { graph }) => sum + weightBytes(graph), 0);
  const tell = options.onProgress ?? (() => undefined);
  let doneBytes = 0;
  const stores = new Map<string, WeightFile>();
  try {
    if (totalBytes > (options.externalDataAboveBytes ?? EXTERNAL_DATA_ABOVE_BYTES)) {
      const shared = await WeightFile.create(join(directory, WEIGHT_FILE));
      stores.set(WEIGHT_FILE, shared);
      for (const { weights } of files.values()) if (!stores.has(weights)) stores.set(weights, await WeightFile.create(join(directory, weights), shared));
    }
    for (const [part, { graph, weights }] of files) {
      tell({ part, doneBytes, totalBytes });
      await writeModel(graph, join(directory, part), stores.get(weights), (bytes) => tell({ part, doneBytes: (doneBytes += bytes), totalBytes }));
    }
  } finally {
    for (const store of stores.values()) await store.close();
  }
  tell({ part: "hash", doneBytes: totalBytes, totalBytes });
  return [...files.keys(), ...stores.keys()];
}
