/**
 * The states of a job: which action it takes in which state, and what each does to its redo and its preview. Pure: it
 * knows records and runs nothing. Four rules hold after every step:
 *
 * - A redo is an errand on top of a state: it is queued, runs or is paused, and ends where the job was (`afterwards`).
 * - A preview is kept while the job waits for a decision, and under a redo that was asked for meanwhile.
 * - `underWay` says that a run has begun whose end is not written. What is asked then takes effect when it is.
 * - How many pages are where is counted from the pages' outcomes when a run has ended, however that came.
 */
import { BatchProcessingError } from "../../../errors.js";
import type { JobState } from "../api/schemas.js";
import type { StoredJob } from "./stored.js";

type Redo = NonNullable<StoredJob["redo"]>;

/** In which states an action is taken. */
export const TAKES = {
  start: ["draft", "completed", "failed", "cancelled"],
  pause: ["running", "queued"],
  resume: ["paused"],
  cancel: ["running", "queued", "paused", "preview"],
  approve: ["preview"],
  reject: ["preview"],
  retry: ["completed", "failed", "cancelled", "paused"],
  redo: ["queued", "running", "paused", "preview", "completed", "failed", "cancelled"],
} as const satisfies Record<string, readonly JobState[]>;

/** The states of a job that does not run: its settings and pictures can be changed. */
export const AT_REST: readonly JobState[] = [
  "draft",
  "queued",
  "paused",
  "preview",
  "completed",
  "failed",
  "cancelled",
];

/** @throws BatchProcessingError `ERR_STATE` where a job is in none of some states */
export function assertState(
  { state }: Pick<StoredJob, "state">,
  allowed: readonly JobState[],
  what: string,
  remedy = `it can where it is ${allowed.join(" or ")}`,
): void {
  if (allowed.includes(state)) return;
  throw new BatchProcessingError("ERR_STATE", `the job is ${state} and cannot ${what}; ${remedy}`);
}

/** @param rank behind all others */
export function started(job: StoredJob, rank: number): StoredJob {
  assertState(job, TAKES.start, "start");
  return { ...withoutEnd(job), state: "queued", rank };
}

/** A redo that is paused stays one. */
export function paused(job: StoredJob): StoredJob {
  assertState(job, TAKES.pause, "pause");
  return { ...job, state: "paused" };
}

/** @param rank before all others */
export function resumed(job: StoredJob, rank: number): StoredJob {
  assertState(job, TAKES.resume, "resume");
  return { ...job, state: "queued", rank };
}

/** Takes a redo back, or gives the job up where there is none. */
export function cancelled(job: StoredJob): StoredJob {
  assertState(job, TAKES.cancel, "be cancelled");
  const { redo, preview, ...rest } = job;
  const state = redo?.afterwards ?? "cancelled";
  return {
    ...rest,
    ...(state === "preview" && preview !== undefined ? { preview } : {}),
    ...(hasEnd(state) ? { endedAt: new Date().toISOString() } : {}),
    state,
    redoLater: [],
    retry: redo === undefined && job.retry,
  };
}

/** A preview was decided about: the job goes on. */
export function decided(
  job: StoredJob,
  action: "approve" | "reject",
  rank: number,
  settings: (preview: StoredJob["preview"]) => StoredJob["settings"],
): StoredJob {
  assertState(job, TAKES[action], action === "approve" ? "be approved" : "be rejected");
  const { preview, ...rest } = job;
  const approved = action === "approve" || job.approved;
  return { ...rest, state: "queued", rank, approved, settings: { ...job.settings, ...settings(preview) } };
}

/** All pages that failed are tried again, and what waits is done. */
export function triedAgain(job: StoredJob, rank: number): StoredJob {
  assertState(job, TAKES.retry, "be tried again");
  const { redo, ...rest } = withoutEnd(job);
  return { ...rest, state: "queued", rank, retry: true, redoLater: union(redo?.pages ?? [], job.redoLater) };
}

/**
 * Pages are done again: alone, then the job is where it was. A redo that waits or is paused takes them too. While the
 * job runs they are done afterwards.
 */
export function redone(job: StoredJob, ids: readonly string[], rank: number, retry = false): StoredJob {
  if (retry) assertState(job, TAKES.retry, "be tried again");
  else assertState(job, TAKES.redo, "do pages again", "start it first");
  const { redo, redoLater, state, underWay } = job;
  const asked = { ...job, retry: retry || job.retry };
  if (state === "running") return { ...asked, redoLater: union(redoLater, ids) };
  if (redo !== undefined) {
    const queued = state === "queued" ? asked : { ...asked, state: "queued" as const, rank };
    if (underWay) return { ...queued, redoLater: union(redoLater, ids) };
    return { ...queued, redo: { ...redo, pages: union(redo.pages, redoLater, ids) }, redoLater: [] };
  }
  // The whole job waits, and does its pages as they are set by then.
  if (state === "queued") return underWay ? { ...asked, redoLater: union(redoLater, ids) } : asked;
  const afterwards = state as Redo["afterwards"];
  return { ...asked, state: "queued", rank, redo: { pages: union(redoLater, ids), afterwards }, redoLater: [] };
}

/** Its run begins. Whoever paused or cancelled it a moment ago has the last word. */
export function begun(job: StoredJob): StoredJob {
  if (job.state !== "queued") return job;
  const { problem, endedAt: _endedAt, ...rest } = job;
  return {
    ...rest,
    ...(job.redo?.afterwards === "failed" && problem !== undefined ? { problem } : {}),
    state: "running",
    underWay: true,
    startedAt: job.startedAt ?? new Date().toISOString(),
  };
}

/** How a run has ended. */
export interface RunEnd {
  /** The redo that it did; undefined where it did the whole job. */
  readonly redo: Redo | undefined;
  /** Whether it has done a page. */
  readonly did: (page: string) => boolean;
  /** It was asked to end before all was done. */
  readonly stopped: boolean;
  /** Every page of the job has an outcome, and the result is complete. */
  readonly whole: boolean;
  /** Pages that it has done and that are not in the result yet; they are put there next. */
  readonly unpacked: readonly string[];
  /** What it shows before it goes on. */
  readonly preview: StoredJob["preview"];
  /** Why it could not go on. */
  readonly problem: StoredJob["problem"];
}

/** What becomes of a job when its run has ended; it may have been paused, cancelled or asked for more meanwhile. */
export function ended(job: StoredJob, end: RunEnd): StoredJob {
  const { underWay: _ended, ...rest } = job;
  if (end.problem !== undefined) return failed(rest, end.problem);
  // The redo was taken back meanwhile: what was asked since stands.
  if (end.redo !== undefined && job.redo !== end.redo) return rest;
  const left =
    end.redo === undefined || end.whole ? [] : end.stopped ? end.redo.pages.filter((id) => !end.did(id)) : [];
  if (end.redo !== undefined && left.length > 0) {
    const state = job.state === "paused" ? "paused" : "queued";
    return { ...rest, state, redo: { ...end.redo, pages: union(left, job.redoLater) }, redoLater: [] };
  }
  const { redo, preview, ...plain } = rest;
  if (end.redo !== undefined) {
    const { afterwards } = end.redo;
    const isWhole = end.whole && afterwards !== "preview";
    const { problem, ...done } = plain;
    const kept = {
      ...(afterwards === "preview" && preview !== undefined ? { preview } : {}),
      ...(problem === undefined || (isWhole && afterwards === "failed") ? {} : { problem }),
    };
    const redoLater = union(end.unpacked, job.redoLater);
    return next({ ...done, ...kept, redoLater }, isWhole ? "completed" : afterwards, job.state);
  }
  const asked = { ...plain, redoLater: union(redo?.pages ?? [], job.redoLater) };
  if (end.whole) return next(asked, "completed", job.state);
  if (end.preview !== undefined && job.state === "running")
    return next({ ...asked, preview: end.preview }, "preview", job.state);
  return job.state === "running" ? { ...rest, state: "queued" } : rest;
}

/** The job is where it comes to rest, or pages were asked for meanwhile. */
function next(job: StoredJob, afterwards: Redo["afterwards"], before: JobState): StoredJob {
  const { redoLater: pages, ...rest } = job;
  const rested = { ...rest, ...(hasEnd(afterwards) ? { endedAt: new Date().toISOString() } : {}), redoLater: [] };
  if (pages.length === 0) return { ...rested, state: afterwards, retry: false };
  return { ...rested, state: before === "paused" ? "paused" : "queued", redo: { pages, afterwards } };
}

/** A job that was paused or cancelled meanwhile stays so; what it still has to do stays with it. */
export function failed(job: StoredJob, problem: NonNullable<StoredJob["problem"]>): StoredJob {
  if (job.state === "completed" || job.state === "preview") return job;
  if (job.state === "cancelled" || job.state === "paused") return { ...job, problem };
  const { redo: _redo, preview: _preview, ...rest } = job;
  return { ...rest, redoLater: [], state: "failed", endedAt: new Date().toISOString(), problem };
}

/** After a server was killed, its runs are over. */
export function interrupted({ underWay: _killed, ...job }: StoredJob): StoredJob {
  return { ...job, state: job.state === "running" ? "queued" : job.state };
}

/** A job that goes on has not ended. */
function withoutEnd({ endedAt: _endedAt, problem: _problem, ...job }: StoredJob): StoredJob {
  return job;
}

function hasEnd(state: JobState): boolean {
  return state === "completed" || state === "failed" || state === "cancelled";
}

function union(...lists: readonly (readonly string[])[]): string[] {
  return [...new Set(lists.flat())];
}
