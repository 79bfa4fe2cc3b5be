/**
 * Runs queued jobs, as many at once as the backend accepts; an engine accepts one, since its pages overlap inside a
 * job. A job in the background makes room.
 */
import { join, relative, sep } from "node:path";
import type { BatchEvent, BatchSummary } from "../../../core/events.js";
import { messageOf, ValidationError } from "../../../errors.js";
import { getLogger } from "../../../logging.js";
import { Estimate } from "../../../core/estimate.js";
import type { PageOwnSettings } from "../api/schemas.js";
import { inputOf, type JobInput } from "./input.js";
import type { JobColorizer } from "./job-colorizer.js";
import type { JobEntry } from "./job-entry.js";
import { outputOf, previewFolder } from "./outcomes.js";
import { problemOf } from "./problem.js";
import { begun, cancelled, ended } from "./job-states.js";
import { makesRoom, priorityOf, queueOrder } from "./queue-order.js";
import { settled, withMade } from "./redo-settings.js";
import type { JobRegister } from "./register.js";
import { withRolesAtStart } from "./roles.js";
import type { Roots } from "./roots.js";
import { JobRun, type StopWish } from "./run.js";
import type { StoredJob, StoredPictures } from "./stored.js";
import { unpackedPages, withoutKept } from "./unpacked.js";

/** What the queue needs of the store. */
export interface QueueHost {
  readonly colorizer: JobColorizer;
  readonly roots: Roots;
  entries(): Iterable<JobEntry>;
  /** Changes a job and tells it; `ERR_OUTPUT_WRITE` leaves it as it was. */
  readonly change: JobRegister["change"];
  /** Size of what a job has made so far, as an archive. */
  resultBytes(entry: JobEntry): Promise<number | undefined>;
  /** Takes the places of this machine out of a message. */
  redact(message: string): string;
  notifyJob(entry: JobEntry): void;
  notifyPage(entry: JobEntry, page: string): void;
  notifyPictures(entry: JobEntry): void;
}

/** Warnings that a job keeps. */
const MOST_WARNINGS = 100;
const log = getLogger("jobs");

export class JobQueue {
  readonly #host: QueueHost;
  readonly #running = new Map<JobEntry, Promise<void>>();
  #closing = false;

  constructor(host: QueueHost) {
    this.#host = host;
    host.colorizer.onRoom?.(() => this.wake());
  }

  /** A job was queued, moved or changed: the next ones run, or one that runs makes room. */
  wake(): void {
    while (!this.#closing) {
      const jobs = [...this.#host.entries()].filter((entry) => !this.#running.has(entry));
      const next = queueOrder(jobs.map(({ stored }) => stored))[0];
      const entry = jobs.find(({ id }) => id === next?.id);
      if (entry === undefined) return;
      if (!this.#takesAnother(entry)) return this.#makeRoom();
      const done = this.#run(entry).finally(() => {
        this.#running.delete(entry);
        this.wake();
      });
      this.#running.set(entry, done);
    }
  }

  #takesAnother(next: JobEntry): boolean {
    const running = [...this.#running.keys()].map(({ stored, progress }) => ({
      pagesLeft: leftOf(progress ?? stored.progress, stored.counts.pages),
      priority: priorityOf(stored),
    }));
    return this.#host.colorizer.takesAnother(running, priorityOf(next.stored));
  }

  #makeRoom(): void {
    const stored = [...this.#host.entries()].map((entry) => entry.stored);
    for (const entry of this.#running.keys())
      if (entry.stored.state === "running" && makesRoom(entry.stored, stored)) entry.stop?.("finish");
  }

  /** Resolves when a job does not run any more. */
  async ended(entry: JobEntry): Promise<void> {
    await this.#running.get(entry);
  }

  /** Finishes the pages in progress and begins no other. */
  async close(): Promise<void> {
    this.#closing = true;
    for (const entry of this.#running.keys()) entry.stop?.("finish");
    await Promise.all(this.#running.values());
  }

  async #run(entry: JobEntry): Promise<void> {
    const host = this.#host;
    let wish: StopWish | undefined;
    let run: JobRun | undefined;
    let end = (): void => {};
    const warnings: string[] = [];
    entry.abandoned = false;
    entry.stop = (wanted) => {
      wish = wish === "abandon" ? wish : wanted;
      entry.abandoned = wish === "abandon";
      if (entry.abandoned) entry.live.clear();
      run?.stop(wanted);
    };
    let summary: BatchSummary | undefined;
    let fault: { readonly error: unknown } | undefined;
    let pictures: StoredPictures | undefined;
    try {
      await host.change(entry, (job) => {
        entry.run = { redo: job.redo, did: new Set(), made: new Map() };
        entry.progress = undefined;
        return begun(job);
      });
      if (entry.stored.state !== "running") wish ??= "finish";
      await entry.pictures();
      await entry.scan;
      const input = await inputOf(entry.stored.source, entry.paths, host.roots);
      if (input === undefined)
        throw new ValidationError("ERR_INPUT_EMPTY", "the job has no input yet; upload an archive or pictures");
      await host.change(entry, (job) => withOutput(job, input));
      pictures = await entry.changePictures((all) => settled(withRolesAtStart(all), (id) => entry.isAgain(id)));
      const outcomes = await entry.outcomes();
      const progress = await entry.countedPages();
      await host.change(entry, (job) => ({ ...job, progress }));
      const { output } = entry.stored;
      const ids = new Map(pictures.pictures.flatMap(({ id, name, added }) => (added ? [] : [[name, id] as const])));
      const onEvent = (event: BatchEvent): void => {
        if (event.type === "warning")
          warnings.push(event.page === undefined ? event.message : `${event.page}: ${event.message}`);
        if (event.type === "page-completed" || event.type === "page-failed")
          entry.run?.did.add(ids.get(event.page) ?? "");
        if (event.type === "page-completed") noteMade(entry, pictures, ids.get(event.page));
        const page = entry.onEvent(event, outcomes);
        if (page !== undefined) host.notifyPage(entry, page);
        host.notifyJob(entry);
        if (event.type === "page-completed" || event.type === "page-failed") this.wake();
      };
      run = new JobRun({
        begin: async (pages) => {
          const engine = await host.colorizer.begin({
            id: entry.id,
            name: entry.stored.name,
            pages,
            priority: () => priorityOf(entry.stored),
            progress: () => {
              const { completed, failed: lost } = entry.progress ?? entry.stored.progress;
              return { done: completed, failed: lost };
            },
            onCancelled: () => void this.#cancelled(entry),
          });
          entry.queuesPages = engine.queuesPages === true;
          entry.prioritize = () => engine.prioritize?.();
          end = () => engine.end?.();
          return engine;
        },
        job: { ...entry.stored, redo: entry.run?.redo, output: output! },
        paths: entry.paths,
        pictures,
        roles: await entry.roles(),
        input,
        onEvent,
        redact: (message) => host.redact(message),
      });
      entry.estimate = new Estimate();
      if (wish === undefined) summary = await run.done();
    } catch (error) {
      fault = { error };
      if (!entry.removed.signal.aborted)
        log.error({ err: error }, `job ${entry.id} could not continue: ${messageOf(error)}`);
    }
    end();
    entry.prioritize = undefined;
    entry.queuesPages = false;
    entry.estimate = undefined;
    entry.live.clear();
    await this.#ended(entry, { summary, fault, pictures, stopped: () => wish !== undefined, warnings });
    entry.stop = undefined;
    entry.run = undefined;
    entry.progress = undefined;
    host.notifyJob(entry);
    host.notifyPictures(entry);
  }

  /** A job was cancelled where its pages wait: its run ends, and what is done stays. */
  async #cancelled(entry: JobEntry): Promise<void> {
    if (entry.stored.state !== "running") return;
    await cancelIn(this.#host, entry).catch((error: unknown) =>
      log.error({ err: error }, `job ${entry.id} was not marked as cancelled`),
    );
    entry.stop?.("finish");
  }

  /** What becomes of the job is decided in the step that says that its run is over. */
  async #ended(
    entry: JobEntry,
    end: {
      readonly summary: BatchSummary | undefined;
      readonly fault: { readonly error: unknown } | undefined;
      readonly pictures: StoredPictures | undefined;
      readonly stopped: () => boolean;
      readonly warnings: readonly string[];
    },
  ): Promise<void> {
    const { summary, fault, pictures, stopped, warnings } = end;
    const { run } = entry;
    const resultBytes = await this.#host.resultBytes(entry).catch(() => undefined);
    const progress = await entry.countedPages().catch(() => undefined);
    const apart = stopped() || fault !== undefined ? undefined : await unpackedPages(entry).catch(() => undefined);
    const said = apart === undefined ? warnings : [...withoutKept(warnings), ...apart.warnings];
    const change = (job: StoredJob, problem = fault === undefined ? undefined : problemOf(fault.error)): StoredJob => ({
      ...ended(job, {
        redo: run?.redo,
        did: (id) => run?.did.has(id) === true,
        stopped: stopped(),
        whole: summary?.unfinished === 0,
        unpacked: apart?.done ?? [],
        preview: summary?.preview === undefined ? undefined : shown(summary.preview, pictures, entry),
        problem,
      }),
      progress: progress ?? job.progress,
      warnings: [...new Set([...job.warnings, ...said])].slice(-MOST_WARNINGS),
      resultBytes,
    });
    try {
      await this.#host.change(
        entry,
        (job) => change(job),
        (all, next, before) => {
          const later = new Set([...(next.redo?.pages ?? []), ...next.redoLater]);
          for (const id of apart?.done ?? []) if (!before.redoLater.includes(id)) later.delete(id);
          const madeWith = (id: string): PageOwnSettings | undefined =>
            apart?.failed.includes(id) === true ? undefined : entry.madeWith(id);
          return withMade(
            settled(all, (id) => later.has(id), madeWith),
            pictures,
            madeWith,
          );
        },
      );
    } catch (error) {
      if (entry.removed.signal.aborted) return;
      log.error({ err: error }, `what became of job ${entry.id} cannot be kept: ${messageOf(error)}`);
      entry.changeInMemory((job) => change(job, problemOf(error)));
    }
  }
}

/** Takes a job's redo back or gives it up; pages that are not done again have the settings that they had. */
export async function cancelIn({ change }: Pick<QueueHost, "change">, entry: JobEntry): Promise<void> {
  await change(entry, cancelled, (all) =>
    settled(
      all,
      () => false,
      (id) => entry.madeWith(id),
    ),
  );
}

/** Notes what a page was done with, as the run was given it: its settings may have been changed since. */
function noteMade({ run }: JobEntry, given: StoredPictures | undefined, id: string | undefined): void {
  const picture = given?.pictures.find((one) => one.id === id);
  if (picture !== undefined) run?.made.set(picture.id, picture.settings ?? {});
}

/** Pages that a job has still to do; of one that has just begun nothing is counted yet. */
function leftOf({ total, unfinished }: StoredJob["progress"], pages: number): number {
  return total === 0 ? pages : unfinished;
}

/** An archive becomes an archive of its kind, unless the settings say otherwise; a tree of pictures a folder. */
function withOutput(job: StoredJob, { settings, isArchive }: JobInput): StoredJob {
  if (job.output !== undefined) return job;
  const { result = "inputZip" in settings && settings.inputZip.endsWith(".zip") ? "zip" : undefined } = job.settings;
  const output =
    isArchive || result !== undefined
      ? { kind: "archive" as const, file: `output.${result ?? "cbz"}` }
      : { kind: "folder" as const, file: "output" };
  return { ...job, output };
}

function shown(
  { pages, seeds }: NonNullable<BatchSummary["preview"]>,
  pictures: StoredPictures | undefined,
  { paths, stored }: JobEntry,
): StoredJob["preview"] {
  const ids = new Map(pictures?.pictures.map(({ id, name, added }) => [added ? undefined : name, id]));
  const folder = previewFolder(outputOf(paths.folder, stored.output!));
  const grid = (seeds?.pictures ?? []).flatMap(({ page, seed, output }) => {
    const id = ids.get(page);
    return id === undefined ? [] : [{ page: id, seed, file: relative(folder, output).split(sep).join("/") }];
  });
  const named = seeds === undefined ? pages.map(({ page }) => page) : seeds.pictures.map(({ page }) => page);
  return {
    pages: [...new Set(named)].flatMap((page) => ids.get(page) ?? []),
    ...(seeds === undefined ? {} : { seeds: grid }),
  };
}

/** Where a preview's pictures with several seeds are, to be deleted once it is decided. */
export function previewOf(entry: JobEntry): string | undefined {
  const { output } = entry.stored;
  return output === undefined ? undefined : join(previewFolder(outputOf(entry.paths.folder, output)));
}
