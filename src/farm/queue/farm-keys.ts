/** Names of what a farm keeps in Redis beside BullMQ's own keys, and the channel on which changes are told. */
import { createHash } from "node:crypto";
import type { Redis } from "ioredis";

/** All keys of this program begin with it. */
export const PREFIX = "cobra";

/** Names of the queues that a farm has had, by model. */
export function queuesKey(name: string): string {
  return `${PREFIX}:${name}.lanes`;
}

/** Id of a chapter's job, by what tells it from others. BullMQ refuses an id of digits alone as a number. */
export function chapterJobId(what: string): string {
  const digits = createHash("sha256").update(what).digest("hex").slice(0, 12);
  return /[a-f]/u.test(digits) ? digits : `c${digits.slice(1)}`;
}

/** There while the farm is paused. */
export function pausedKey(name: string): string {
  return `${PREFIX}:${name}.paused`;
}

/** There while a single chapter is paused. */
export function pausedChapterKey(name: string, id: string): string {
  return `${PREFIX}:${name}.paused:${id}`;
}

/** How far a chapter is that its submitter puts together. */
export function progressKey(name: string, id: string): string {
  return `${PREFIX}:${name}.progress:${id}`;
}

/** Ids of the workers that are there, or were a moment ago. */
export function nodesKey(name: string): string {
  return `${PREFIX}:${name}.nodes`;
}

/** What a worker says of itself; it expires when the worker is silent. */
export function nodeKey(name: string, id: string): string {
  return `${PREFIX}:${name}.node:${id}`;
}

/** Ids of the workers that take no more pages. */
export function drainedKey(name: string): string {
  return `${PREFIX}:${name}.drained`;
}

/** There for a while after a chapter was cancelled that its submitter waits for. */
export function cancelledKey(name: string, id: string): string {
  return `${PREFIX}:${name}.cancelled:${id}`;
}

/** What has changed: a chapter or a page, what a worker says of itself, or which workers are drained. */
export const CHANGES = ["queue", "nodes", "drain"] as const;
/** What has changed. */
export type FarmChange = (typeof CHANGES)[number];

/** Channel on which changes are told. */
export function changesChannel(name: string): string {
  return `${PREFIX}:${name}.changes`;
}

/** Tells whoever looks at the farm that something has changed. Nobody depends on it: they look now and then as well. */
export async function tellChange(redis: Redis, name: string, change: FarmChange): Promise<void> {
  await redis.publish(changesChannel(name), change).catch(() => {});
}
