/** Jobs and pictures as the API shows them. */
import { performance } from "node:perf_hooks";
import { fitLabel, portableLabel } from "../../../io/names/portable-names.js";
import type { Job, Picture } from "../api/schemas.js";
import type { PathHider } from "./hide-paths.js";
import type { JobEntry } from "./job-entry.js";
import type { Outcome } from "./outcomes.js";
import { webRemedy } from "./remedies.js";
import type { Roles } from "./roles.js";
import type { StoredJob, StoredPicture } from "./stored.js";

/** A job. @param position its place among the queued jobs, where it is one */
export function jobView(entry: JobEntry, position: number | undefined, hider: PathHider): Job {
  const { stored, scan, progress, estimate } = entry;
  const { id, name, state, createdAt, startedAt, endedAt, background, source, settings, counts, preview } = stored;
  const { warnings, problem, resultBytes, cover } = stored;
  const leftMs = state === "running" ? estimate?.batchLeftMs(performance.now()) : undefined;
  const { pages } = counts;
  const before = state === "draft" ? { total: pages, completed: 0, failed: 0, unfinished: pages } : stored.progress;
  return {
    id,
    name,
    state,
    createdAt,
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(endedAt === undefined ? {} : { endedAt }),
    ...(position === undefined ? {} : { position }),
    background,
    ...(stored.priority === undefined ? {} : { priority: stored.priority }),
    source,
    scanning: scan !== undefined,
    settings,
    counts,
    progress: (stored.underWay === true ? progress : undefined) ?? before,
    ...(cover === undefined ? {} : { cover }),
    ...(leftMs === undefined ? {} : { secondsLeft: leftMs / 1000 }),
    ...(preview === undefined || state !== "preview" ? {} : { preview: previewView(preview) }),
    warnings: warnings.map((text) => hider.hide(text)),
    ...(problem === undefined || isBeingRedone(stored)
      ? {}
      : {
          problem:
            state === "damaged"
              ? problem
              : { ...problem, detail: hider.hide(problem.detail), remedy: webRemedy(problem.code) },
        }),
    ...(resultBytes === undefined ? {} : { result: { name: resultName(stored), bytes: resultBytes } }),
  };
}

/** What it had failed for is said again when it is there again. */
function isBeingRedone({ state, redo }: StoredJob): boolean {
  return redo !== undefined && (state === "queued" || state === "running");
}

function previewView({ pages, seeds }: NonNullable<StoredJob["preview"]>): NonNullable<Job["preview"]> {
  return { pages, ...(seeds === undefined ? {} : { seeds: seeds.map(({ page, seed }) => ({ page, seed })) }) };
}

/** File name of a job's results. */
export function resultName({ name, output, settings }: StoredJob): string {
  const extension = output?.kind === "archive" ? output.file.slice(output.file.lastIndexOf(".")) : undefined;
  return fitLabel(portableLabel(name.replaceAll("/", "_")), extension ?? `.${settings.result ?? "cbz"}`);
}

/** A picture. */
export function pictureView(
  picture: StoredPicture,
  roles: Roles,
  entry: JobEntry,
  outcome: Outcome | undefined,
  hider: PathHider,
): Picture {
  const { id, name, added, confidence, unsure, width, height, shown, bytes, settings, fault } = picture;
  const role = roles.of(picture);
  const live = role === "page" ? entry.live.get(name) : undefined;
  const own = role === "page" ? outcome : undefined;
  const isFailed = own?.failure !== undefined && !entry.isAgain(id);
  const elapsedMs = live === undefined ? own?.success?.facts.elapsedMs : performance.now() - live.startedMs;
  const failure =
    (isFailed ? own.failure : undefined) ??
    (role === "unreadable" && fault !== undefined ? { stage: "scan", ...fault } : undefined);
  const { stage, step, steps } = live ?? {};
  return {
    id,
    name,
    added,
    role,
    suggested: roles.suggested(picture),
    confidence,
    unsure,
    ...(width === undefined ? {} : { width }),
    ...(height === undefined ? {} : { height }),
    ...(shown === undefined ? {} : { shown }),
    bytes,
    ...(settings === undefined ? {} : { settings }),
    state: role === "page" ? stateOf(picture, entry, own) : "none",
    ...(stage === undefined ? {} : { stage }),
    ...(step === undefined ? {} : { step }),
    ...(steps === undefined ? {} : { steps }),
    ...(elapsedMs === undefined ? {} : { elapsedMs }),
    ...(own?.success === undefined ? {} : { result: resultView(own.success) }),
    ...(failure === undefined
      ? {}
      : { failure: { ...failure, message: hider.hide(failure.message), remedy: webRemedy(failure.code) } }),
  };
}

function stateOf({ id, name }: StoredPicture, entry: JobEntry, outcome: Outcome | undefined): Picture["state"] {
  if (entry.live.has(name)) return "processing";
  if (!entry.isAgain(id)) {
    if (outcome?.success !== undefined) return "completed";
    if (outcome?.failure !== undefined) return "failed";
  }
  const { state } = entry.stored;
  if (state === "draft" || state === "failed") return "none";
  return state === "cancelled" ? "cancelled" : "waiting";
}

function resultView({ name, version, facts, layers }: NonNullable<Outcome["success"]>): NonNullable<Picture["result"]> {
  const { width, height, tiles, seed, references } = facts;
  return {
    version,
    name: name.slice(name.lastIndexOf("/") + 1),
    width,
    height,
    ...(tiles === undefined ? {} : { tiles }),
    seed,
    references: [...references],
    ...(layers.length === 0 ? {} : { layers: [...layers] }),
  };
}
