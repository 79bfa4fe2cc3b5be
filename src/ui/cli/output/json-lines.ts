/**
 * The lines that `--json` prints: the events of a batch and what the other commands tell. From here
 * `docs/cli-json.schema.json` and the tables of `docs/cli-json.md` are made.
 */
import { z } from "zod";
import { IMAGE_TYPES, STYLES } from "../../../config/batch-config.js";
import { EVENT_FORMAT_VERSION } from "../../../core/event-format.js";
import { nodeRecordSchema } from "../../../farm/queue/node-record.js";
import { batchProgress, errorCode, EVENTS, pageFailure, time } from "../../../core/events.js";
import { QUANTIZATIONS } from "../../../model/quantizations.js";
import { SCENARIOS } from "../../../tune/bench/scenario-names.js";
import { GOALS } from "../../../tune/wishes.js";

const count = z.int().min(0);
const page = z.string().describe("name of the picture in its input");
const input = z.string().describe("folder, archive or picture as it was named");
const directory = z.string().describe("the package's folder");
const hash = z.string().describe("hash of the package's files");
const schema = z.literal(EVENT_FORMAT_VERSION).describe("number of this format");
const estimate = z.strictObject({ value: z.number(), low: z.number(), high: z.number() });
const metrics = z.strictObject({ saturation: z.number(), colorCount: count, edgeDensity: z.number() });

/** One kind of line that is no event. */
function line<T extends string, S extends z.ZodRawShape>(type: T, when: string, fields: S) {
  return z.strictObject({ schema, type: z.literal(type), time, ...fields }).describe(when);
}

/** The events; `job` is missing if a command prints something before the batch has an id. */
const eventLines = EVENTS.map((event) => {
  const { type, job, ...fields } = event.shape;
  return z.strictObject({ schema, type, ...fields, job: job.optional() }).describe(event.description!);
});

/** What commands print besides events. */
const commandLines = [
  line("fatal", "the last line: the command could not continue", {
    code: errorCode,
    message: z.string().describe("what is wrong, for people; may change"),
    remedy: z.string().describe("what to do about it, for people; may change"),
  }),
  line("watching", "watch: it has begun", {
    folder: z.string().describe("folder that is watched"),
    output: z.string().describe("folder of the results"),
    done: z.string().describe("where chapters go once every page is done").optional(),
    failed: z.string().describe("where chapters with failed pages go").optional(),
  }),
  line("chapter-failed", "watch: a chapter that could not be coloured; the others continue", {
    input,
    code: errorCode,
    message: z.string().describe("what is wrong, for people; may change"),
    remedy: z.string().describe("what to do about it, for people; may change"),
  }),
  line("chapter-stays", "watch: what stays in the folder: a chapter, a part of one, or something that is no chapter", {
    input,
    reason: z
      .enum(["changed", "not-moved", "no-chapter", "preview", "later"])
      .describe(
        "changed: what came or changed while it was in work will be coloured; not-moved: it cannot be moved; " +
          "no-chapter: it cannot be coloured, such as a pipe, a link that leads nowhere, or a file of a format that " +
          "is not read; preview: it waits for a decision; later: it is tried again by itself",
      ),
    message: z.string().describe("what is wrong, for people; may change"),
  }),
  line("chapters-completed", "colorize of several chapters: the last line", {
    chapters: count.describe("chapters that were named"),
    completed: count.describe("chapters of which every page is done"),
    notBegun: count.describe("chapters that were left because the command was stopped"),
    pages: batchProgress,
    elapsedMs: z.number().min(0).describe("milliseconds from the start to the end of the command"),
    faults: z
      .array(
        z.strictObject({
          input,
          exitCode: count.describe("what `colorize` of this chapter alone would exit with"),
          message: z.string().describe("for people; may change"),
        }),
      )
      .describe("the other chapters, and what is wrong"),
  }),
  line("submitted", "submit: a chapter is in the queue", {
    id: z.string().describe("the chapter's job"),
    output: z.string().describe("folder or archive that will be written"),
    queued: count.describe("pages that workers have to do"),
    known: count.describe("pages whose results are in the store already"),
    unreadable: count.describe("pages that cannot be read; the chapter goes on without them"),
  }),
  line("queued-chapter", "queue list, queue show: a chapter in the queue", {
    id: z.string().describe("the chapter's job"),
    output: z.string().describe("folder or archive that will be written"),
    model: z.string().describe("name and version of the model that workers need"),
    state: z
      .enum(["waiting", "paused", "assembling", "failed"])
      .describe("waiting: for its pages, or for a worker; paused: the same, while workers take nothing of it"),
    priority: z.int().describe("higher goes first; −1 for a chapter in the background of a server"),
    submittedAt: z.string().describe("when, ISO 8601 in UTC"),
    pages: count.describe("pages of the chapter"),
    left: count.describe("of them those in the queue that workers have still to do"),
    done: count.describe("pages that are coloured"),
    failed: count.describe("pages that have failed"),
    pagesPerMinute: z.number().min(0).describe("pages with an outcome a minute, over the last ten minutes"),
    reason: z.string().describe("why it failed").optional(),
    code: errorCode.describe("the error's code, where it is known and not that of a page").optional(),
    remedy: z.string().describe("what to do about it").optional(),
    failures: z.array(pageFailure).describe("the first pages that failed").optional(),
  }),
  line("farm-node", "queue nodes: a worker of the farm", {
    ...nodeRecordSchema.shape,
    heardAt: z.string().describe("when it was heard of last, ISO 8601 in UTC"),
  }),
  line("store", "store: it listens", {
    url: z.string().describe("its address"),
    token: z.string().describe("a token that was made for it").optional(),
  }),
  line("classification", "classify: one picture", {
    input,
    page,
    imageType: z.enum(IMAGE_TYPES).describe("what the picture is"),
    confidence: z.number().min(0).max(1).describe("how sure, 0 to 1"),
    metrics: metrics.describe("see docs/classification.md"),
    ambiguous: z.boolean().describe("neither is clear; by the calibrated classifier").optional(),
  }),
  line("classification-failed", "classify: a picture or an input that cannot be read", {
    input,
    page,
    code: errorCode,
    message: z.string().describe("for people; may change"),
  }),
  line("classification-completed", "classify: the last line", {
    lineArt: count.describe("pages"),
    colored: count.describe("coloured pictures"),
    failed: count.describe("pictures that could not be read"),
  }),
  line("model", "model list: a package", {
    directory,
    hash,
    name: z.string().describe("name of the model"),
    version: z.string().describe("version of the model"),
    precision: z.string().describe("element type of activations, and of weights that are not quantized"),
    quantization: z.enum(QUANTIZATIONS).describe("how the weights of large linear layers are stored").optional(),
    styles: z.array(z.enum(STYLES)).describe("styles it has weights for"),
    bytes: count.describe("size of the package's files"),
    installed: z.string().describe("name and version of an installed model, what --model takes").optional(),
    isDefault: z.boolean().describe("it is opened when no model is named").optional(),
  }),
  line("model-damaged", "model list: a folder that has a manifest but is not a package", {
    directory,
    fault: z.string().describe("what is wrong"),
    remedy: z.string().describe("what to do about it"),
  }),
  line("model-info", "model info: all about one package", {
    directory,
    hash,
    manifest: z.looseObject({}).describe("the package's manifest.json"),
    cpu: z
      .looseObject({ neededBytes: count, weightBytes: count, patchBytes: count, availableBytes: count })
      .describe("memory for one page on the CPU, in bytes"),
    providers: z
      .array(z.strictObject({ provider: z.string(), fault: z.string().optional() }))
      .describe("execution providers; fault: why one cannot start"),
  }),
  line("model-fetching", "model install: how far the fetching is, once a second at most", {
    doneBytes: count.describe("bytes that have come"),
    totalBytes: count.describe("bytes in all, where every server tells a size").optional(),
    doneFiles: count.describe("files that are whole"),
    totalFiles: count.describe("files to fetch"),
    bytesPerSecond: count.describe("speed of the last seconds").optional(),
    leftMs: count.describe("time that the rest will take").optional(),
  }),
  line(
    "model-building",
    "model install, model import, model quantize: how far the package is written, once a second at most",
    {
      part: z.string().describe("file of the package, hash at the end"),
      doneBytes: count.describe("bytes that are written"),
      totalBytes: count.describe("bytes to write"),
    },
  ),
  line("model-installed", "model install, model quantize: the last line", {
    name: z.string().describe("what --model takes"),
    version: z.string().describe("version of the package, what --model takes after an @"),
    directory,
    hash,
    wasThere: z.boolean().describe("it was installed before"),
  }),
  line("model-made", "model import, model untrained: the last line", {
    name: z.string().describe("name of the model"),
    version: z.string().describe("version of the model"),
    directory,
    hash,
  }),
  line("model-default", "model use: what is opened from now on when no model is named", {
    name: z.string().describe("name of the installed model, or embedded"),
    version: z.string().describe("version of the package; not of the embedded model").optional(),
    directory: directory.optional(),
  }),
  line("model-removed", "model remove: the last line", {
    folders: z.array(z.string()).describe("what is gone"),
    keptAt: z.string().describe("where fetched originals stay").optional(),
  }),
  line("model-verified", "model verify: every file is intact", {
    directory,
    hash,
    name: z.string().describe("name of the model"),
    version: z.string().describe("version of the model"),
    files: count.describe("files that were read"),
  }),
  line("model-optimized", "model optimize: the last line", {
    directory,
    engines: z.string().describe("folder of TensorRT's engines"),
    bytes: count.describe("size of the engines"),
  }),
  line("listening", "serve: the server answers requests", {
    url: z.string().describe("address for a browser, with the token where there is one"),
    host: z.string().describe("address it listens on"),
    port: count.describe("port it listens on"),
  }),
  line("tune-sample", "tune: a setting was measured once", {
    phase: z.enum(["sweep", "combine", "confirm"]).describe("part of the search"),
    setting: z.string().describe("the knobs that are not at their defaults"),
    pagesPerMinute: z.number(),
    peakBytes: count.describe("peak resident memory"),
  }),
  line("tuned", "tune: the last line", {
    best: z.string().describe("the setting to use"),
    conclusion: z.string().describe("for people; may change"),
    limit: z.string().describe("what holds it back, for people; may change"),
    warnings: z.array(z.string()).describe("what disturbed the measurement"),
    ratio: estimate.describe("how many times the defaults the winner of the search is").optional(),
    report: z.string().describe("path of report.json"),
    settings: z.string().describe("path of settings.json"),
    page: z.string().describe("path of report.html"),
    trace: z.string().describe("path of trace.json"),
  }),
  line("tune-comparison", "tune compare: one figure of the second report against the first", {
    setting: z.enum(["best", "defaults"]).describe("of each report"),
    figure: z.enum(GOALS).describe("what is compared"),
    ratio: estimate.describe("how many times the first the second is; above 1 is better"),
    verdict: z.enum(["better", "worse", "no difference"]).describe("no difference: the interval holds 1"),
    samples: z.array(count).describe("measured runs of the first and the second"),
  }),
  line("bench", "bench: a scenario", {
    scenario: z.enum(SCENARIOS).describe("what was measured"),
    floor: z.string().describe("what it is held against, for people; may change"),
    pages: count.describe("pages of a round"),
    pagesPerSecond: z.number(),
    floorPagesPerSecond: z.number(),
    ratio: estimate.describe("times the floor: 1 is as fast, above 1 is faster"),
  }),
  line("finding", "doctor: one thing looked at", {
    check: z.string().describe("stable name of the check"),
    title: z.string().describe("name of the check for people"),
    status: z.enum(["ok", "note", "warning", "error"]).describe("remedy is there if it is not ok"),
    found: z.string().describe("what was found"),
    remedy: z.string().describe("what to do about it").optional(),
  }),
];

/** All lines, by `type`. */
export const jsonLine = z.discriminatedUnion("type", [eventLines[0]!, ...eventLines.slice(1), ...commandLines]);

/** JSON Schema of a line. */
export function jsonLineSchema(): Record<string, unknown> {
  return { ...z.toJSONSchema(jsonLine, { io: "input" }), title: "A line of cobra-batch --json" };
}
