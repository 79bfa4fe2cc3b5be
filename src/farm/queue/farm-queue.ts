/**
 * The queues of a farm in Redis. Pages and chapters of one model and one version of this program have queues of their
 * own, so that a worker never takes a page that it would colour differently.
 */
import { FlowProducer, Queue } from "bullmq";
import { Redis } from "ioredis";
import type { BatchConfig, PageConfig } from "../../config/batch-config.js";
import { VERSION } from "../../core/version.js";
import { ConfigurationError, messageOf, ResourceError } from "../../errors.js";
import type { StoredRequest } from "../store/result-key.js";

/** All keys of this program begin with it. */
export const PREFIX = "cobra";

/** The model as a queue knows it. */
export interface QueuedModel {
  readonly hash: string;
  readonly name: string;
  readonly version: string;
  readonly trained: boolean;
}

/** A page in the queue. */
export interface PageJob {
  readonly key: string;
  readonly request: StoredRequest;
  /** The chapter's output, for people. */
  readonly chapter: string;
}

/** The end of a chapter in the queue: its pages are its children. */
export interface ChapterJob {
  readonly config: BatchConfig;
  readonly pageConfigs: Readonly<Record<string, PageConfig>>;
  readonly model: QueuedModel;
  readonly pages: number;
  readonly priority: number;
  readonly submittedAt: string;
  readonly cancelled?: true;
}

/** Higher goes first, as everywhere in this program. */
export const MOST_PRIORITY = 1000;

/** BullMQ's priorities: lower goes first, and 0 before all of them. */
export function bullPriority(priority: number): number {
  return 1 + MOST_PRIORITY - priority;
}

/** Where the queues of a model are. */
export interface Lane {
  readonly pages: string;
  readonly chapters: string;
}

/** @param name of the farm */
export function laneOf(name: string, { hash }: Pick<QueuedModel, "hash">): Lane {
  const lane = `${name}.${hash.slice(0, 12)}.${VERSION}`;
  return { pages: `${lane}.pages`, chapters: `${lane}.chapters` };
}

const NAME = /^[a-z0-9][a-z0-9-]{0,39}$/;

/** @throws ConfigurationError `ERR_CONFIG` */
export function checkFarmName(name: string): string {
  if (NAME.test(name)) return name;
  throw new ConfigurationError(
    "ERR_CONFIG",
    `--name: must be letters, digits and hyphens, such as comics, not ${JSON.stringify(name)}`,
  );
}

/** A connection that waits for Redis to come back, for as long as it takes. */
export function connect(url: string): Redis {
  if (!/^rediss?:\/\/./.test(url))
    throw new ConfigurationError(
      "ERR_CONFIG",
      `--queue: must be redis://HOST:PORT or rediss://…, not ${JSON.stringify(url)}`,
    );
  const redis = new Redis(url, {
    maxRetriesPerRequest: null,
    retryStrategy: (times) => Math.min(2000, 50 * 2 ** Math.min(times, 6)),
  });
  redis.on("error", () => {}); // told by `ping`, `/readyz` and the worker's own reports
  return redis;
}

/**
 * Fails soon where Redis is not there, in a command that a person waits for.
 * @throws ResourceError `ERR_QUEUE_CONNECTION`
 */
export async function ping(redis: Redis, url: string, ms = 5000): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let reason: unknown;
  const onError = (error: unknown): void => void (reason = error);
  redis.on("error", onError);
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new ResourceError(
            "ERR_QUEUE_CONNECTION",
            `the queue at ${withoutPassword(url)} does not answer within ${ms / 1000} s${reason === undefined ? "" : ` (${messageOf(reason)})`}; check that Redis runs there and can be reached`,
          ),
        ),
      ms,
    );
  });
  try {
    await Promise.race([redis.ping(), late]);
  } finally {
    clearTimeout(timer);
    redis.off("error", onError);
  }
}

function withoutPassword(url: string): string {
  return url.replace(/\/\/[^@/]*@/, "//");
}

/** The queues of one model, open. */
export class FarmQueue implements AsyncDisposable {
  readonly pages: Queue<PageJob>;
  readonly chapters: Queue<ChapterJob>;
  readonly flows: FlowProducer;

  constructor(
    readonly redis: Redis,
    readonly lane: Lane,
  ) {
    const options = { connection: redis, prefix: PREFIX };
    this.pages = new Queue<PageJob>(lane.pages, options);
    this.chapters = new Queue<ChapterJob>(lane.chapters, options);
    this.flows = new FlowProducer(options);
    // The connection is the caller's, and so is telling that it is gone.
    this.pages.on("error", () => {});
    this.chapters.on("error", () => {});
    this.flows.on("error", () => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.pages.close(), this.chapters.close(), this.flows.close()]);
  }
}

/** Names of the lanes that a farm has had, by model. */
export function lanesKey(name: string): string {
  return `${PREFIX}:${name}.lanes`;
}

/** Notes a lane, so that commands and workers of other models know of it. */
export async function noteLane(redis: Redis, name: string, model: QueuedModel): Promise<void> {
  await redis.hset(lanesKey(name), `${model.hash} ${VERSION}`, JSON.stringify(model));
}

/** All lanes of a farm. */
export async function lanesOf(
  redis: Redis,
  name: string,
): Promise<{ readonly model: QueuedModel; readonly version: string; readonly lane: Lane }[]> {
  const found = await redis.hgetall(lanesKey(name));
  return Object.entries(found).map(([key, text]) => {
    const [hash = "", version = ""] = key.split(" ");
    const lane = `${name}.${hash.slice(0, 12)}.${version}`;
    return {
      model: JSON.parse(text) as QueuedModel,
      version,
      lane: { pages: `${lane}.pages`, chapters: `${lane}.chapters` },
    };
  });
}
