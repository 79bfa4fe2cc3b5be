/**
 * Records of workers. Each worker writes one of itself, which expires when it is silent, so that a worker that was
 * killed or lost its network vanishes by itself, and no clock of another machine is trusted.
 */
import type { Redis } from "ioredis";
import { z } from "zod";
import { QueueError } from "../../errors.js";
import { parseJson } from "../../text/parse-json.js";
import { drainedKey, nodeKey, nodesKey, tellChange } from "./farm-keys.js";

/** A record is renewed after this time, sooner where something changes. */
export const BEAT_MS = 10_000;
/** A worker that has been silent for so long is gone: three beats, so that a short break of the network is none. */
export const EXPIRES_MS = 30_000;
/** The most that a record may hold; anybody who reaches Redis can write one. */
const MOST_CHARACTERS = 100_000;

const text = z.string().max(500);
const count = z.int().min(0);
const time = z.iso.datetime({ precision: 3 });

/** A worker, as it describes itself. */
export const nodeRecordSchema = z.object({
  id: z.string().regex(/^[\w.-]{1,100}$/),
  host: text,
  pid: count,
  version: text,
  model: z.object({ hash: text, name: text, version: text }),
  /** Where networks run. */
  devices: z.array(z.object({ name: text, state: text, totalBytes: count, usedBytes: count })).max(64),
  memory: z.object({ totalBytes: count, usedBytes: count }),
  /** Pages that it takes at once. */
  pagesAtOnce: count,
  startedAt: time,
  pagesDone: count,
  pagesFailed: count,
  pagesPerMinute: z.number().min(0),
  /** It takes no more pages. */
  drained: z.boolean(),
  working: z
    .array(z.object({ page: text, chapter: text, stage: text, step: count.optional(), steps: count.optional() }))
    .max(1000),
});
/** A worker, as it describes itself. */
export type NodeRecord = z.output<typeof nodeRecordSchema>;

/** A worker of the farm. */
export interface FarmNode extends NodeRecord {
  /** When it was heard of last, by the clock of the machine that asks. */
  readonly heardAt: string;
}

/** Writes a worker's record, and tells it. */
export async function writeNode(redis: Redis, name: string, record: NodeRecord): Promise<void> {
  await redis
    .multi()
    .sadd(nodesKey(name), record.id)
    .set(nodeKey(name, record.id), JSON.stringify(record), "PX", EXPIRES_MS)
    .exec();
  await tellChange(redis, name, "nodes");
}

/** A worker ends. */
export async function removeNode(redis: Redis, name: string, id: string): Promise<void> {
  await redis.multi().srem(nodesKey(name), id).srem(drainedKey(name), id).del(nodeKey(name, id)).exec();
  await tellChange(redis, name, "nodes");
}

/** All workers that are there, by host and id. What is left of those that are gone is removed. */
export async function readNodes(redis: Redis, name: string): Promise<FarmNode[]> {
  const ids = await redis.smembers(nodesKey(name));
  const found = await Promise.all(
    ids.map(async (id) => {
      const [record, leftMs] = await Promise.all([redis.get(nodeKey(name, id)), redis.pttl(nodeKey(name, id))]);
      const node = record === null ? undefined : parseNode(record);
      if (node === undefined) await redis.multi().srem(nodesKey(name), id).srem(drainedKey(name), id).exec();
      return node && { ...node, heardAt: new Date(Date.now() - Math.max(0, EXPIRES_MS - leftMs)).toISOString() };
    }),
  );
  return found.filter((node) => node !== undefined).toSorted((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1));
}

function placeOf({ host, startedAt, id }: NodeRecord): string {
  return `${host} ${startedAt} ${id}`;
}

function parseNode(record: string): NodeRecord | undefined {
  try {
    return nodeRecordSchema.safeParse(parseJson(record, { maxLength: MOST_CHARACTERS })).data;
  } catch {
    return undefined;
  }
}

/** Whether a worker is to take no more pages. */
export async function isDrained(redis: Redis, name: string, id: string): Promise<boolean> {
  return (await redis.sismember(drainedKey(name), id)) === 1;
}

/**
 * Has workers take no more pages, or take pages again. A worker that is started again takes pages.
 * @param node id of a worker, or a host: then all of its workers are meant
 * @returns ids of those meant
 * @throws QueueError `ERR_QUEUE_JOB` for a worker that is not there
 */
export async function drainNode(redis: Redis, name: string, node: string, drained: boolean): Promise<string[]> {
  const ids = (await readNodes(redis, name)).filter(({ id, host }) => id === node || host === node).map(({ id }) => id);
  if (ids.length === 0)
    throw new QueueError(
      "ERR_QUEUE_JOB",
      `there is no worker ${JSON.stringify(node.slice(0, 100))}: it has ended, or never was`,
      { remedy: "`cobra-batch queue nodes` lists all of them" },
    );
  await (drained ? redis.sadd(drainedKey(name), ...ids) : redis.srem(drainedKey(name), ...ids));
  await tellChange(redis, name, "drain");
  return ids;
}
