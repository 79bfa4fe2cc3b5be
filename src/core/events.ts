/**
 * The events of a batch: one schema, from which their TypeScript types, the JSON Schema of `--json`
 * (`docs/cli-json.schema.json`) and the tables of `docs/cli-json.md` are made. A new event is one row of `EVENTS`;
 * `npm run docs` then writes the published files again. At run time only types come from here, so nothing loads zod for
 * it.
 */
import { z } from "zod";
import { PAGE_STAGES } from "../colorization/cobra/page-stages.js";
import { INKS, STYLES, type PageConfig, type PageSettings } from "../config/batch-config.js";
import type { ErrorCode } from "../errors.js";

const count = z.int().min(0);
const ms = z.number().min(0).describe("milliseconds");
const page = z.string().describe("name of the page in its input");
const index = count.describe("position of the page in the batch, from 0");
const path = z.string();

/** A stable code; the pattern and not the list, so that a reader with an older schema accepts a newer code. */
export const errorCode = z
  .string()
  .regex(/^ERR_[A-Z_]+$/)
  .meta({ id: "ErrorCode", description: "stable error code, see docs/errors.md" }) as unknown as z.ZodType<ErrorCode>;

/** When an event happened. */
export const time = z.iso.datetime({ precision: 3 }).describe("when, ISO 8601 in UTC with milliseconds");

export const batchProgress = z
  .strictObject({
    total: count.describe("sum of the others"),
    completed: count.describe("pages whose picture is written"),
    failed: count.describe("pages that failed"),
    unfinished: count.describe("pages without an outcome: not begun, in work, or left because the batch was stopped"),
  })
  .meta({ id: "Progress", description: "page counts by state" });

/** Why a page failed. */
export const pageFailure = z
  .strictObject({
    page,
    stage: z.enum(["scan", ...PAGE_STAGES, "write"]).describe("where the page failed"),
    code: errorCode,
    message: z.string().describe("for people; may change"),
    remedy: z.string().describe("what to do about it"),
  })
  .meta({ id: "PageFailure", description: "why a page failed" });

const pageSuccess = z
  .strictObject({
    page,
    output: path.describe("path of the picture; in an archive its entry's name"),
    layers: z
      .array(path)
      .describe("paths of its layers from the bottom up, in an archive their entries' names")
      .exactOptional(),
    width: count.describe("pixels of the written picture"),
    height: count.describe("pixels of the written picture"),
    bucket: z.string().describe("page size of the model, WxH"),
    tiles: count.describe("parts it was coloured in: strips and spreads").exactOptional(),
    seed: count.describe("seed of the noise"),
    elapsedMs: ms.describe("milliseconds from decoding to the written picture"),
    stageMs: z.record(z.string(), ms).describe("milliseconds of each stage"),
    references: z.array(z.string()).describe("reference patches that were used, name#patch"),
  })
  .meta({ id: "PageSuccess", description: "a finished page" });

const seedPicture = z
  .strictObject({ page, seed: count.describe("seed of the noise"), output: path.describe("where the picture is") })
  .meta({ id: "SeedPicture", description: "one picture of a grid of seeds" });

// The types of settings are the configuration's; the schema names what is always there.
const pageSettings = z
  .looseObject({
    style: z.enum(STYLES),
    seed: count,
    numInferenceSteps: count,
    topK: count,
    ink: z.enum(INKS),
  })
  .describe("settings of the batch; a page may have its own over them") as unknown as z.ZodType<PageSettings>;
const changedSettings = z.looseObject({}).describe("settings that are changed") as unknown as z.ZodType<PageConfig>;

const previewResult = z
  .strictObject({
    pages: z.array(pageSuccess).describe("finished pages, in the batch's order; empty with a grid of seeds"),
    failures: z.array(pageFailure).describe("pages that were tried and failed"),
    settings: pageSettings,
    seeds: z
      .strictObject({ sheet: path.describe("all pictures on one sheet"), pictures: z.array(seedPicture) })
      .describe("with previewSeeds: the same page with several seeds")
      .exactOptional(),
  })
  .meta({ id: "Preview", description: "what waits for approval" });

const batchSummary = z.strictObject({
  ...batchProgress.shape,
  output: path.describe("folder or archive that was written; an archive appears once no page is unfinished"),
  inColor: count
    .describe("pictures that were in colour already and are carried over as they are; not in total")
    .exactOptional(),
  elapsedMs: ms.describe("milliseconds from the start to the end of the batch"),
  failures: z.array(pageFailure).describe("the pages that failed"),
  preview: previewResult
    .describe("the preview that is waited for, if that is why pages are unfinished")
    .exactOptional(),
});

/** One kind of event. */
function event<T extends string, S extends z.ZodRawShape>(type: T, when: string, fields: S) {
  return z
    .strictObject({ type: z.literal(type), time, job: z.string().describe("id of the batch"), ...fields })
    .describe(when);
}

/** All events. */
export const EVENTS = [
  event("batch-started", "once, before all others but warnings", {
    pages: count.describe("number of pages"),
    references: z.array(z.string()).describe("names of the references"),
    model: z.string().describe("name of the model"),
    modelTrained: z.boolean().describe("false for a model made for tests"),
    provider: z.string().describe("where the networks run"),
  }),
  event("warning", "any time: something that is allowed but that people should know", {
    message: z.string().describe("for people; may change"),
    remedy: z.string().describe("what can be done about it, if anything").exactOptional(),
    page: page.describe("the page it is about; without it the batch").exactOptional(),
  }),
  event("page-kept-in-color", "a picture is in colour already and is carried over as it is; before the first page", {
    page,
  }),
  event("page-started", "a page is taken from the queue", {
    page,
    index,
    settings: pageSettings
      .describe("the page's settings: the batch's with its own over them; references and hints apart")
      .exactOptional(),
  }),
  event("page-stage", "a page goes into a stage; while denoising, at every step", {
    page,
    index,
    stage: z.enum(PAGE_STAGES).describe("stage of colouring"),
    step: count.describe("step from 1, while denoising").exactOptional(),
    steps: count.describe("steps in all, while denoising").exactOptional(),
    device: z.string().describe("where the page is coloured, of an engine with several devices").exactOptional(),
  }),
  event("page-completed", "a page's picture is written, pages in the queue's order", {
    index,
    kept: z.literal(true).describe("an earlier run has done it").exactOptional(),
    progress: batchProgress,
    ...pageSuccess.shape,
  }),
  event("page-failed", "a page has failed; the others continue", {
    index,
    progress: batchProgress,
    ...pageFailure.shape,
  }),
  event("file-copying", "after every 64 MiB of another file of the input that is read to be copied", {
    file: z.string().describe("name of the file in the input"),
    copiedBytes: count.describe("bytes read so far; from 0 again if the file is read a second time"),
    sizeBytes: count.describe("size of the file"),
  }),
  event("preview-ready", "a preview is done and waits for a decision", { preview: previewResult }),
  event("preview-approved", "the batch continues", { settings: changedSettings }),
  event("preview-rejected", "the preview's pages are back in the queue", {
    pages: z.array(page).describe("names of the pages that are done again"),
    settings: changedSettings,
    progress: batchProgress,
  }),
  event("batch-paused", "no further page is begun", {}),
  event("batch-resumed", "pages are begun again", {}),
  event("batch-stopped", "the last: the batch ended before all pages were done", batchSummary.shape),
  event("batch-completed", "the last: every page has an outcome", batchSummary.shape),
] as const;

/** An event; see `BatchEvent`. */
export const batchEvent = z.discriminatedUnion("type", EVENTS);

/** Omits keys of each member of a union. */
type OmitFromEach<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/**
 * An event of a batch, plain data. `job` is the batch's id, the same in all its events and in its journal; `time` is
 * when it happened, ISO 8601 in UTC with milliseconds. `docs/cli-json.md` lists types and fields.
 */
export type BatchEvent = z.infer<typeof batchEvent>;
/** What happened, without the batch it happened in and the time. */
export type BatchEventBody = OmitFromEach<BatchEvent, "job" | "time">;
/** How many pages are where. `total` is the sum of the others. */
export type BatchProgress = z.infer<typeof batchProgress>;
/** Why a page failed: its name, the stage, a stable code, the message and what to do. */
export type PageFailure = z.infer<typeof pageFailure>;
/** Where a page can fail: scanning the input, decoding, a stage of colouring, encoding, writing. */
export type FailureStage = PageFailure["stage"];
/** A finished page: where its picture and layers are, its size, seed, references and times. */
export type PageSuccess = z.infer<typeof pageSuccess>;
/** One picture of a grid of seeds. */
export type SeedImage = z.infer<typeof seedPicture>;
/** What waits for approval: finished pages, or the same page with several seeds. */
export type PreviewResult = z.infer<typeof previewResult>;
/** How a batch went: the counts, what was written, the failures, and a preview that is left waiting. */
export type BatchSummary = z.infer<typeof batchSummary>;
