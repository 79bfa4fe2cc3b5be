/**
 * Schemas of the HTTP API: one zod schema each, from which validation, the OpenAPI document and the types of server
 * and page are made. `docs/http-api.md` describes the calls.
 */
import { z } from "zod";
import {
  FILLS,
  INKS,
  LAYERS,
  OUTPUT_FORMATS,
  pageSettingsSchema,
  SETTINGS,
  STYLES,
} from "../../../config/batch-config.js";
import { hintDotsSchema } from "../../../config/color-hints.js";
import { PAGE_STAGES } from "../../../colorization/cobra/page-stages.js";
import { errorCode } from "../../../core/events.js";
import { farm } from "./farm.js";
import { jobId } from "./job-id.js";

const count = z.int().min(0);
const time = z.iso.datetime({ precision: 3 }).describe("ISO 8601 in UTC with milliseconds");

export { jobId };
/** A picture's id within its job. */
export const pictureId = z
  .string()
  .regex(/^[0-9a-z]{8,32}$/, "must be the id of a picture")
  .describe("id of the picture, within its job");

/** An error, as in RFC 9457. */
export const problem = z
  .strictObject({
    type: z.literal("about:blank"),
    title: z.string().describe("the HTTP status in words"),
    status: z.int(),
    code: errorCode,
    detail: z.string().describe("what went wrong: the value, the rule"),
    remedy: z.string().describe("what to do about it"),
  })
  .meta({ id: "Problem", description: "an error (RFC 9457, application/problem+json)" });

/** Where a job is. */
export const JOB_STATES = [
  "draft",
  "queued",
  "running",
  "paused",
  "preview",
  "completed",
  "failed",
  "cancelled",
  "damaged",
] as const;
const jobState = z
  .enum(JOB_STATES)
  .describe(
    "draft: being put together; queued: waits for its turn; preview: waits for a decision; completed: every page has an outcome; failed: could not run; damaged: its record cannot be read, and it can only be deleted",
  );

/** Settings of how a page looks, none filled in: what is left out is the job's, or the default. */
const { seed, numInferenceSteps, topK } = pageSettingsSchema.shape;
export const pageSettingFields = {
  style: z.enum(STYLES).describe(SETTINGS.style.help),
  seed: seed.removeDefault(),
  numInferenceSteps: numInferenceSteps.removeDefault(),
  topK: topK.removeDefault(),
  ink: z.enum(INKS).describe(SETTINGS.ink.help),
  fill: z.enum(FILLS).describe(SETTINGS.fill.help),
};

/** Settings of a job. */
export const jobSettings = z
  .strictObject({
    ...pageSettingFields,
    outputFormat: z.enum(OUTPUT_FORMATS).describe(SETTINGS.outputFormat.help),
    quality: z.int().min(1).max(100).describe(SETTINGS.quality.help),
    lossless: z.boolean().describe(SETTINGS.lossless.help),
    layers: z.enum(LAYERS).describe(SETTINGS.layers.help),
    preview: z.boolean().describe("colour the first pages, then wait for approval"),
    previewPages: z.int().min(1).describe(SETTINGS.previewPages.help),
    previewSeeds: z.int().min(1).max(64).describe(SETTINGS.previewSeeds.help),
    result: z.enum(["cbz", "zip"]).describe("kind of the archive that is downloaded"),
  })
  .partial()
  .meta({ id: "JobSettings", description: "settings that differ from the defaults" });

function eachNullable<S extends Readonly<Record<string, z.ZodType>>>(
  shape: S,
): { [K in keyof S]: z.ZodNullable<S[K]> } {
  return Object.fromEntries(Object.entries(shape).map(([key, type]) => [key, type.nullable()])) as {
    [K in keyof S]: z.ZodNullable<S[K]>;
  };
}

/** Settings of one page over its job's. */
export const pageOwnSettings = z
  .strictObject({
    ...pageSettingFields,
    references: z.array(pictureId).describe("only these references; without it all of the job"),
    hints: hintDotsSchema.describe("colours to keep to, in the page's own pixels").or(z.literal("strokes")),
  })
  .partial()
  .meta({
    id: "PageSettings",
    description: 'settings of one page over its job\'s; hints "strokes": the picture that was put to …/hints',
  });

/** Settings over those that a page has already. */
export const redoSettings = z
  .strictObject(eachNullable(pageOwnSettings.shape))
  .meta({ id: "RedoSettings", description: "settings over those that a page has; null: as the job's again" });

const progress = z
  .strictObject({ total: count, completed: count, failed: count, unfinished: count })
  .meta({ id: "JobProgress", description: "how many pages are where" });

/** A job: one chapter and what becomes of it. */
export const job = z
  .strictObject({
    id: jobId,
    name: z.string(),
    state: jobState,
    createdAt: time,
    startedAt: time.optional(),
    endedAt: time.optional(),
    position: count.describe("place among the queued jobs, from 0").optional(),
    background: z.boolean().describe("yields to jobs that are not in the background"),
    priority: count.describe("on a farm: higher goes first; default 0").optional(),
    source: z.discriminatedUnion("kind", [
      z.strictObject({ kind: z.literal("upload") }),
      z.strictObject({
        kind: z.literal("root"),
        root: z.string().describe("name of an allowed folder"),
        path: z.string().describe("folder or archive below it"),
        recursive: z.boolean(),
      }),
    ]),
    scanning: z.boolean().describe("its pictures are being looked at"),
    settings: jobSettings,
    counts: z.strictObject({ pages: count, references: count, inColor: count, unreadable: count, other: count }),
    progress,
    cover: pictureId.describe("its first page").optional(),
    secondsLeft: z.number().min(0).describe("a guess, while it runs").optional(),
    preview: z
      .strictObject({
        pages: z.array(pictureId),
        seeds: z.array(z.strictObject({ page: pictureId, seed: count })).optional(),
      })
      .describe("what waits for a decision")
      .optional(),
    warnings: z.array(z.string()),
    problem: problem.describe("why it failed").optional(),
    result: z
      .strictObject({ name: z.string().describe("file name"), bytes: count })
      .describe("the archive that can be downloaded")
      .optional(),
  })
  .meta({ id: "Job", description: "a chapter to colour" });

/** What a picture of a job is used as. */
export const PICTURE_ROLES = ["page", "reference", "inColor", "unreadable"] as const;

/** A picture of a job. */
export const picture = z
  .strictObject({
    id: pictureId,
    name: z.string().describe("path in the input, or file name of an added reference"),
    added: z.boolean().describe("a reference that was added to the chapter"),
    role: z.enum(PICTURE_ROLES).describe("inColor: carried over as it is"),
    suggested: z.enum(PICTURE_ROLES).describe("what the classifier would use it as"),
    confidence: z.number().min(0).max(1).describe("how sure, 0 to 1"),
    unsure: z.boolean(),
    width: count.optional(),
    height: count.optional(),
    shown: z
      .boolean()
      .describe("whether browsers show the file itself as the page is: a format that they know, and upright")
      .optional(),
    bytes: count,
    settings: pageOwnSettings.optional(),
    state: z.enum(["none", "waiting", "processing", "completed", "failed", "cancelled"]),
    stage: z.enum(PAGE_STAGES).optional(),
    step: count.optional(),
    steps: count.optional(),
    elapsedMs: z.number().min(0).optional(),
    result: z
      .strictObject({
        version: z.string().describe("changes with the picture"),
        name: z.string().describe("file name"),
        width: count,
        height: count,
        tiles: count.describe("parts it was coloured in: strips and spreads").optional(),
        seed: count,
        references: z
          .array(z.string())
          .describe(
            "reference patches that were used, name#patch, by quarter of the page, the most alike first; patch 0 is the whole, 1 to 4 its corners",
          ),
        layers: z.array(z.string()).describe("names of its layers").optional(),
      })
      .optional(),
    failure: z.strictObject({ stage: z.string(), code: errorCode, message: z.string(), remedy: z.string() }).optional(),
  })
  .meta({ id: "Picture", description: "a page, a reference, or a picture that is left as it is" });

/** What happens, over server-sent events: the whole object that changed, so that a reader only replaces it. */
export const serverEvent = z
  .discriminatedUnion("type", [
    z.strictObject({ type: z.literal("job"), job }).describe("a job was made or changed"),
    z.strictObject({ type: z.literal("job-removed"), id: jobId }),
    z.strictObject({ type: z.literal("picture"), job: jobId, picture }).describe("a picture of a job changed"),
    z
      .strictObject({ type: z.literal("pictures"), job: jobId })
      .describe("many pictures of a job changed; read them again"),
    z.strictObject({ type: z.literal("farm"), farm }).describe("the farm changed"),
    z.strictObject({ type: z.literal("reset") }).describe("events were missed; read everything again"),
  ])
  .meta({ id: "ServerEvent", description: "data of a server-sent event" });

/** What the server is and what its model heeds. */
export const serverInfo = z
  .strictObject({
    version: z.string(),
    model: z.strictObject({ name: z.string(), version: z.string(), trained: z.boolean(), standIn: z.boolean() }),
    styles: z.array(z.enum(STYLES)),
    ignored: z
      .array(z.strictObject({ setting: z.string(), because: z.string(), unless: z.string().optional() }))
      .describe("settings that change nothing with this model"),
    unavailable: z
      .array(z.strictObject({ what: z.enum(["lines"]), because: z.string() }))
      .describe("what this server cannot do; lines: show the lines of a page"),
    farm: z
      .strictObject({ name: z.string() })
      .describe("the farm that colours its pages; without one the server does")
      .optional(),
    roots: z.array(z.string()).describe("names of the folders that may be read on the server"),
    limits: z.strictObject({ uploadBytes: count, pageBytes: count }),
  })
  .meta({ id: "Server" });

export type JobState = z.infer<typeof jobState>;
export type JobSettings = z.infer<typeof jobSettings>;
export type PageOwnSettings = z.infer<typeof pageOwnSettings>;
export type RedoSettings = z.infer<typeof redoSettings>;
export type Job = z.infer<typeof job>;
export type Picture = z.infer<typeof picture>;
export type PictureRole = Picture["role"];
export type ServerEvent = z.infer<typeof serverEvent>;
export type ServerInfo = z.infer<typeof serverInfo>;
export type Problem = z.infer<typeof problem>;
