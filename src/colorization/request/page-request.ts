/**
 * One page to colour, and its outcome, as plain values: JSON and bytes, fit for a queue, a request over HTTP or a
 * worker on another machine. Their zod schemas are authoritative.
 */
import { types } from "node:util";
import { z } from "zod";
import { encodingSchema, OUTPUT_FORMATS, pageSettingsSchema } from "../../config/batch-config.js";
import { hintDotsSchema } from "../../config/color-hints.js";
import { ERROR_CODES, ValidationError, type ErrorCode } from "../../errors.js";
import { PAGE_STAGES, type PageStage } from "../cobra/page-stages.js";

/** Formats that a result is written in; "psd" is a layered document. */
export const RESULT_FORMATS = [...OUTPUT_FORMATS, "psd"] as const;
/** A format that a result is written in. */
export type ResultFormat = (typeof RESULT_FORMATS)[number];

const bytes = z.custom<Uint8Array>((value) => types.isUint8Array(value), "must be a Uint8Array or Buffer");
const text = z.string("must be text").min(1, "must not be empty");
const hash = z
  .string("must be a SHA-256 in hex")
  .regex(/^[0-9a-f]{64}$/, "must be a SHA-256 in hex")
  .describe("SHA-256 of the file");

/** A picture's file: its bytes, its path on the machine that colours, or its hash in the blobs of that machine. */
const imageFileSchema = z.union(
  [z.strictObject({ bytes }), z.strictObject({ path: text }), z.strictObject({ hash })],
  "must be { bytes }, { path } or { hash }",
);
/** A picture's file: its bytes, its path, or the hash of what a store holds. */
export type ImageFile = z.output<typeof imageFileSchema>;

/** A coloured reference, by the hash of its file. */
const pageReferenceSchema = z.strictObject({ name: text, hash });
/** A coloured reference, by the hash of its file. */
export type PageReference = z.output<typeof pageReferenceSchema>;

/** A page to colour. */
export const pageRequestSchema = z.strictObject({
  name: text.describe("what messages call the page"),
  page: imageFileSchema,
  settings: pageSettingsSchema.prefault({}),
  output: encodingSchema
    .extend({
      format: z
        .enum(RESULT_FORMATS, `must be ${RESULT_FORMATS.map((format) => `"${format}"`).join(" or ")}`)
        .describe("without it the page's own format; GIF becomes PNG")
        .optional(),
    })
    .prefault({}),
  references: z.array(pageReferenceSchema).default([]),
  /** Dots in the page's own pixels, or a picture with strokes on transparency. */
  hints: z.union([hintDotsSchema, z.strictObject({ name: text, picture: imageFileSchema })]).optional(),
});
/** One page to colour, as a plain value that can be sent to another process. */
export type PageRequest = z.output<typeof pageRequestSchema>;
/** A request whose defaults are not filled in. */
export type PageRequestInput = z.input<typeof pageRequestSchema>;

const count = z.int().min(0);
const errorCode = z.enum(Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]]);

const warnings = z.array(z.string()).describe("what is allowed and people should know");

/** A coloured page. */
const colouredPageSchema = z.strictObject({
  status: z.literal("completed"),
  data: bytes.describe("the picture's file"),
  format: z.enum(RESULT_FORMATS),
  /** Pixels of the written picture. */
  width: count,
  height: count,
  layers: z
    .array(z.strictObject({ name: z.string(), data: bytes }))
    .describe('files of the layers from the bottom up, with layers "png"')
    .optional(),
  bucket: z.string().describe("page size of the model, WxH"),
  tiles: count.describe("parts it was coloured in: strips and spreads").optional(),
  seed: count,
  references: z.array(z.string()).describe("reference patches that were used, name#patch"),
  stageMs: z.record(z.string(), z.number().min(0)),
  warnings,
});
/** A coloured page: its encoded picture and the facts of it. */
export type ColorizedPage = z.output<typeof colouredPageSchema>;

/** A page that could not be coloured. Other pages can. */
const failedPageSchema = z.strictObject({
  status: z.literal("failed"),
  failure: z.strictObject({
    page: z.string(),
    stage: z.enum(PAGE_STAGES).describe("where it failed; the file is read in decode and written in encode"),
    code: errorCode,
    message: z.string(),
    remedy: z.string().describe("what to do about it"),
  }),
  warnings,
});
/** A page that failed: where, why, and what to do. */
export type FailedPage = z.output<typeof failedPageSchema>;

/** What came of a page. */
export const pageResultSchema = z.discriminatedUnion("status", [colouredPageSchema, failedPageSchema]);
/** What came of a page: coloured or failed; `status` says which. */
export type PageResult = z.output<typeof pageResultSchema>;

/** Where a page is. */
export interface PageProgress {
  /** Its file is decoded, it is coloured, or the result is encoded. */
  readonly phase: "decode" | "colour" | "encode";
  /** The stage that a failure would name. */
  readonly stage: PageStage;
  /** While denoising: the step that begins, from 1, of `steps`. */
  readonly step?: number;
  readonly steps?: number;
  /** Where it is coloured, of an engine with several devices, such as "cuda:1". */
  readonly device?: string;
}

/**
 * Checks a request and fills in its defaults.
 * @throws ValidationError `ERR_ARGUMENT` that lists all faults at once
 */
export function parsePageRequest(input: PageRequestInput): PageRequest {
  const parsed = pageRequestSchema.safeParse(input);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join(".") || "the request"}: ${message}`);
  throw new ValidationError("ERR_ARGUMENT", `the page request is wrong: ${faults.join("; ")}`);
}
