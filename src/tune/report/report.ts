/** The report of a tuning as data: what `report.json` holds, and its schema. */
import { z } from "zod";
import { engineSettingsSchema } from "../../config/engine-settings.js";
import { GOALS } from "../wishes.js";
import { sampleSchema, spanSchema } from "../measure/sample.js";

/** What tells a report from other JSON files. */
export const REPORT_KIND = "cobra-batch-tune";
/** Number of this format. */
export const REPORT_VERSION = 1;

const count = z.int().min(0);
const estimate = z
  .strictObject({ value: z.number(), low: z.number(), high: z.number() })
  .meta({ id: "Estimate", description: "a figure, and the interval that holds it with a probability of 95 %" });
const setting = z
  .record(z.string(), z.union([z.string(), z.number()]))
  .describe("values of knobs; what is left out is at its default");

const summarySchema = z.strictObject({
  pagesPerMinute: estimate,
  pageMs: z.strictObject({ p50: z.number(), p95: z.number(), p99: z.number() }),
  stageMs: z
    .record(z.string(), z.strictObject({ p50: z.number(), p95: z.number(), p99: z.number() }))
    .describe("means of a page in each stage, over the measured runs"),
  peakBytes: count,
  coresBusy: z.number(),
  deviceBusy: z.number().describe("share of the time that the busiest device ran networks"),
  outputBytesPerPage: z.number(),
  copiedBytesPerPage: z
    .strictObject({ toDevice: z.number(), fromDevice: z.number() })
    .describe("copied between the host and devices with memory of their own")
    .optional(),
  joulesPerPage: z.number().describe("where RAPL or NVML tells").optional(),
});
/** What the samples of a setting say together. */
export type Summary = z.infer<typeof summarySchema>;

const measuredSchema = z.strictObject({
  id: z.string(),
  setting,
  samples: z.array(sampleSchema),
  summary: summarySchema.optional(),
  keepsLimits: z.boolean(),
  samePictures: z.boolean().describe("its pictures have the same pixels as those of the defaults").optional(),
  fault: z.string().describe("why it could not be measured").optional(),
});

export const reportSchema = z
  .strictObject({
    kind: z.literal(REPORT_KIND),
    version: z.literal(REPORT_VERSION),
    createdAt: z.iso.datetime(),
    cobraVersion: z.string(),
    machine: z.strictObject({
      cpu: z.string(),
      cores: count,
      memoryBytes: count,
      gpus: z.array(z.string()),
      node: z.string(),
    }),
    model: z.strictObject({
      name: z.string(),
      version: z.string(),
      hash: z.string(),
      precision: z.string(),
      trained: z.boolean(),
    }),
    provider: z.string(),
    input: z.strictObject({
      name: z.string(),
      pages: count.describe("different pages that were measured"),
      sha256: z.string().optional().describe("of their contents and of the references"),
      storage: z.enum(["folder", "archive"]),
    }),
    goal: z.enum(GOALS),
    limits: z.strictObject({
      memory: z.number().optional(),
      p95: z.number().optional(),
      rate: z.number().optional(),
    }),
    page: z
      .strictObject({ steps: count.optional(), topK: count.optional(), references: z.array(z.string()) })
      .describe("what a page's work depends on; steps and topK are at their defaults where they are left out")
      .optional(),
    elapsedMs: z.number().describe("milliseconds of measuring, all calls together"),
    pagesPerSample: z.int().min(1).max(1000),
    base: engineSettingsSchema.pick({ model: true, provider: true, devices: true }),
    automatic: z
      .strictObject({ maxConcurrent: count, workers: count })
      .describe("what the engine chooses where nothing is named"),
    knobs: z.array(
      z.strictObject({
        name: z.string(),
        title: z.string(),
        values: z.array(z.union([z.string(), z.number()])),
        cost: z.string(),
        isKept: z.boolean(),
      }),
    ),
    measured: z.array(measuredSchema).describe("the defaults first"),
    best: z.string().describe("id of the setting to use").optional(),
    comparison: z
      .strictObject({
        id: z.string(),
        verdict: z.enum(["better", "worse", "no difference"]),
        ratio: estimate.describe("how many times the defaults; above 1 is better"),
        pairs: count,
        p: z.number(),
      })
      .describe("the winner of the search against the defaults, in pairs in random order")
      .optional(),
    left: z.array(z.string()).describe("ids of settings that there was no time for"),
    interrupted: z.boolean(),
    conclusion: z.string(),
    limit: z.strictObject({ resource: z.string(), text: z.string() }).describe("what holds the best setting back"),
    warnings: z.array(z.string()).describe("what disturbed the measurement"),
    spans: z.array(spanSchema).describe("timeline of one run of the best setting"),
  })
  .meta({ title: "Report of cobra-batch tune" });

/** A report. */
export type Report = z.infer<typeof reportSchema>;
/** A measured setting of a report. */
export type MeasuredInReport = z.infer<typeof measuredSchema>;

/** JSON Schema of `report.json`. */
export function reportJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(reportSchema) as Record<string, unknown>;
}
