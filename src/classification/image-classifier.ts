/** Tells line art from coloured pictures, by the rule of three metrics or by the calibrated classifier. */
import { createHash } from "node:crypto";
import { types } from "node:util";
import { CLASSIFIERS, type ClassifierName } from "../config/batch-config.js";
import { type BatchProcessingError, ImageProcessingError, messageOf, ValidationError } from "../errors.js";
import { isFileFailure } from "../errors/facts.js";
import { checkArgument, checkList, checkNames, checkObject, checkText, shown } from "../errors/arguments.js";
import { readWhole } from "../io/files/read-file.js";
import { calibrate } from "./calibrated.js";
import {
  completeThresholds,
  decide,
  defaultDecision,
  type ClassificationThresholds,
  type ImageClassification,
} from "./decision.js";
import { decodeForClassification } from "./decode-for-classification.js";
import { evidenceOf, measure, type ClassifierImage } from "./metrics.js";

/** What can be classified: a path, the bytes of an encoded file, or a decoded picture. */
export type ClassifierSource = string | Uint8Array | ClassifierImage;

/** Options of `ImageClassifier`. */
export interface ImageClassifierOptions {
  /** Limits of the plain rule; the others keep their defaults (0.15, 1000, 0.30). */
  thresholds?: Partial<ClassificationThresholds>;
  /**
   * Which decision: `"calibrated"`, as in a batch, or `"plain"`, the rule of the three metrics. They differ on yellowed
   * paper, palettes and pale colour; see `docs/classification.md`. Default: `"plain"` with `thresholds`, whose rule it
   * is, otherwise `"calibrated"`.
   */
  decision?: ClassifierName;
  /** How many pictures' classifications are remembered, by content. Default 10 000; 0 remembers none. */
  cacheEntries?: number;
  /** How many pictures `classifyBatch` works on at once. Default 4. */
  concurrency?: number;
  /** Refuse larger pictures, in pixels. Default 268 402 689. */
  limitPixels?: number;
}

const CLASSIFIER_OPTIONS: Readonly<Record<keyof ImageClassifierOptions, true>> = {
  thresholds: true,
  decision: true,
  cacheEntries: true,
  concurrency: true,
  limitPixels: true,
};

/** One entry of `classifyBatch`, in the order of the sources: a classification or the error of that picture. */
export type BatchClassification =
  | { readonly source: ClassifierSource; readonly classification: ImageClassification; readonly error?: never }
  | { readonly source: ClassifierSource; readonly classification?: never; readonly error: BatchProcessingError };

/**
 * Classifies pictures as a batch does, unless `decision` or `thresholds` say otherwise. Results are cached by content,
 * so the same picture under two names is measured once.
 */
export class ImageClassifier {
  readonly thresholds: ClassificationThresholds;
  readonly #options: Required<Pick<ImageClassifierOptions, "cacheEntries" | "concurrency">> & { limitPixels?: number };
  readonly #decision: ClassifierName;
  readonly #cache = new Map<string, ImageClassification>();

  /** @throws ConfigurationError `ERR_CONFIG` for a bad threshold; ValidationError `ERR_ARGUMENT` for a bad count */
  constructor(options: ImageClassifierOptions = {}) {
    checkObject("the options of ImageClassifier", options);
    checkNames<ImageClassifierOptions>("the options of ImageClassifier", options, CLASSIFIER_OPTIONS);
    const { cacheEntries = 10_000, concurrency = 4, limitPixels } = options;
    for (const [name, value, least] of [
      ["cacheEntries", cacheEntries, 0],
      ["concurrency", concurrency, 1],
      ["limitPixels", limitPixels ?? 1, 1],
    ] as const) {
      if (!Number.isInteger(value) || value < least)
        throw new ValidationError("ERR_ARGUMENT", `${name} must be a whole number >= ${least}, got ${shown(value)}`);
    }
    if (options.thresholds !== undefined) checkObject("thresholds", options.thresholds);
    this.thresholds = completeThresholds(options.thresholds);
    this.#decision = options.decision === undefined ? defaultDecision(options.thresholds) : options.decision;
    if (!CLASSIFIERS.includes(this.#decision))
      throw new ValidationError(
        "ERR_ARGUMENT",
        `decision must be ${CLASSIFIERS.map((name) => `"${name}"`).join(" or ")}, got ${shown(this.#decision)}`,
      );
    this.#options = { cacheEntries, concurrency, ...(limitPixels === undefined ? {} : { limitPixels }) };
  }

  /**
   * Classifies one picture.
   * @param name for error messages; default the path, or "picture"
   * @throws ImageProcessingError `ERR_IMAGE_DECODE` when it cannot be read or decoded; ClassificationError
   * `ERR_CLASSIFICATION` when a
   *   decoded picture's mode and channels do not fit
   */
  async classify(
    source: ClassifierSource,
    name = typeof source === "string" ? source : "picture",
  ): Promise<ImageClassification> {
    checkSource(source);
    checkText("the picture's name", name);
    const content = typeof source === "string" ? await readPicture(source) : source;
    const key = keyOf(content);
    const known = this.#cache.get(key);
    if (known) return known;
    const image = types.isUint8Array(content) ? await decodeForClassification(content, name, this.#options) : content;
    const classification = classifyPixels(image, this.#decision, this.thresholds);
    this.#remember(key, classification);
    return classification;
  }

  /**
   * Classifies many; a picture that fails gets its error and the others go on. Results are in the order of the sources.
   * Rejects with what is no picture's fault, such as `ERR_OUT_OF_MEMORY`.
   */
  async classifyBatch(sources: Iterable<ClassifierSource>): Promise<BatchClassification[]> {
    checkList("the sources", sources);
    const all = [...sources];
    const results: BatchClassification[] = [];
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < all.length) {
        const index = next++;
        const source = all[index]!;
        try {
          results[index] = { source, classification: await this.classify(source) };
        } catch (error) {
          if (!isFileFailure(error)) throw error;
          results[index] = { source, error };
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(this.#options.concurrency, all.length) }, work));
    return results;
  }

  /** The confidence alone, 0..1. */
  async getClassificationConfidence(source: ClassifierSource): Promise<number> {
    return (await this.classify(source)).confidence;
  }

  /** Forgets all classifications. */
  clearCache(): void {
    this.#cache.clear();
  }

  /** How many pictures' classifications are remembered. */
  get cacheSize(): number {
    return this.#cache.size;
  }

  #remember(key: string, classification: ImageClassification): void {
    if (this.#options.cacheEntries === 0) return;
    this.#cache.set(key, classification);
    if (this.#cache.size > this.#options.cacheEntries) this.#cache.delete(this.#cache.keys().next().value!);
  }
}

function checkSource(source: unknown): void {
  if (typeof source === "string" || types.isUint8Array(source)) return;
  const { width, height, channels, data } = (source ?? {}) as Partial<ClassifierImage>;
  const isPicture =
    [width, height, channels].every((value) => Number.isInteger(value)) && ArrayBuffer.isView(data as ArrayBufferView);
  checkArgument(isPicture, "the picture", source, "a path, a file's bytes or { width, height, channels, data }");
}

/** Classifies a decoded picture, by either decision. Errors as `measure`. */
function classifyPixels(
  image: ClassifierImage,
  decision: ClassifierName,
  thresholds: ClassificationThresholds,
): ImageClassification {
  const metrics = measure(image);
  return decision === "plain" ? decide(metrics, thresholds) : { ...calibrate(evidenceOf(image)), metrics };
}

async function readPicture(path: string): Promise<Uint8Array> {
  try {
    return await readWhole(path);
  } catch (error) {
    const reason = messageOf((error as Error).cause ?? error);
    throw new ImageProcessingError("ERR_IMAGE_DECODE", `${path} cannot be read: ${reason}`, {
      imagePath: path,
      cause: error,
    });
  }
}

/** SHA-256 of the content: encoded bytes, or the pixels with their layout. */
function keyOf(content: Uint8Array | ClassifierImage): string {
  const hash = createHash("sha256");
  if (types.isUint8Array(content)) return hash.update("file\0").update(content).digest("base64");
  const { width, height, channels, mode, data } = content;
  return hash
    .update(`pixels ${width} ${height} ${channels} ${mode ?? ""}\0`)
    .update(data)
    .digest("base64");
}
