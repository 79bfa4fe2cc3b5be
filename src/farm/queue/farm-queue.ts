/**
 * The queues of a farm in Redis. Pages and chapters of one model and one version of this program have queues of their
 * own, so that a worker never takes a page that it would colour differently.
 */
import { FlowProducer, Queue } from "bullmq";
import { Redis } from "ioredis";
import { z } from "zod";
import type { BatchConfig, PageConfig } from "../../config/batch-config.js";
import { VERSION } from "../../core/version.js";
import type { PageFailure } from "../../core/events.js";
import { ConfigurationError, messageOf, ResourceError, type ErrorCode } from "../../errors.js";
import { isError } from "../../errors/facts.js";
import { parseJson } from "../../text/parse-json.js";
import type { StoredRequest } from "../store/result-key.js";
import { queuesKey, pausedKey, PREFIX } from "./farm-keys.js";
import { checkRedisAddress, shownAddress } from "./redis-address.js";

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
  /** Of a chapter that its submitter puts together. */
  readonly submitter?: { readonly pages: number; readonly priority: number };
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
  /** Pages beside those in the queue that cannot be read. */
  readonly unreadable?: number;
  /** Why it failed: an error of the chapter as a whole. */
  readonly fault?: ChapterFault;
  /** The first pages that failed. */
  readonly failures?: readonly PageFailure[];
}

/** Why a chapter as a whole failed. */
export interface ChapterFault {
  readonly code: ErrorCode;
  readonly message: string;
  readonly remedy: string;
}

/** Where the queues of a model are. */
export interface QueueNames {
  /** Name of the farm. */
  readonly farm: string;
  readonly pages: string;
  readonly chapters: string;
}

/** @param name of the farm */
export function queueNamesOf(name: string, { hash }: Pick<QueuedModel, "hash">): QueueNames {
  return namesOf(name, hash, VERSION);
}

function namesOf(farm: string, hash: string, version: string): QueueNames {
  const stem = `${farm}.${hash.slice(0, 12)}.${version}`;
  return { farm, pages: `${stem}.pages`, chapters: `${stem}.chapters` };
}

const NAME = /^[a-z0-9][a-z0-9-]{0,39}$/;

/** @throws ConfigurationError `ERR_CONFIG` */
export function checkFarmName(name: string): string {
  if (NAME.test(name)) return name;
  throw new ConfigurationError(
    "ERR_CONFIG",
    `--name: must be 1 to 40 lower-case letters, digits and hyphens, no hyphen first, such as comics, not ${JSON.stringify(name)}`,
  );
}

/** A connection that waits for Redis to come back, for as long as it takes. @throws ConfigurationError `ERR_CONFIG` */
export function connect(url: string): Redis {
  checkRedisAddress(url);
  const redis = new Redis(url, {
    maxRetriesPerRequest: null,
    retryStrategy: (times) => Math.min(2000, 50 * 2 ** Math.min(times, 6)),
  });
  redis.on("error", () => {}); // told by `ping`, `/readyz` and the worker's own reports
  return redis;
}

/**
 * Fails soon where Redis is not there, in a command that a person waits for.
 * @throws ResourceError `ERR_QUEUE_CONNECTION`; ConfigurationError `ERR_CONFIG` for a wrong password
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
            `the queue at ${shownAddress(url)} does not answer within ${ms / 1000} s${reason === undefined ? "" : ` (${messageOf(reason).replace(" Please report this.", "")})`}`,
            { remedy: remedyOfSilence(url, reason) },
          ),
        ),
      ms,
    );
  });
  try {
    await Promise.race([redis.ping(), late]);
    // A number that Redis does not have leaves the connection in database 0, without a word.
    const database = Number(new URL(url).pathname.slice(1));
    if (database > 0) await Promise.race([redis.select(database), late]);
  } catch (error) {
    throw queueFault(error, url);
  } finally {
    clearTimeout(timer);
    redis.off("error", onError);
  }
}

function remedyOfSilence(url: string, reason: unknown): string {
  if (isError(reason) && reason.message.startsWith("Protocol error"))
    return "something else than Redis answers there, or Redis with TLS: give the address of Redis, with TLS as rediss://";
  return `check that Redis runs there${/^rediss:/i.test(url) ? " with TLS" : ""} and can be reached`;
}

/** Whether Redis answers within a second. */
export async function answers(redis: Redis, url: string): Promise<boolean> {
  if (redis.status !== "ready") return false;
  return ping(redis, url, 1000).then(
    () => true,
    () => false,
  );
}

/** What a person can do about an answer of Redis that is an error; any other error as it is. */
export function queueFault(error: unknown, url: string): unknown {
  if (!isError(error) || error.name !== "ReplyError") return error;
  const place = shownAddress(url);
  if (/^(?:NOAUTH|WRONGPASS|ERR (?:AUTH|invalid password))/.test(error.message))
    return new ConfigurationError("ERR_CONFIG", `--queue: Redis at ${place} refuses the password (${error.message})`, {
      cause: error,
      remedy: "give the right one as redis://:PASSWORD@HOST:PORT, in COBRA_QUEUE if others can see the command line",
    });
  return new ResourceError(
    "ERR_QUEUE_CONNECTION",
    `the queue at ${place} refuses what is asked of it (${error.message})`,
    { cause: error, remedy: "correct that in Redis, then run the same command again" },
  );
}

/** The queues of one model, open. */
export class FarmQueue implements AsyncDisposable {
  readonly pages: Queue<PageJob>;
  readonly chapters: Queue<ChapterJob>;
  readonly flows: FlowProducer;

  constructor(
    readonly redis: Redis,
    readonly names: QueueNames,
  ) {
    const options = { connection: redis, prefix: PREFIX };
    this.pages = new Queue<PageJob>(names.pages, options);
    this.chapters = new Queue<ChapterJob>(names.chapters, options);
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

/**
 * Notes the queues of a model, so that commands and workers of other models know of them. In a farm that is paused they
 * are paused too.
 */
export async function noteQueues(redis: Redis, name: string, model: QueuedModel): Promise<void> {
  await redis.hset(queuesKey(name), `${model.hash} ${VERSION}`, JSON.stringify(model));
  if ((await redis.exists(pausedKey(name))) === 0) return;
  await using queue = new FarmQueue(redis, queueNamesOf(name, model));
  await Promise.all([queue.pages.pause(), queue.chapters.pause()]);
}

/** All queues of a farm. */
export async function queuesOf(
  redis: Redis,
  name: string,
): Promise<{ readonly model: QueuedModel; readonly version: string; readonly names: QueueNames }[]> {
  const found = await redis.hgetall(queuesKey(name));
  return Object.entries(found).flatMap(([key, text]) => {
    const [, hash, version] = /^([0-9a-f]{64}) ([\w.+-]{1,64})$/.exec(key) ?? [];
    const model = modelOf(text);
    if (hash === undefined || version === undefined || model === undefined) return []; // not written by this program
    return { model, version, names: namesOf(name, hash, version) };
  });
}

const modelSchema = z.object({ hash: z.string(), name: z.string(), version: z.string(), trained: z.boolean() });

function modelOf(text: string): QueuedModel | undefined {
  try {
    return modelSchema.safeParse(parseJson(text)).data;
  } catch {
    return undefined;
  }
}
