/**
 * The manifest of a model package: its name, what it can do, and the length and SHA-256 of every file. The pipeline
 * reads every number it needs about a model here and nowhere else. This file has the schema and the parser;
 * `package.ts` opens folders.
 */
import { z } from "zod";
import { FILLS, STYLES } from "../config/batch-config.js";
import { ModelError } from "../errors.js";
import { QUANTIZATIONS } from "./quantizations.js";

/** The manifest's file name inside a package. */
export const MANIFEST_FILE = "manifest.json";

/**
 * The formats this engine reads and writes: 3 with quantized weights, 2 where weights lie apart from the graphs, else
 * 1.
 */
const MANIFEST_FORMAT_VERSIONS = [1, 2, 3] as const;

/** Cobra's squares of 16 x 16 pixels, or strokes grown to the regions that they lie in. */
const HINT_FORMS = ["squares", "regions"] as const;
/** The form in which a model takes colour hints. */
export type HintForm = (typeof HINT_FORMS)[number];

/**
 * How a page's references are chosen: top-k patches a quadrant of the page, or every reference whole and once, at most
 * 4 x top-k of them.
 */
const REFERENCE_FORMS = ["quadrants", "whole"] as const;

/** Page sizes are multiples of this: 8 (VAE) x 2 (tokens) x 2 (quadrants). */
export const BUCKET_STEP_PX = 32;

/** Steps of a noise schedule: it is a table in memory. Published models have 1,000. */
export const MAX_TRAIN_TIMESTEPS = 100_000;

const text = z.string().min(1, "must not be empty");
const positive = z.number().positive();
const count = z.number().int().min(1);
const rgb = z.tuple([z.number(), z.number(), z.number()]);
const edge = z.number().int().min(BUCKET_STEP_PX).multipleOf(BUCKET_STEP_PX, `must be a multiple of ${BUCKET_STEP_PX}`);

/**
 * A file's name inside the package. Packages are flat: ONNX Runtime refuses external data outside the graph's own
 * folder, and graphs share one weight file.
 */
const fileName = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/u,
    "must be a plain file name of letters, digits, '.', '_' and '-', without a folder",
  )
  .refine((name) => name !== MANIFEST_FILE, "must not be the manifest itself");

const fileRecord = z.strictObject({
  /** Length in bytes. */
  bytes: z.number().int().min(1),
  /** SHA-256 of the content, 64 lower-case hex digits. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/u, "must be 64 lower-case hex digits"),
});

const styleGraphs = z.strictObject({
  reference_encoder: fileName,
  denoiser: fileName,
  /** Absent when the package has no upsampler (`upsampler: null`). */
  guided_upsampler: fileName.optional(),
});

const styleWeights = z.strictObject({ transformer: fileName, upsampler: fileName.optional() });

const schema = z
  .strictObject({
    formatVersion: z.literal(
      MANIFEST_FORMAT_VERSIONS,
      "must be 1, 2 or 3; a newer format needs a newer version of cobra-batch",
    ),
    /** Short name, such as "cobra-demo". */
    name: text,
    /** Version of the weights, such as "1.0.0". */
    version: text,
    /** SPDX expression of the weights' licence, or a sentence. */
    licence: text,
    /** False for random weights: the pipeline works and its weights are random, so its colours are meaningless. */
    trained: z.boolean(),
    /** One or two sentences for people. */
    description: z.string().optional(),
    /** How the weights were made: data, command, time. */
    training: z.string().optional(),
    /**
     * Element type of weights, activations and `reference_kv`. All other float inputs and outputs are float32 in every
     * package.
     */
    precision: z.enum(["float32", "float16"]),
    /** From format 3: weights of large linear layers are stored in fewer bits than `precision`. Absent: none are. */
    quantization: z
      .strictObject({
        scheme: z.enum(QUANTIZATIONS),
        /** Values that share a scale. */
        blockSize: count,
        /** `hash` of the package that it was made from. */
        madeFrom: z.string().regex(/^[0-9a-f]{64}$/u, "must be 64 lower-case hex digits"),
      })
      .optional(),
    /** Page sizes of the model as [width, height] in pixels; the order breaks ties when a page chooses its bucket. */
    buckets: z.array(z.tuple([edge, edge])).min(1, "must name at least one bucket"),
    latent: z.strictObject({
      /** Channels of a latent; Cobra: 4. */
      channels: count,
      /** Pixels of the page per latent pixel, each way; Cobra: 8. */
      downscale: count,
      /** latent = sample * scalingFactor; done inside `vae_encoder`, undone inside `vae_decoder`; Cobra: 0.18215. */
      scalingFactor: positive,
    }),
    /** What the denoiser's output `noise` is: the noise ("epsilon", Cobra) or the clean latent ("sample"). */
    prediction: z.enum(["epsilon", "sample"]),
    /** How colour hints reach the model; see `HINT_FORMS`. Default "squares". */
    hints: z.enum(HINT_FORMS).default("squares"),
    /**
     * Which parts of references a page takes: patches for each of its quadrants (Cobra), or whole references; see
     * `REFERENCE_FORMS`. Default "quadrants".
     */
    references: z.enum(REFERENCE_FORMS).default("quadrants"),
    /** How regions are filled under a page's own ink where the settings do not say. Default "model". */
    fill: z.enum(FILLS).default("model"),
    /** DPM-Solver++ 2M over a linear beta table, PixArt's scheduler. */
    scheduler: z.strictObject({
      trainTimesteps: count.max(MAX_TRAIN_TIMESTEPS),
      betaStart: positive,
      betaEnd: positive,
      /**
       * A model made for few steps takes no more than this: 1 for one that predicts the clean latent at once. Absent:
       * any number.
       */
      maxSteps: count.optional(),
    }),
    imageEncoder: z.strictObject({
      /** Edge of the square input in pixels; CLIP ViT-H/14: 224. */
      imageSize: count,
      /** Per channel, of values 0..1: pixel = (x / 255 - mean) / std. */
      mean: rgb,
      std: rgb,
      /** Length of an embedding; CLIP ViT-H/14: 1024. */
      embeddingSize: count,
    }),
    /** Shape of `reference_kv`: [N, layers, 2, tokens, width]; Cobra: 28 x 1152. */
    referenceKv: z.strictObject({ layers: count, width: count }),
    /**
     * Scale of the guided upsampler's picture against the bucket (Cobra: 1.5), such that the VAE takes it; null when
     * the package has none.
     */
    upsampler: z
      .strictObject({
        scale: z.number().min(1).max(4),
        /**
         * Whether it also runs for pictures with the page's own ink, which take only colour from the model. Default
         * true. Cobra: false, because it redraws lines, which such pictures do not use, and is two fifths of a page's
         * work.
         */
        pageInk: z.boolean().optional(),
      })
      .nullable(),
    /** Graph name to file name. Styles may name the same file. */
    graphs: z.strictObject({
      shared: z.strictObject({
        line_extractor: fileName,
        image_encoder: fileName,
        vae_encoder: fileName,
        vae_decoder: fileName,
      }),
      styles: z
        .strictObject({ line: styleGraphs.optional(), "line + shadow": styleGraphs.optional() })
        .refine((styles) => Object.values(styles).some((style) => style !== undefined), "must have at least one style"),
      /**
       * From format 2: graphs without inputs that give weights, which the other graphs take as inputs of the same names
       * (`TAKEN_WEIGHTS`). So graphs share them in memory, and styles that differ in their weights only share the
       * graphs. Absent: all weights lie in the graphs.
       */
      weights: z
        .strictObject({
          shared: z.strictObject({ vae: fileName }),
          styles: z.strictObject({ line: styleWeights.optional(), "line + shadow": styleWeights.optional() }),
        })
        .optional(),
    }),
    /** Every file of the package except the manifest: graphs and the weight files beside them. */
    files: z.record(fileName, fileRecord),
  })
  .superRefine((manifest, context) => {
    const fault = (path: (string | number)[], message: string): void =>
      context.addIssue({ code: "custom", path, message });
    const named = Object.entries(manifest.graphs.shared).map(([graph, file]) => ({
      path: ["graphs", "shared", graph],
      file,
    }));
    for (const [style, graphs] of Object.entries(manifest.graphs.styles)) {
      for (const [graph, file] of Object.entries(graphs ?? {})) {
        if (file !== undefined) named.push({ path: ["graphs", "styles", style, graph], file });
      }
      const hasUpsampler = graphs?.guided_upsampler !== undefined;
      if (graphs !== undefined && hasUpsampler !== (manifest.upsampler !== null)) {
        fault(
          ["graphs", "styles", style, "guided_upsampler"],
          hasUpsampler ? "is given although `upsampler` is null" : "is missing although `upsampler` is given",
        );
      }
    }
    const { weights } = manifest.graphs;
    if (manifest.quantization !== undefined && manifest.formatVersion < 3)
      fault(
        ["formatVersion"],
        `is ${manifest.formatVersion} although there is \`quantization\`, which came with format 3`,
      );
    if (weights !== undefined) {
      if (manifest.formatVersion < 2)
        fault(
          ["formatVersion"],
          `is ${manifest.formatVersion} although there is \`graphs.weights\`, which came with format 2`,
        );
      named.push({ path: ["graphs", "weights", "shared", "vae"], file: weights.shared.vae });
      for (const style of STYLES) {
        const [graphs, own] = [manifest.graphs.styles[style], weights.styles[style]];
        const path = ["graphs", "weights", "styles", style];
        for (const [set, file] of Object.entries(own ?? {}))
          if (file !== undefined) named.push({ path: [...path, set], file });
        if ((graphs === undefined) !== (own === undefined))
          fault(
            path,
            own === undefined
              ? "is missing although there are weights apart"
              : "is given although the package has no such style",
          );
        else if ((graphs?.guided_upsampler === undefined) !== (own?.upsampler === undefined))
          fault(
            [...path, "upsampler"],
            `is ${own?.upsampler === undefined ? "missing" : "given"} although the style has ${own?.upsampler === undefined ? "a" : "no"} guided_upsampler`,
          );
      }
    }
    for (const { path, file } of named) {
      if (!Object.hasOwn(manifest.files, file))
        fault(path, `names ${JSON.stringify(file)}, which \`files\` does not list`);
    }
    if (manifest.scheduler.betaStart >= manifest.scheduler.betaEnd || manifest.scheduler.betaEnd >= 1) {
      fault(["scheduler"], "needs betaStart < betaEnd < 1");
    }
    if (manifest.referenceKv.width % 12 !== 0)
      fault(["referenceKv", "width"], "must be a multiple of 12 (positions need 4, size conditions 3)");
    const { scale } = manifest.upsampler ?? { scale: 1 };
    for (const [index, bucket] of manifest.buckets.entries()) {
      if (bucket.some((edge) => (edge * scale) % manifest.latent.downscale !== 0)) {
        fault(
          ["upsampler", "scale"],
          `times bucket ${index} (${bucket.join(" x ")}) must give multiples of ${manifest.latent.downscale} pixels`,
        );
      }
    }
    for (const [index, std] of manifest.imageEncoder.std.entries()) {
      if (std <= 0) fault(["imageEncoder", "std", index], "must be above 0");
    }
  });

/** The format that a package with these graphs has. */
export function formatVersionOf(graphs: { readonly weights?: unknown }): (typeof MANIFEST_FORMAT_VERSIONS)[number] {
  return graphs.weights === undefined ? 1 : 2;
}

/** A valid manifest; each field's meaning stands at the schema in this file. */
export type ModelManifest = z.infer<typeof schema>;

/** Length and hash of one file. */
export type FileRecord = z.infer<typeof fileRecord>;

/**
 * Checks a manifest's text. `where` names it in messages (its path).
 * Throws ModelError ERR_MODEL_MANIFEST that lists every fault with its path and, for text that is not JSON, why.
 */
export function parseManifest(json: string, where: string): ModelManifest {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new ModelError(
      "ERR_MODEL_MANIFEST",
      `${where} is not JSON (${(cause as Error).message}); the package is damaged`,
      { cause, remedy: "get the package again" },
    );
  }
  return checkManifest(value, where);
}

/** Checks a manifest given as a value; see `parseManifest`. */
export function checkManifest(value: unknown, where: string): ModelManifest {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const faults = result.error.issues.map((issue) => {
    const reasons = issue.code === "invalid_key" ? issue.issues.map((inner) => inner.message) : [issue.message];
    return `  ${issue.path.join(".") || "(whole)"}: ${reasons.join("; ")}`;
  });
  throw new ModelError(
    "ERR_MODEL_MANIFEST",
    `${where} is not a manifest of format 1, 2 or 3; ${faults.length} fault${faults.length === 1 ? "" : "s"}:\n${faults.join("\n")}`,
  );
}
