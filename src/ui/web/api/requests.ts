/** Bodies, queries and answers of the calls, beside the objects of `schemas.ts`. */
import { z } from "zod";
import { SETTINGS, STYLES } from "../../../config/batch-config.js";
import { MOST_PRIORITY } from "../../../farm/queue/priority.js";
import { chapterId, nodeId } from "./farm.js";
import { MOST_NAME_CHARACTERS } from "./limits.js";
import { hintDotsSchema } from "../../../config/color-hints.js";
import { RESULT_FORMATS } from "../../../colorization/request/page-request.js";
import {
  job,
  jobId,
  jobSettings,
  pageOwnSettings,
  pageSettingFields,
  pictureId,
  PICTURE_ROLES,
  redoSettings,
} from "./schemas.js";

const count = z.int().min(0);
const jobName = z
  .string()
  .min(1, "must not be empty")
  .refine((name) => [...name].length <= MOST_NAME_CHARACTERS, `must have at most ${MOST_NAME_CHARACTERS} characters`)
  .meta({ maxLength: MOST_NAME_CHARACTERS });
/** A number in a query. */
const queryCount = z.coerce.number("must be a number").int("must be a whole number").min(0, "must not be negative");
const flag = z
  .enum(["0", "1", "true", "false"], 'must be "1" or "0"')
  .transform((word) => word === "1" || word === "true");

/** Name of an allowed folder. */
const rootName = z.string().min(1, "must not be empty").max(200).describe("name of an allowed folder");
const relativePath = z
  .string()
  .max(4096, "must have at most 4096 characters")
  .refine((path) => !path.includes("\0"), "must not contain a null character");

export const jobParams = z.strictObject({ job: jobId });
export const farmNodeParams = z.strictObject({ node: nodeId });
export const farmChapterParams = z.strictObject({ chapter: chapterId });
export const pictureParams = z.strictObject({ job: jobId, picture: pictureId });
export const uploadParams = z.strictObject({
  upload: z
    .string()
    .regex(/^[0-9a-f]{32}$/, "must be the end of an upload's address")
    .describe("end of the upload's address"),
});
export const rootParams = z.strictObject({ root: rootName });

/** Of a job on a farm. */
export const jobPriority = z
  .int("must be a whole number")
  .min(0, "must be 0 or more")
  .max(MOST_PRIORITY, `must be ${MOST_PRIORITY} or less`)
  .describe("on a farm: higher goes first");

/** What of a chapter in a farm's queue can be changed. */
export const farmChapterChanges = z.strictObject({ priority: jobPriority });

/** A new job. */
export const newJob = z
  .strictObject({
    name: jobName.describe("default: the name of the input"),
    source: job.shape.source.describe("where the pages come from; default: uploads"),
    settings: jobSettings,
    background: z.boolean().describe("yields to jobs that are not in the background"),
  })
  .partial()
  .meta({ id: "NewJob", description: "a job to make" });

/** What of a job can be changed. */
export const jobChanges = z
  .strictObject({
    name: jobName,
    settings: jobSettings.describe("replaces all settings of the job"),
    background: z.boolean(),
    position: count.describe("new place among the queued jobs, from 0"),
    priority: jobPriority,
  })
  .partial()
  .meta({ id: "JobChanges", description: "what of a job is to change" });

const ids = z.array(pictureId).min(1, "must name a picture").max(100_000).describe("ids of pictures");

/** Another role or settings for pictures. */
export const pictureChanges = z
  .strictObject({
    ids,
    role: z.enum(PICTURE_ROLES).exclude(["unreadable"]).optional(),
    settings: pageOwnSettings.describe("replaces the settings the pictures have").optional(),
  })
  .meta({ id: "PictureChanges", description: "another role or settings for pictures" });

export const cancelOptions = z
  .strictObject({ waitingOnly: z.boolean().describe("finish the pages in progress").optional() })
  .optional();
export const approveOptions = z
  .strictObject({ seed: count.describe("of a grid of seeds, the one for all pages").optional() })
  .optional();
export const rejectOptions = z
  .strictObject({ settings: jobSettings.describe("over the job's; default: the next seed").optional() })
  .optional();
export const retryOptions = z
  .strictObject({ ids: ids.describe("of failed pages; default: all").optional() })
  .optional();
export const redoOptions = z.strictObject({
  ids,
  settings: redoSettings.describe("over those of each page; default: the next seed").optional(),
});
/** A call that takes nothing: no body, or an empty object. */
export const noOptions = z.strictObject({}).optional();

/** Sides that thumbnails are made in; others are rounded up to one of them. */
export const THUMBNAIL_SIDES = [160, 320, 640, 1280] as const;
const version = z.string().max(200).describe("version of the picture; the answer may then be kept for ever").optional();
const download = flag.describe("save it instead of showing it").optional();

export const thumbnailQuery = z.strictObject({
  size: queryCount.min(1, "must be above 0").describe("longer side in pixels").default(320),
  of: z.enum(["original", "result", "latest"]).describe("latest: the result where there is one").default("original"),
  seed: queryCount.describe("of a preview's grid").optional(),
  v: version,
});
export const originalQuery = z.strictObject({ download, v: version });
export const resultQuery = z.strictObject({
  seed: queryCount.describe("of a preview's grid").optional(),
  layer: z.string().max(500).describe("name of a layer").optional(),
  download,
  v: version,
});
export const linesQuery = z.strictObject({ style: z.enum(STYLES).describe(SETTINGS.style.help).optional() });
export const eventsQuery = z.strictObject({ job: jobId.describe("only events of this job").optional() });
export const rootQuery = z.strictObject({ path: relativePath.describe("folder below the root").default("") });

/** What is in a folder below a root. */
export const rootListing = z
  .strictObject({
    root: z.string(),
    path: z.string().describe("folder below the root; empty for the root itself"),
    entries: z.array(
      z.strictObject({
        name: z.string(),
        path: z.string().describe("below the root, with forward slashes"),
        kind: z.enum(["folder", "archive"]),
      }),
    ),
  })
  .meta({ id: "RootListing", description: "folders and archives in a folder on the server" });

/** What an upload says of itself, in `Upload-Metadata` or in fields of a form. */
export const uploadMetadata = z.strictObject({
  job: jobId,
  role: z.enum(["input", "reference"], 'must be "input" or "reference"'),
  path: relativePath.min(1, "must not be empty"),
});

/** Settings of `POST /colorize`. */
export const colorizeSettings = z
  .strictObject({
    ...pageSettingFields,
    format: z.enum(RESULT_FORMATS).describe("default: the page's own format; GIF becomes PNG"),
    quality: z.int().min(1).max(100).describe(SETTINGS.quality.help),
    lossless: z.boolean().describe(SETTINGS.lossless.help),
    hints: hintDotsSchema.describe("colours to keep to, in the page's own pixels"),
  })
  .partial()
  .meta({ id: "ColorizeSettings", description: "settings of one page that differ from the defaults" });

/** A coloured page, where JSON is asked for. */
export const colorizedPage = z
  .strictObject({
    data: z.base64().describe("the picture's file in base64"),
    format: z.enum(RESULT_FORMATS),
    width: count,
    height: count,
    bucket: z.string().describe("page size of the model, WxH"),
    tiles: count.describe("parts it was coloured in: strips and spreads").optional(),
    seed: count,
    references: z.array(z.string()).describe("reference patches that were used, name#patch"),
    stageMs: z.record(z.string(), z.number().min(0)),
    warnings: z.array(z.string()),
  })
  .meta({ id: "ColorizedPage", description: "a coloured page and what it was made of" });

/** What the server says when it is asked whether it is well. */
export const health = z.strictObject({ status: z.literal("ok"), version: z.string() }).meta({ id: "Health" });
