/**
 * What `--json` prints, one object a line: the schema from which `docs/cli-json.schema.json` is made. Fields may be
 * added without a new number in `schema`; the number rises when a field changes its meaning or goes.
 */
import { z } from "zod";
import { PAGE_STAGES } from "../../../colorization/cobra/page-stages.js";
import { INKS, STYLES } from "../../../config/batch-config.js";
import { EVENT_FORMAT_VERSION } from "../../../core/events.js";

const count = z.int().min(0);
const ms = z.number().min(0).describe("milliseconds");
const code = z
  .string()
  .regex(/^ERR_[A-Z_]+$/)
  .meta({ id: "ErrorCode", description: "stable error code, see ERROR_CODES of the package" });
const page = z.string().describe("name of the page in its input");
const index = count.describe("position of the page in the batch, from 0");

const progress = z
  .strictObject({ total: count, completed: count, failed: count, unfinished: count })
  .meta({ id: "Progress", description: "how many pages are where; total is the sum of the others" });
const failure = {
  page,
  stage: z.enum(["scan", ...PAGE_STAGES, "write"]).describe("where the page failed"),
  code,
  message: z.string(),
  remedy: z.string().describe("what to do about it"),
};
const success = {
  page,
  output: z.string().describe("path of the picture; in an archive its entry's name"),
  layers: z
    .array(z.string())
    .describe("paths of its layers from the bottom up, in an archive their entries' names")
    .optional(),
  width: count.describe("pixels"),
  height: count.describe("pixels"),
  bucket: z.string().describe("page size of the model, WxH"),
  tiles: count.describe("parts it was coloured in: strips and spreads").optional(),
  seed: count,
  elapsedMs: ms,
  stageMs: z.record(z.string(), ms),
  references: z.array(z.string()).describe("reference patches that were used, name#patch"),
};
const pageSettings = z.looseObject({
  style: z.enum(STYLES),
  seed: count,
  numInferenceSteps: count,
  topK: count,
  ink: z.enum(INKS),
});
const adjusted = z.looseObject({}).describe("settings that are changed");
const pageFailure = z.strictObject(failure).meta({ id: "PageFailure" });
const preview = z
  .strictObject({
    pages: z.array(z.strictObject(success)),
    failures: z.array(pageFailure),
    settings: pageSettings,
    seeds: z
      .strictObject({ sheet: z.string(), pictures: z.array(z.strictObject({ page, seed: count, output: z.string() })) })
      .optional(),
  })
  .meta({ id: "Preview" });
const summary = {
  total: count,
  completed: count,
  failed: count,
  unfinished: count.describe("pages that were not done because the batch was stopped"),
  output: z.string().describe("folder or archive that was written"),
  elapsedMs: ms,
  failures: z.array(pageFailure),
  preview: preview.optional(),
};
const metrics = z.strictObject({ saturation: z.number(), colorCount: count, edgeDensity: z.number() });

/** One kind of line. */
function line<T extends string, S extends z.ZodRawShape>(type: T, description: string, shape: S) {
  return z
    .strictObject({ schema: z.literal(EVENT_FORMAT_VERSION), type: z.literal(type), ...shape })
    .describe(description);
}

/** A line of a batch; `job` is the batch's id, missing where something is told before it has one. */
function batchLine<T extends string, S extends z.ZodRawShape>(type: T, description: string, shape: S) {
  return line(type, description, { job: z.string().optional(), ...shape });
}

/** All lines, by `type`. */
export const jsonLine = z.discriminatedUnion("type", [
  batchLine("batch-started", "once, before all others but warnings", {
    pages: count,
    references: z.array(z.string()),
    model: z.string(),
    modelTrained: z.boolean(),
    provider: z.string(),
  }),
  batchLine("warning", "something that is allowed but that people should know", {
    message: z.string(),
    page: z.string().describe("the page it is about").optional(),
  }),
  batchLine("page-started", "a page is taken from the queue", { page, index }),
  batchLine("page-stage", "a page goes into a stage; step of steps while denoising", {
    page,
    index,
    stage: z.enum(PAGE_STAGES),
    step: count.optional(),
    steps: count.optional(),
  }),
  batchLine("page-completed", "a page's picture is written, pages in order; kept: an earlier run has done it", {
    index,
    kept: z.literal(true).optional(),
    progress,
    ...success,
  }),
  batchLine("page-failed", "a page has failed; the others go on", { index, progress, ...failure }),
  batchLine("preview-ready", "a preview is done and waits", { preview }),
  batchLine("preview-approved", "the batch goes on", { settings: adjusted }),
  batchLine("preview-rejected", "the preview's pages are done again", {
    pages: z.array(page),
    settings: adjusted,
    progress,
  }),
  batchLine("batch-paused", "no further page is begun", {}),
  batchLine("batch-resumed", "pages are begun again", {}),
  batchLine("batch-stopped", "the last line: the batch ended before all pages were done", summary),
  batchLine("batch-completed", "the last line: every page has an outcome", summary),
  line("fatal", "the last line: the command could not go on", { code, message: z.string() }),
  line("classification", "classify: one picture", {
    input: z.string(),
    page,
    imageType: z.enum(["line_art", "colored"]),
    confidence: z.number().min(0).max(1),
    metrics,
    ambiguous: z.boolean().describe("neither is clear; by the calibrated classifier").optional(),
  }),
  line("classification-failed", "classify: a picture or an input that cannot be read", {
    input: z.string(),
    page,
    code,
    message: z.string(),
  }),
  line("classification-completed", "classify: the last line", { lineArt: count, colored: count, failed: count }),
  line("model", "model list: a package", {
    directory: z.string(),
    hash: z.string(),
    name: z.string(),
    version: z.string(),
    precision: z.string(),
    styles: z.array(z.enum(STYLES)),
    bytes: count,
  }),
  line("model-damaged", "model list: a folder that has a manifest and is no package", {
    directory: z.string(),
    fault: z.string(),
  }),
  line("model-info", "model info: all about one package", {
    directory: z.string(),
    hash: z.string(),
    manifest: z.looseObject({}).describe("the package's manifest.json"),
    cpu: z.looseObject({ neededBytes: count, weightBytes: count, patchBytes: count, availableBytes: count }),
    providers: z.array(z.strictObject({ provider: z.string(), fault: z.string().optional() })),
  }),
  line("finding", "doctor: one thing looked at", {
    check: z.string(),
    title: z.string(),
    status: z.enum(["ok", "note", "warning", "error"]),
    found: z.string(),
    remedy: z.string().optional(),
  }),
]);

/** JSON Schema of a line. */
export function jsonLineSchema(): Record<string, unknown> {
  return { ...z.toJSONSchema(jsonLine, { io: "input" }), title: "A line of cobra-batch --json" };
}
