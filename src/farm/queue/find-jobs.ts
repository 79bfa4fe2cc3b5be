/** Finds chapters and pages in the queues of a farm. */
import type { Job, JobType, Queue } from "bullmq";
import type { ChapterJob, FarmQueue, PageJob } from "./farm-queue.js";

/** A page that belongs to no chapter in the queue. */
export interface PageAlone {
  readonly id: string;
  readonly pages: Queue<PageJob>;
}

/** Stands for a job that BullMQ cannot read. */
export const NO_JSON = Symbol("a job whose data is no JSON");

/** A job; anybody who reaches Redis can write one that is no JSON. */
export async function readJob<T>(queue: Queue<T>, id: string): Promise<Job<T> | typeof NO_JSON | undefined> {
  try {
    return (await queue.getJob(id)) as Job<T> | undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return NO_JSON;
    throw error;
  }
}

/** A chapter's job, and the queue that it is in. */
export async function findChapter(
  queues: readonly FarmQueue[],
  id: string,
): Promise<{ readonly job: Job<ChapterJob> | typeof NO_JSON; readonly queue: FarmQueue } | undefined> {
  for (const queue of queues) {
    const job = await readJob(queue.chapters, id);
    if (job !== undefined) return { job, queue };
  }
  return undefined;
}

/** The pages of a chapter in these states. */
export async function findPages(queues: readonly FarmQueue[], id: string, states: JobType[]): Promise<Job<PageJob>[]> {
  const found = await Promise.all(
    queues.map(async ({ pages }) => {
      const names = (await pages.getRanges(states, 0, -1)) as string[];
      return Promise.all(names.filter((name) => name.startsWith(`${id}.`)).map((name) => readJob(pages, name)));
    }),
  );
  return found.flat().filter((page) => page !== undefined && page !== NO_JSON);
}

/** Pages that no worker is working on and that belong to no chapter in the queue. */
export async function findPagesAlone(
  queues: readonly FarmQueue[],
  isMeant: (id: string) => boolean,
): Promise<PageAlone[]> {
  const found = await Promise.all(
    queues.map(async ({ pages }) => {
      const names = (await pages.getRanges(["prioritized", "wait", "delayed"], 0, -1)) as string[];
      return Promise.all(
        names.filter(isMeant).map(async (id) => {
          const page = await readJob(pages, id);
          const isAlone = page !== undefined && (page === NO_JSON || page.parentKey === undefined);
          return isAlone ? { id, pages } : undefined;
        }),
      );
    }),
  );
  return found.flat().filter((page) => page !== undefined);
}

/** The names of a model's pages that are not done, by their chapters. */
export async function pageNamesByChapter({ pages }: FarmQueue): Promise<ReadonlyMap<string, readonly string[]>> {
  // Names alone: a farm may have 100,000 pages.
  const names = await pages.getRanges(["active", "prioritized", "wait", "delayed"], 0, -1);
  const byChapter = new Map<string, string[]>();
  for (const name of names as string[]) {
    const id = name.split(".", 1)[0]!;
    const own = byChapter.get(id);
    if (own === undefined) byChapter.set(id, [name]);
    else own.push(name);
  }
  return byChapter;
}

/** One that a worker takes in the meantime is finished. */
export async function removeAll(jobs: readonly PageAlone[]): Promise<void> {
  for (const { id, pages } of jobs) await pages.remove(id).catch(() => {});
}
