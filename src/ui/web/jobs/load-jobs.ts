/** Loads the jobs that an earlier server has left: from the index where it is up to date, else from their folders. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../../../errors.js";
import { removeLeftovers } from "../../../io/files/atomic-file.js";
import { getLogger } from "../../../logging.js";
import { jobId } from "../api/job-id.js";
import { JobEntry } from "./job-entry.js";
import type { JobIndex } from "./job-index.js";
import { interrupted } from "./job-states.js";
import { findResults } from "./results.js";
import { NO_JOB, type JobRegister } from "./register.js";
import type { Scanner } from "./scanner.js";
import { damagedJob, readStoredJob, stampOf } from "./stored.js";
import { removeTree } from "../../../io/files/remove-tree.js";

const log = getLogger("jobs");

/** Puts all jobs into the register. One that was running is queued again; one that was not looked at is scanned. */
export async function loadJobs(register: JobRegister, index: JobIndex, scanner: Scanner): Promise<void> {
  const rows = index.rows();
  for (const name of await readdir(register.folder)) {
    const folder = join(register.folder, name);
    if (isNoJob(name)) {
      await removeTree(folder).catch((error: unknown) =>
        log.warn({ err: error }, `${folder} is what is left of a job, and cannot be removed: ${messageOf(error)}`),
      );
      continue;
    }
    const path = join(folder, "job.json");
    const stamp = await stampOf(path);
    const row = rows.get(name);
    rows.delete(name);
    const known = row !== undefined && row.stamp === stamp;
    const stored = known ? row.job : await readStoredJob(path).catch(() => undefined);
    if (stored === undefined || stored.id !== name) {
      log.warn({}, `${folder} holds no job that can be read; it is left as it is`);
      if (jobId.safeParse(name).success) await keepDamaged(register, name, folder);
      continue;
    }
    await removeLeftovers(folder);
    const entry = new JobEntry(stored, folder);
    register.keep(entry);
    if (stored.state === "running" || stored.underWay) await countAgain(register, entry);
    else if (!known) index.put(stored, stamp!);
    if (stored.unscanned) scanner.start(entry);
  }
  for (const id of rows.keys()) index.remove(id);
}

/** Names of our own alone: what else is called so may be somebody's. */
function isNoJob(name: string): boolean {
  return name.startsWith(NO_JOB) && jobId.safeParse(name.slice(NO_JOB.length)).success;
}

/** After a run that was killed, also while it ended: paused and cancelled jobs have results of the time until then. */
async function countAgain(register: JobRegister, entry: JobEntry): Promise<void> {
  const progress = await entry.countedPages();
  const resultBytes = (await findResults(entry).catch(() => undefined))?.sizeBytes;
  await register.change(entry, (job) => ({ ...interrupted(job), progress, resultBytes }));
}

/** So that people see it and can delete it. What is no folder is nobody's job. */
async function keepDamaged(register: JobRegister, id: string, folder: string): Promise<void> {
  const isFolder = await stat(folder).then(
    (info) => info.isDirectory(),
    () => false,
  );
  if (isFolder) register.keep(new JobEntry(await damagedJob(id, join(folder, "job.json")), folder));
}
