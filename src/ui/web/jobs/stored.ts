/**
 * The files in a job's folder: `job.json` and `pictures.json`, each written whole or not at all. Both may have come
 * from anywhere, so nothing of them is used before it has passed a schema.
 */
import { readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { ResourceError, systemCode } from "../../../errors.js";
import { writeFileAtomic } from "../../../io/files/atomic-file.js";
import { exists } from "../../../io/files/exists.js";
import { inputError } from "../../../io/files/file-errors.js";
import { nameFault } from "../../../io/names/safe-name.js";
import { parseJson } from "../../../text/parse-json.js";
import { job, JOB_STATES, jobId, jobSettings, pageOwnSettings, pictureId, PICTURE_ROLES } from "../api/schemas.js";
import { IMAGE_TYPES } from "../../../config/batch-config.js";
import { errorCode } from "../../../core/events.js";

/** What a record can say; a damaged one cannot be read. */
const state = z.enum(JOB_STATES).refine((said): boolean => said !== "damaged");
const { createdAt, startedAt, endedAt, source, counts, progress, warnings, problem } = job.shape;
const count = z.int().min(0);
/** A relative path that stays in its folder. */
const insideName = z.string().refine((name) => nameFault(name) === undefined, "leads out of the job's folder");
const fileName = insideName.refine(
  (name) => !name.includes("/") && name !== "." && name !== "..",
  "is not a file name",
);

/** The spelling that records have from servers of before `inColor` got its name. It is read and no longer written. */
const EARLIER_IN_COLOR = "inColour";
const storedCounts = z.preprocess((said) => {
  if (typeof said !== "object" || said === null || !(EARLIER_IN_COLOR in said)) return said;
  const { [EARLIER_IN_COLOR]: inColor, ...others } = said;
  return "inColor" in others ? said : { ...others, inColor };
}, counts);
const storedRole = z.preprocess((said) => (said === EARLIER_IN_COLOR ? "inColor" : said), z.enum(PICTURE_ROLES));

/** Where a job can be after a redo: it waits for nothing but people. Earlier servers could write that it ran. */
const afterwards = z.preprocess(
  (said) => (said === "running" || said === "queued" ? "paused" : said),
  z.enum(["paused", "preview", "completed", "failed", "cancelled"]),
);

/** `job.json`. */
const storedJob = z.strictObject({
  version: z.literal(1),
  id: jobId,
  name: z.string(),
  /** A person gave the name; else it follows the input. */
  named: z.boolean(),
  state,
  createdAt,
  startedAt,
  endedAt,
  background: z.boolean(),
  /** On a farm; higher goes first. Default 0. */
  priority: z.int().min(0).optional(),
  source,
  settings: jobSettings,
  /** Queued jobs run in the order of their ranks. */
  rank: z.number(),
  /** The preview was approved: no further one is made. */
  approved: z.boolean(),
  preview: z
    .strictObject({
      pages: z.array(pictureId),
      seeds: z.array(z.strictObject({ page: pictureId, seed: count, file: insideName })).optional(),
    })
    .optional(),
  /** The next run does these pages alone; where the job is afterwards. */
  redo: z.strictObject({ pages: z.array(pictureId), afterwards }).optional(),
  /** A run of it has not ended. Where a server starts with it, that run was killed: what is counted here is old. */
  underWay: z.literal(true).optional(),
  /** Pages to do again when the run that is under way has ended. */
  redoLater: z.array(pictureId),
  /** Its pictures are to be looked at. */
  unscanned: z.boolean(),
  /** The next run tries pages again that were quarantined. */
  retry: z.boolean(),
  /** Size of the results as an archive. */
  resultBytes: count.optional(),
  /** Chosen at the first start. */
  output: z.strictObject({ kind: z.enum(["folder", "archive"]), file: fileName }).optional(),
  counts: storedCounts,
  /** Its first page. */
  cover: pictureId.optional(),
  progress,
  warnings,
  problem,
});
/** A job as its record says, or one whose record is damaged. */
export type StoredJob = z.infer<typeof storedJob>;

const storedPicture = z.strictObject({
  id: pictureId,
  /** As its source names it; also where that name is refused. */
  name: z.string(),
  added: z.boolean(),
  /** Of an added reference: its file in the folder of references; an archive may hold several. */
  file: insideName.optional(),
  bytes: count,
  /** What tells one version of its file from another; undefined where that was not noted. */
  version: z.string().optional(),
  kind: z.enum(IMAGE_TYPES).optional(),
  confidence: z.number().min(0).max(1),
  unsure: z.boolean(),
  width: count.optional(),
  height: count.optional(),
  /** Browsers show the file as the page is; undefined in records of earlier servers. */
  shown: z.boolean().optional(),
  /** Why it cannot be used. */
  fault: z.strictObject({ code: errorCode, message: z.string() }).optional(),
  /** What a person said it is. */
  role: storedRole.optional(),
  /** What it was when the job began; what is added later does not change it. */
  roleAtStart: storedRole.optional(),
  settings: pageOwnSettings.optional(),
  /** Of a page that is to be done again with other settings: those it had before. */
  settingsBefore: pageOwnSettings.optional(),
});
export type StoredPicture = z.infer<typeof storedPicture>;

/** `pictures.json`. */
const storedPictures = z.strictObject({
  version: z.literal(1),
  /** Files of the input that are no pictures. */
  others: count,
  /** Why the input as a whole cannot be used. */
  fault: z.strictObject({ code: errorCode, message: z.string() }).optional(),
  pictures: z.array(storedPicture),
});
export type StoredPictures = z.infer<typeof storedPictures>;

/** Far above what a job of 100,000 pictures has. */
const MAX_BYTES = 256 * 2 ** 20;

/** Where the parts of a job are. */
export function jobPaths(folder: string) {
  return {
    folder,
    job: join(folder, "job.json"),
    pictures: join(folder, "pictures.json"),
    input: join(folder, "input"),
    references: join(folder, "references"),
    hints: join(folder, "hints"),
    /** Copies of references that only some pages have. */
    pageReferences: join(folder, "page-references"),
  } as const;
}
export type JobPaths = ReturnType<typeof jobPaths>;

export function noPictures(): StoredPictures {
  return { version: 1, others: 0, pictures: [] };
}

/**
 * Stands for a job whose record cannot be read. Of a record that breaks a rule the name is kept.
 * @param id name of its folder
 */
export async function damagedJob(id: string, path: string): Promise<StoredJob> {
  const text = await textOf(path).catch(() => undefined);
  const said = parsed(rescued, text);
  const { birthtime } = await stat(dirname(path));
  const none = { pages: 0, references: 0, inColor: 0, unreadable: 0, other: 0 };
  return {
    version: 1,
    id,
    name: said?.name ?? id,
    named: true,
    state: "damaged",
    createdAt: said?.createdAt ?? birthtime.toISOString(),
    background: false,
    source: { kind: "upload" },
    settings: {},
    rank: 0,
    approved: false,
    redoLater: [],
    unscanned: false,
    retry: false,
    counts: none,
    progress: { total: 0, completed: 0, failed: 0, unfinished: 0 },
    warnings: [],
    problem: {
      type: "about:blank",
      title: "Conflict",
      status: 409,
      code: "ERR_STATE",
      detail: "the record of this chapter on the server's disk is damaged, or a newer version of cobra-batch wrote it",
      remedy: "delete the chapter and add it again; its files are kept on the server until you delete it",
    },
  };
}

const rescued = z.object({ name: z.string().min(1).max(1000), createdAt });

/** Undefined where there is none, or none that is valid. */
export async function readStoredJob(path: string): Promise<StoredJob | undefined> {
  return parsed(storedJob, await textOf(path));
}

export async function readStoredPictures(path: string): Promise<StoredPictures | undefined> {
  return parsed(storedPictures, await textOf(path));
}

/** A value of the index. Undefined for one that is not valid. */
export function parseStoredJob(text: string): StoredJob | undefined {
  return parsed(storedJob, text);
}

/** @throws ResourceError `ERR_OUTPUT_WRITE`; `ERR_INPUT_GONE` where the job's folder has been taken away */
export async function writeStored(path: string, value: StoredJob | StoredPictures, root: string): Promise<void> {
  try {
    await writeFileAtomic(path, Buffer.from(`${JSON.stringify(value)}\n`), true, undefined, root);
  } catch (cause) {
    if (await exists(root)) throw cause;
    const message = "the chapter's folder has vanished from the server's disk";
    throw new ResourceError("ERR_INPUT_GONE", message, { cause });
  }
}

/** What tells one version of a file from another; undefined where there is none. */
export async function stampOf(path: string): Promise<string | undefined> {
  return stat(path, { bigint: true }).then(
    ({ mtimeNs, size, ino }) => `${mtimeNs} ${size} ${ino}`,
    () => undefined,
  );
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    if ((await stat(path)).size > MAX_BYTES) return undefined;
    return await readFile(path, "utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw inputError(path, error);
  }
}

function parsed<T extends z.ZodType>(schema: T, text: string | undefined): z.output<T> | undefined {
  if (text === undefined) return undefined;
  try {
    return schema.parse(parseJson(text, { maxLength: MAX_BYTES }));
  } catch {
    return undefined;
  }
}
