/**
 * Orders queued jobs: by priority, those in the background last; else by rank. Pure: it knows jobs and runs none.
 */
import type { StoredJob } from "./stored.js";

type Queued = Pick<StoredJob, "id" | "state" | "background" | "priority" | "rank" | "createdAt">;

/** A job's priority: −1 for one in the background. */
export function priorityOf({ background, priority = 0 }: Pick<StoredJob, "background" | "priority">): number {
  return background ? -1 : priority;
}

/** The queued jobs, the next one first. */
export function queueOrder<T extends Queued>(jobs: Iterable<T>): T[] {
  return [...jobs]
    .filter(({ state }) => state === "queued")
    .sort((a, b) => priorityOf(b) - priorityOf(a) || a.rank - b.rank || (a.createdAt < b.createdAt ? -1 : 1));
}

/** Whether a running job makes room: it is in the background, and one that is not waits. */
export function makesRoom(running: Pick<StoredJob, "background">, jobs: Iterable<Queued>): boolean {
  return running.background && queueOrder(jobs).some(({ background }) => !background);
}

/** A rank behind all others. */
export function lastRank(jobs: Iterable<Pick<StoredJob, "rank">>): number {
  return Math.max(0, ...[...jobs].map(({ rank }) => rank)) + 1;
}

/** A rank before all others. */
export function firstRank(jobs: Iterable<Pick<StoredJob, "rank">>): number {
  return Math.min(0, ...[...jobs].map(({ rank }) => rank)) - 1;
}

/**
 * New ranks after which a job has a place in the order, from 0. Jobs in the background stay behind the others.
 * @returns ranks by id, of the jobs that get another
 */
export function ranksAt(jobs: Iterable<Queued>, id: string, position: number): Map<string, number> {
  const order = queueOrder(jobs);
  const moved = order.find((job) => job.id === id);
  if (moved === undefined) return new Map();
  const others = order.filter((job) => job !== moved);
  others.splice(position, 0, moved);
  return new Map(others.flatMap((job, index) => (job.rank === index + 1 ? [] : [[job.id, index + 1] as const])));
}
