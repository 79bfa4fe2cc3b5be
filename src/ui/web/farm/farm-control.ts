/** The farm behind the server: what it is doing, and what people do with its queue and its workers. */
import type { Redis } from "ioredis";
import type { ImagePool } from "../../../core/batch-engine.js";
import { ResourceError } from "../../../errors.js";
import { queueFault, type QueueNames } from "../../../farm/queue/farm-queue.js";
import { FarmWatch } from "../../../farm/queue/farm-status.js";
import { drainNode } from "../../../farm/queue/node-record.js";
import { resubmitChapter } from "../../../farm/queue/resubmit-chapter.js";
import type { QueueAdmin } from "../../../farm/queue/queue-admin.js";
import type { FarmStore } from "../../../farm/store/farm-store.js";
import type { Farm } from "../api/farm.js";
import type { ServerEvent } from "../api/schemas.js";
import { farmView } from "./farm-view.js";

/** What a farm is reached with. It owns none of it. */
export interface FarmControlOptions {
  readonly redis: Redis;
  readonly url: string;
  readonly name: string;
  readonly store: FarmStore;
  readonly pool: ImagePool;
  /** The queues of this server's pages. */
  readonly names: QueueNames;
  /** Told when something has changed. */
  readonly onChange: () => void;
}

/** A queue that does not answer a person for so long is away. */
const ANSWER_MS = 5000;

export class FarmControl implements AsyncDisposable {
  readonly #options: FarmControlOptions;
  readonly #watch: FarmWatch;
  readonly #listeners = new Set<(event: ServerEvent) => void>();
  /** Jobs of this server, by their chapters in the queue. */
  readonly #jobs = new Map<string, string>();

  constructor(options: FarmControlOptions) {
    this.#options = options;
    this.#watch = new FarmWatch(options.redis, options.name, () => {
      options.onChange();
      const event: ServerEvent = { type: "farm", farm: this.view() };
      for (const listener of this.#listeners) listener(event);
    });
  }

  get name(): string {
    return this.#options.name;
  }

  /** A chapter in the queue is a job of this server. */
  noteJob(chapter: string, job: string): void {
    this.#jobs.set(chapter, job);
  }

  /** Tells a listener what happens from now on. Returns what ends it. */
  events(listener: (event: ServerEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** The farm as it was seen last. */
  view(): Farm {
    return farmView(this.#watch.state, this.#options.name, this.#options.names, this.#jobs);
  }

  /** Pages that the workers for this server's model take at once. */
  capacity(): number {
    return this.view()
      .nodes.filter(({ isOurs, state }) => isOurs && (state === "working" || state === "idle"))
      .reduce((sum, { pagesAtOnce }) => sum + pagesAtOnce, 0);
  }

  /** Looks at the farm; where its queue does not answer, as it was seen last. */
  async look(): Promise<Farm> {
    await this.#soon(() => this.#watch.refresh()).catch(() => {});
    return this.view();
  }

  /** Workers take nothing more. @throws ResourceError `ERR_QUEUE_CONNECTION`, as all of these */
  pause(): Promise<Farm> {
    return this.#act((admin) => admin.pause());
  }

  resume(): Promise<Farm> {
    return this.#act((admin) => admin.resume());
  }

  /** Workers take nothing more of a chapter, or take it again. @throws QueueError `ERR_QUEUE_JOB` */
  pauseChapter(chapter: string, paused: boolean): Promise<Farm> {
    return this.#act((admin) => (paused ? admin.pauseChapter(chapter) : admin.resumeChapter(chapter)));
  }

  /** A worker takes no more pages, or takes pages again. @throws QueueError `ERR_QUEUE_JOB` */
  drain(node: string, drained: boolean): Promise<Farm> {
    const { redis, name } = this.#options;
    return this.#act(() => drainNode(redis, name, node, drained));
  }

  /** @throws QueueError `ERR_QUEUE_JOB` */
  cancel(chapter: string): Promise<Farm> {
    return this.#act((admin) => admin.cancel(chapter));
  }

  /** Submits a chapter again, with the pages that failed. @throws QueueError `ERR_QUEUE_JOB`; errors of its input */
  async retry(chapter: string): Promise<Farm> {
    const admin = await this.#soon(() => this.#watch.admin());
    await resubmitChapter(chapter, { ...this.#options, admin });
    return this.look();
  }

  /** @throws QueueError `ERR_QUEUE_JOB` */
  prioritize(chapter: string, priority: number): Promise<Farm> {
    return this.#act((admin) => admin.prioritize(chapter, priority));
  }

  async #act(work: (admin: QueueAdmin) => Promise<unknown>): Promise<Farm> {
    await this.#soon(async () => work(await this.#watch.admin()));
    return this.look();
  }

  /** A person waits: a queue that is away is told, and what was asked of it is not done when it is back. */
  async #soon<T>(work: () => Promise<T>): Promise<T> {
    const { redis, url } = this.#options;
    if (redis.status !== "ready") throw away();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(away()), ANSWER_MS)));
    try {
      return await Promise.race([work(), late]);
    } catch (error) {
      throw queueFault(error, url);
    } finally {
      clearTimeout(timer);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watch[Symbol.asyncDispose]();
  }
}

function away(): ResourceError {
  return new ResourceError("ERR_QUEUE_CONNECTION", "the farm's queue does not answer");
}
