/** Schemas of a farm: its queue, its workers and its chapters, as the API shows them. */
import { z } from "zod";
import { errorCode, pageFailure } from "../../../core/events.js";
import { jobId } from "./job-id.js";

const count = z.int().min(0);
const time = z.iso.datetime({ precision: 3 }).describe("ISO 8601 in UTC with milliseconds");

/** Id of a worker. */
export const nodeId = z
  .string()
  .regex(/^[\w.-]{1,100}$/, "must be the id of a worker")
  .describe("id of the worker");
/** Id of a chapter in the queue. */
export const chapterId = z
  .string()
  .regex(/^[0-9a-f]{12}$/, "must be the id of a chapter in the queue")
  .describe("id of the chapter in the queue");

/** A worker of the farm. */
export const farmNode = z
  .strictObject({
    id: nodeId,
    host: z.string(),
    version: z.string().describe("of cobra-batch"),
    model: z.string().describe("name and version"),
    isOurs: z.boolean().describe("whether it takes this server's pages: it has the same model and version"),
    devices: z.array(
      z.strictObject({ name: z.string(), state: z.string(), totalBytes: count, usedBytes: count }).describe("a device"),
    ),
    memory: z.strictObject({ totalBytes: count, usedBytes: count }).describe("of its process on its machine"),
    pagesAtOnce: count.describe("pages that it takes at once"),
    pagesDone: count.describe("since it was started"),
    pagesFailed: count,
    pagesPerMinute: z.number().min(0).describe("over the last ten minutes"),
    state: z
      .enum(["working", "idle", "draining", "drained"])
      .describe("draining: finishes its pages and takes no more; drained: has none left"),
    working: z.array(
      z.strictObject({
        page: z.string(),
        chapter: z.string(),
        stage: z.string(),
        step: count.optional(),
        steps: count.optional(),
      }),
    ),
    startedAt: time,
    heardAt: time.describe("when it was heard of last"),
  })
  .meta({ id: "FarmNode", description: "a worker of the farm" });

/** A chapter in the queue, whoever submitted it. */
export const farmChapter = z
  .strictObject({
    id: chapterId,
    name: z.string().describe("its output"),
    job: jobId.describe("the job of this server that it is").optional(),
    model: z.string(),
    state: z.enum(["waiting", "paused", "assembling", "failed"]),
    priority: z.int(),
    submittedAt: time,
    pages: count,
    left: count.describe("pages in the queue that are not done; of a job of a server, of those that it has queued"),
    done: count.describe("pages that are coloured"),
    failed: count.describe("pages that have failed"),
    pagesPerMinute: z.number().min(0).describe("pages with an outcome a minute, over the last ten minutes"),
    reason: z.string().describe("why it failed").optional(),
    code: errorCode.describe("the error's code, where it is known and not that of a page").optional(),
    remedy: z.string().describe("what to do about it").optional(),
    failures: z.array(pageFailure).describe("the first pages that failed").optional(),
  })
  .meta({ id: "FarmChapter", description: "a chapter in the queue" });

/** The farm. */
export const farm = z
  .strictObject({
    name: z.string(),
    connected: z.boolean().describe("whether the queue answers; if not, the rest is as it was last"),
    paused: z.boolean().describe("workers take nothing"),
    nodes: z.array(farmNode),
    chapters: z.array(farmChapter),
  })
  .meta({ id: "Farm", description: "the farm that colours this server's pages" });

export type Farm = z.infer<typeof farm>;
export type FarmNode = z.infer<typeof farmNode>;
export type FarmChapter = z.infer<typeof farmChapter>;
