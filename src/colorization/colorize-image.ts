/** A picture in memory to a coloured picture in memory, in one call, with a bounded queue. */
import { types } from "node:util";
import { z } from "zod";
import { encodingSchema, pageSettingsSchema } from "../config/batch-config.js";
import { dotsOrOther, hintDotsSchema } from "../config/color-hints.js";
import { makeError, QueueError, ValidationError } from "../errors.js";
import { checkBytes, forgetPromise } from "../errors/arguments.js";
import { sha256 } from "../platform/sha256.js";
import type { PageOptions } from "./request/colorize-page.js";
import {
  RESULT_FORMATS,
  type ColorizedPage,
  type PageProgress,
  type PageRequestInput,
  type PageResult,
} from "./request/page-request.js";
import type { ReferenceFile, ReferenceStore } from "./reference-store.js";

const { style, seed, numInferenceSteps, topK, ink, fill } = pageSettingsSchema.shape;
const file = z.custom<Uint8Array>(
  (value) => types.isUint8Array(value) && value.byteLength > 0,
  "must be a picture's file as a Buffer or Uint8Array that is not empty",
);

const optionsSchema = z.strictObject({
  references: z.array(
    z.union([file, z.strictObject({ name: z.string().min(1), data: file })], "must be a Buffer, or { name, data }"),
    "must be a list of pictures' files",
  ),
  name: z.string("must be text").min(1, "must not be empty").default("picture"),
  style: style.unwrap().optional(),
  seed,
  steps: numInferenceSteps,
  topK,
  ink,
  fill,
  format: z.enum(RESULT_FORMATS, `must be ${RESULT_FORMATS.map((format) => `"${format}"`).join(" or ")}`).optional(),
  quality: encodingSchema.shape.quality,
  lossless: encodingSchema.shape.lossless,
  compressionLevel: encodingSchema.shape.compressionLevel,
  layers: z.boolean("must be true or false").default(false),
  hints: z.union([hintDotsSchema, file], dotsOrOther("must be a list of dots, or a picture's file")).optional(),
  signal: z.instanceof(AbortSignal, { error: "must be an AbortSignal" }).optional(),
  onProgress: z
    .custom<(progress: PageProgress) => void>((value) => typeof value === "function", "must be a function")
    .optional(),
});

/** How `colorizeImage` colours a picture. */
export interface ColorizeImageOptions {
  /**
   * Coloured references: files' bytes, optionally with names for messages. The same files in later calls are not
   * decoded again, and their keys and values are shared.
   */
  references: readonly (Uint8Array | { readonly name: string; readonly data: Uint8Array })[];
  /** What messages call the picture. Default "picture". */
  name?: string;
  /** Default: "line + shadow" where the model has it. */
  style?: "line" | "line + shadow";
  /** Seed of the noise, a whole number from 0. Default 0. */
  seed?: number;
  /** Denoising steps, 1 to 999. Default 10; models that need fewer take fewer. */
  steps?: number;
  /** Reference patches a quadrant, from 1. Default 3. */
  topK?: number;
  /** "page": the picture's own size and lines; "model": the model's own picture. Default "page". */
  ink?: "page" | "model";
  /** "flat": one colour a region; "model": the model's shading. Default: as the model package says. */
  fill?: "flat" | "model";
  /** Default: the picture's own format; GIF becomes PNG. "psd" is a document with layers. */
  format?: (typeof RESULT_FORMATS)[number];
  /** 1 to 100, for JPEG, WebP and AVIF. Default 92, 90 and 70. */
  quality?: number;
  /** WebP and AVIF without loss. Default: as the picture itself. */
  lossless?: boolean;
  /** Of PNG, 0 to 9. Default 6. */
  compressionLevel?: number;
  /** Give original, colour and ink as PNG files too. Default false. */
  layers?: boolean;
  /** Colours to keep to: dots in the picture's own pixels, or a picture with strokes on transparency. */
  hints?: z.input<typeof hintDotsSchema> | Uint8Array;
  /** Gives the call up, between two denoising steps and inside runs. */
  signal?: AbortSignal;
  /** Called as the picture moves from stage to stage. */
  onProgress?: (progress: PageProgress) => void;
}

/** A coloured picture: the file, its format and size, and what it was made of. */
export type ColorizedImage = Omit<ColorizedPage, "status">;

/** Colours pages; the engine. */
interface ImageColorizer {
  readonly styles: readonly string[];
  readonly referenceStore: Pick<ReferenceStore, "hold">;
  colorizePage(request: PageRequestInput, options: PageOptions): Promise<PageResult>;
}

/** Lists of references that are kept between calls. */
const KEPT_LISTS = 4;

export class ImageCalls implements Disposable {
  readonly #colorizer: ImageColorizer;
  readonly #maxQueued: number;
  /** Held lists, the least recently used one first. */
  readonly #kept = new Map<string, Disposable>();
  #unfinished = 0;

  /**
   * @param maxQueued calls that may be unfinished at once
   * @throws ValidationError `ERR_ARGUMENT` for a number below 1
   */
  constructor(colorizer: ImageColorizer, maxQueued: number) {
    if (!Number.isInteger(maxQueued) || maxQueued < 1)
      throw new ValidationError("ERR_ARGUMENT", `maxQueued is ${maxQueued}; it must be a whole number above 0`);
    this.#colorizer = colorizer;
    this.#maxQueued = maxQueued;
  }

  /** See `Engine.colorizeImage`. */
  async colorize(data: Uint8Array, given: ColorizeImageOptions): Promise<ColorizedImage> {
    const options = checked(data, given);
    if (this.#unfinished >= this.#maxQueued)
      throw new QueueError(
        "ERR_QUEUE_FULL",
        `${this.#unfinished} calls of colorizeImage are unfinished and maxQueued is ${this.#maxQueued}`,
        { remedy: "wait for some, then call again" },
      );
    this.#unfinished++;
    try {
      options.signal?.throwIfAborted();
      return await this.#colorize(data, options);
    } finally {
      this.#unfinished--;
    }
  }

  async #colorize(data: Uint8Array, options: z.output<typeof optionsSchema>): Promise<ColorizedImage> {
    const { name, hints, layers, format, signal, onProgress } = options;
    const files = await Promise.all(options.references.map(referenceFile));
    // This call's own hold: the kept list may go while it waits.
    const { referenceStore, styles } = this.#colorizer;
    const hold = referenceStore.hold(files, { pinned: true });
    try {
      this.#keep(files);
      const { steps: numInferenceSteps, seed: from, topK: patches, ink: lines } = options;
      const result = await this.#colorizer.colorizePage(
        {
          name,
          page: { bytes: data },
          settings: {
            style: options.style ?? (styles.includes("line + shadow") ? "line + shadow" : "line"),
            seed: from,
            numInferenceSteps,
            topK: patches,
            ink: lines,
            fill: options.fill,
          },
          output: {
            format,
            quality: options.quality,
            lossless: options.lossless,
            compressionLevel: options.compressionLevel,
            layers: format === "psd" ? "psd" : layers ? "png" : undefined,
          },
          references: files.map(({ name: label, hash }) => ({ name: label, hash })),
          ...(hints === undefined
            ? {}
            : { hints: Array.isArray(hints) ? hints : { name: `for ${name}`, picture: { bytes: hints } } }),
        },
        { signal, onProgress },
      );
      if (result.status === "completed") {
        const { status: _completed, ...coloured } = result;
        return coloured;
      }
      const { code, message, remedy } = result.failure;
      throw makeError(code, message, { imagePath: name, remedy });
    } finally {
      hold[Symbol.dispose]();
    }
  }

  /** Keeps a list for later calls, in place of the least recently used one. */
  #keep(files: readonly ReferenceFile[]): void {
    const key = JSON.stringify(files.map(({ name, hash }) => [name, hash]));
    const kept = this.#kept.get(key) ?? this.#colorizer.referenceStore.hold(files, { pinned: true });
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    for (const [oldest, hold] of this.#kept) {
      if (this.#kept.size <= KEPT_LISTS) return;
      this.#kept.delete(oldest);
      hold[Symbol.dispose]();
    }
  }

  [Symbol.dispose](): void {
    for (const hold of this.#kept.values()) hold[Symbol.dispose]();
    this.#kept.clear();
  }
}

function checked(data: unknown, options: unknown): z.output<typeof optionsSchema> {
  forgetPromise(data);
  const picture = file.safeParse(data);
  const parsed = optionsSchema.safeParse(options ?? {});
  const faults = [
    ...(picture.success ? [] : picture.error.issues.map(({ message }) => `the picture ${message}`)),
    ...(parsed.success
      ? []
      : parsed.error.issues.map((issue) =>
          issue.code === "unrecognized_keys"
            ? `unknown option ${issue.keys.map((key) => `"${key}"`).join(", ")}`
            : `${issue.path.join(".") || "the options"} ${issue.message}`,
        )),
  ];
  if (parsed.success && faults.length === 0) return parsed.data;
  throw new ValidationError("ERR_ARGUMENT", `colorizeImage(picture, options): ${faults.join("; ")}`);
}

async function referenceFile(
  given: Uint8Array | { name: string; data: Uint8Array },
  index: number,
): Promise<ReferenceFile> {
  const data = types.isUint8Array(given) ? given : given.data;
  const name = types.isUint8Array(given) ? `reference ${index + 1}` : given.name;
  const read = async (): Promise<Uint8Array> => {
    checkBytes(`the bytes of ${name}`, data); // kept between calls: the caller may have moved them by now
    return data;
  };
  return { name, hash: await sha256(await read()), read };
}
