/**
 * Makes a model package from the original Cobra release, with neither Python nor PyTorch: opens the checkpoints, maps
 * the names, folds or keeps the LoRA of each style, and builds the graphs. A tensor is in memory only while it is
 * written.
 */
import { ModelError } from "../../errors.js";
import { checkArgument, checkObject, checkOneOf, checkText } from "../../errors/arguments.js";
import { buildModelPackage, type BuildProgress } from "../build-package.js";
import type { ModelWeights, StyleWeights } from "../package-graphs.js";
import { STYLES, type Style } from "../../config/batch-config.js";
import type { ModelConfig } from "../model-config.js";
import { BUCKET_STEP_PX } from "../../model/manifest.js";
import type { ModelPackage } from "../../model/package.js";
import type { Prompt } from "../graphs/prompt.js";
import { COBRA_BUCKETS } from "../../model/buckets.js";
import { openWeights, type WeightsOnDisk } from "../weights/open-weights.js";
import { LONE_TENSOR } from "../weights/torch/torch-checkpoint.js";
import type { WeightSource } from "../../onnx/weights.js";
import { mergeLora } from "./lora.js";
import { NAME_TABLES, renamed } from "./name-table.js";
import { releaseConfig } from "./release-config.js";
import { findRelease, type ReleaseFiles, type ReleaseFolders, type StyleFiles } from "./release-files.js";

/** What to import and where to. */
export interface ImportReleaseOptions extends ReleaseFolders {
  /** Folder of the package. */
  readonly directory: string;
  /** One package may hold both; what they share is stored once. */
  readonly styles: readonly Style[];
  readonly precision: "float32" | "float16";
  /** Page sizes [width, height]; default Cobra's 15. */
  readonly buckets?: ModelConfig["buckets"];
  /** Let through by name: tensors of the LoRA's file that find no place, modules without an adapter, settings. */
  readonly ignored?: readonly string[];
  /** Replace an existing folder (default false: ERR_OUTPUT_EXISTS). */
  readonly overwrite?: boolean;
  /** See `BuildModelPackageOptions`. */
  readonly resumeKey?: string;
  readonly finish?: (folder: string) => Promise<void>;
  readonly onProgress?: (progress: BuildProgress) => void;
}

/** The licences of what a package is made of; docs/models.md says more. */
const LICENCE =
  "weights of Cobra (as its authors state) on PixArt-alpha's (CreativeML Open RAIL++-M); see docs/models.md";

/**
 * Imports a release. Everything is checked before anything is written.
 * @throws ModelError ERR_MODEL_NOT_FOUND (lists the missing files), ERR_MODEL_WEIGHTS (lists the tensors that do not
 * fit), ERR_MODEL_GRAPH; ResourceError ERR_OUTPUT_EXISTS, ERR_OUTPUT_WRITE
 */
export async function importRelease(options: ImportReleaseOptions): Promise<ModelPackage> {
  checkOptions(options);
  const files = findRelease(options, options.styles);
  try {
    return await importFiles(files, options);
  } catch (error) {
    throw files.assumed.length > 0 && error instanceof ModelError ? withAssumed(error, files.assumed) : error;
  }
}

/** Says which sizes were assumed: weights that do not fit them may be right. */
function withAssumed(error: ModelError, assumed: readonly string[]): ModelError {
  return new ModelError(
    error.code,
    `${error.message}\nThe published model's sizes were assumed, because there is no\n${assumed.map((path) => `  ${path}`).join("\n")}`,
    { cause: error, remedy: "get these files too, if the model has other sizes" },
  );
}

async function importFiles(files: ReleaseFiles, options: ImportReleaseOptions): Promise<ModelPackage> {
  await using opened = new OpenFiles();
  const lineExtractor = renamed(await opened.open(files.lineExtractor), NAME_TABLES.lineExtractor);
  const config = releaseConfig(
    files,
    lineExtractor,
    options.buckets ?? COBRA_BUCKETS.map(({ width, height }) => [width, height] as const),
    options.ignored,
  );
  const base = renamed(await opened.open(files.transformer), NAME_TABLES.transformer);
  const prompt = await readPrompt(files, config.transformer.captionChannels);
  const styles: Partial<Record<Style, StyleWeights>> = {};
  for (const [style, own] of files.styles)
    styles[style] = await styleWeights(opened, own, base, prompt, options.ignored);
  const weights: ModelWeights = {
    lineExtractor,
    imageEncoder: renamed(await opened.open(files.imageEncoder), NAME_TABLES.imageEncoder),
    vae: renamed(await opened.open(files.vae), NAME_TABLES.vae),
    styles,
    separateStyles: true,
  };
  const { directory, precision, overwrite = false, onProgress, resumeKey, finish } = options;
  const info = {
    name: options.styles.length > 1 ? "cobra" : `cobra-${options.styles[0] === "line" ? "line" : "shadow"}`,
    version: "1",
    licence: LICENCE,
    trained: true,
    description: `Cobra (arXiv 2504.12240), imported from the original release: ${options.styles.map((style) => JSON.stringify(style)).join(" and ")}.`,
  };
  return await buildModelPackage({
    directory,
    config,
    weights,
    info,
    precision,
    overwrite,
    externalDataAboveBytes: 0,
    ...(onProgress ? { onProgress } : {}),
    ...(resumeKey === undefined ? {} : { resumeKey }),
    ...(finish ? { finish } : {}),
  });
}

function checkOptions(options: ImportReleaseOptions): void {
  checkObject("the options of importRelease", options);
  for (const name of ["cobra", "pixart", "prompt", "directory"] as const) checkText(name, options[name]);
  const { styles } = options;
  checkArgument(Array.isArray(styles) && styles.length > 0, "styles", styles, "a list of one or more styles");
  for (const style of styles) checkOneOf("a style", style, STYLES);
  for (const bucket of options.buckets ?? [])
    for (const side of bucket)
      checkArgument(
        Number.isInteger(side) && side >= BUCKET_STEP_PX && side % BUCKET_STEP_PX === 0,
        `a side of the page size ${bucket.join("x")}`,
        side,
        `a multiple of ${BUCKET_STEP_PX}`,
      );
  checkOneOf("precision", options.precision, ["float32", "float16"]);
}

async function styleWeights(
  opened: OpenFiles,
  files: StyleFiles,
  base: WeightSource,
  prompt: Prompt,
  ignored: readonly string[] = [],
): Promise<StyleWeights> {
  const adapter = renamed(await opened.open(files.adapter), NAME_TABLES.adapter);
  return {
    main: mergeLora(base, adapter, { ignored }),
    control: renamed(await opened.open(files.control), NAME_TABLES.control),
    upsampler: renamed(await opened.open(files.upsampler), NAME_TABLES.upsampler),
    prompt,
  };
}

/** The prompt's tensors: embeds [tokens, channels] and mask [tokens], each perhaps with a leading 1. */
async function readPrompt(files: ReleaseFiles, channels: number): Promise<Prompt> {
  const [embeds, mask] = [await readLone(files.promptEmbeds), await readLone(files.promptMask)];
  const tokens = mask.data.length;
  if (embeds.dims.join() !== [tokens, channels].join() || mask.dims.join() !== String(tokens)) {
    throw new ModelError(
      "ERR_MODEL_WEIGHTS",
      `${files.promptEmbeds} is [${embeds.dims.join(", ")}] and ${files.promptMask} is [${mask.dims.join(", ")}]; they must be [tokens, ${channels}] and [tokens]`,
    );
  }
  const bad = embeds.data.findIndex(
    (value, at) => mask.data[Math.floor(at / channels)] !== 0 && !Number.isFinite(value),
  );
  if (bad >= 0) {
    throw new ModelError(
      "ERR_MODEL_WEIGHTS",
      `${files.promptEmbeds} holds ${embeds.data[bad]} in token ${Math.floor(bad / channels)}, which the mask keeps; every kept value must be a finite number`,
      { remedy: "get the file again" },
    );
  }
  if (mask.data.some((kept) => !Number.isFinite(kept))) {
    throw new ModelError("ERR_MODEL_WEIGHTS", `${files.promptMask} holds a value that is not a finite number`, {
      remedy: "get it again",
    });
  }
  if (mask.data.every((kept) => kept === 0))
    throw new ModelError(
      "ERR_MODEL_WEIGHTS",
      `${files.promptMask} keeps none of the prompt's ${tokens} tokens; it must keep at least one`,
      { remedy: "get it again" },
    );
  return { embeds: embeds.data, mask: mask.data };
}

async function readLone(path: string): Promise<{ dims: readonly number[]; data: Float32Array }> {
  await using opened = new OpenFiles();
  const source = await opened.open(path);
  const names = source.names() ?? [];
  const dims = source.dims(LONE_TENSOR);
  if (names.length !== 1 || !Array.isArray(dims))
    throw new ModelError(
      "ERR_MODEL_WEIGHTS",
      `${path} holds ${names.length} tensors; it must hold one tensor and nothing else`,
    );
  const shape = dims as readonly number[];
  return { dims: shape[0] === 1 && shape.length > 1 ? shape.slice(1) : shape, data: source.read(LONE_TENSOR, shape) };
}

/** Files that are closed together. */
class OpenFiles implements AsyncDisposable {
  readonly #sources: WeightsOnDisk[] = [];

  async open(path: string): Promise<WeightsOnDisk> {
    const source = await openWeights(path);
    this.#sources.push(source);
    return source;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const source of this.#sources) {
      source[Symbol.dispose]?.();
      await source[Symbol.asyncDispose]?.();
    }
  }
}
