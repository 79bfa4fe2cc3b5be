/** A worker tells the farm about itself, and obeys where it is to take no more pages. */
import type { Redis } from "ioredis";
import { getLogger } from "../../logging.js";
import { messageOf } from "../../errors.js";
import { isLate } from "../../workers/is-late.js";
import { changesChannel } from "./farm-keys.js";
import type { FarmWorker } from "./farm-worker.js";
import { pagesPerMinute, RATE_SPAN_MS } from "./page-rate.js";
import { BEAT_MS, isDrained, removeNode, writeNode, type NodeRecord } from "./node-record.js";

/** Between two records, however much happens. */
const GAP_MS = 1000;
/** A queue that does not answer is not waited for longer when the worker ends. */
const CLOSE_MS = 2000;
const log = getLogger("worker");

/** What a worker knows of itself apart from its pages. */
export type NodeFacts = Pick<
  NodeRecord,
  "id" | "host" | "pid" | "version" | "model" | "devices" | "memory" | "pagesAtOnce"
>;

export interface NodeReporterOptions {
  readonly redis: Redis;
  /** Name of the farm. */
  readonly name: string;
  readonly worker: FarmWorker;
  /** Asked before each record. */
  readonly facts: () => NodeFacts;
}

export class NodeReporter {
  readonly #options: NodeReporterOptions;
  readonly #subscriber: Redis;
  readonly #startedAt = new Date();
  /** When pages were done, in the last minutes. */
  #done: number[] = [];
  readonly #beat: NodeJS.Timeout;
  #gap: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #again = false;
  #closed: Promise<void> | undefined;

  /** Begins at once. */
  constructor(options: NodeReporterOptions) {
    this.#options = options;
    const { redis, name, worker } = options;
    worker.onChange = (what) => {
      if (what === "done") this.#done.push(Date.now());
      this.#changed();
    };
    this.#subscriber = redis.duplicate();
    this.#subscriber.on("error", () => {}); // told by the worker's own connection
    this.#subscriber.on("message", (_channel, change) => {
      if (change === "drain") void this.#write();
    });
    void this.#subscriber.subscribe(changesChannel(name)).catch(() => {});
    this.#beat = setInterval(() => void this.#write(), BEAT_MS).unref();
    void this.#write();
  }

  /** Takes the worker off the list. Where Redis does not answer within two seconds, the record expires. Idempotent. */
  close(): Promise<void> {
    return (this.#closed ??= this.#end());
  }

  async #end(): Promise<void> {
    clearInterval(this.#beat);
    clearTimeout(this.#gap);
    this.#options.worker.onChange = undefined;
    this.#subscriber.disconnect();
    const { redis, name, facts } = this.#options;
    if (redis.status !== "ready") return;
    const removed = (this.#writing ?? Promise.resolve())
      .then(() => removeNode(redis, name, facts().id))
      .catch(() => {});
    await isLate(removed, CLOSE_MS);
  }

  #changed(): void {
    if (this.#closed !== undefined || this.#gap !== undefined) return;
    this.#gap = setTimeout(() => {
      this.#gap = undefined;
      void this.#write();
    }, GAP_MS).unref();
  }

  /** One at a time: while Redis is away, one waits. */
  #write(): Promise<void> {
    if (this.#writing !== undefined) {
      this.#again = true;
      return this.#writing;
    }
    this.#writing = this.#tell()
      .catch((error: unknown) => log.debug({ error: messageOf(error) }, "the worker's record was not written"))
      .finally(() => {
        this.#writing = undefined;
        if (this.#again && this.#closed === undefined) {
          this.#again = false;
          this.#changed();
        }
      });
    return this.#writing;
  }

  async #tell(): Promise<void> {
    const { redis, name, worker, facts } = this.#options;
    const own = facts();
    const drained = await isDrained(redis, name, own.id);
    if (this.#closed !== undefined) return;
    worker.drain(drained);
    await writeNode(redis, name, {
      ...own,
      startedAt: this.#startedAt.toISOString(),
      ...worker.counts,
      pagesPerMinute: this.#rate(),
      drained,
      working: worker.working,
    });
  }

  #rate(): number {
    const nowMs = Date.now();
    this.#done = this.#done.filter((at) => at > nowMs - RATE_SPAN_MS);
    return pagesPerMinute(this.#done, this.#startedAt.getTime(), nowMs);
  }
}
