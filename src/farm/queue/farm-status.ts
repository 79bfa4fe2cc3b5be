/** A farm as it is now: whether its queue answers, its workers, its chapters. Tells its listeners about changes. */
import type { Redis } from "ioredis";
import { getLogger } from "../../logging.js";
import { messageOf } from "../../errors.js";
import { changesChannel } from "./farm-keys.js";
import { queuesOf } from "./farm-queue.js";
import { readNodes, type FarmNode } from "./node-record.js";
import { QueueAdmin } from "./queue-admin.js";
import type { QueuedChapter } from "./queued-chapter.js";

/** A farm as it is now. */
export interface FarmState {
  /** Whether the queue answers; if not, the rest is as it was last. */
  readonly connected: boolean;
  /** Workers take nothing. */
  readonly paused: boolean;
  readonly nodes: readonly FarmNode[];
  readonly chapters: readonly QueuedChapter[];
}

/** Looked at at least so often: workers that are gone tell nobody. */
const LOOK_MS = 5000;
/** Between two looks, however much happens. */
const GAP_MS = 500;
/** A queue that needs so long for an answer does not answer. */
const SILENT_MS = 5000;
/** Workers' beats are told at least so often, where nothing else is. */
const BEATS_MS = 10_000;
/** Looking takes at most this share of the time. */
const SHARE = 0.1;

const log = getLogger("farm");

export class FarmWatch implements AsyncDisposable {
  readonly #redis: Redis;
  readonly #name: string;
  readonly #onChange: (state: FarmState) => void;
  readonly #subscriber: Redis;
  #state: FarmState = { connected: true, paused: false, nodes: [], chapters: [] };
  #told = "";
  #toldMs = -Infinity;
  #admin: { readonly queues: string; readonly queue: QueueAdmin } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #again = false;
  #closed = false;

  /** @param redis stays the caller's */
  constructor(redis: Redis, name: string, onChange: (state: FarmState) => void) {
    this.#redis = redis;
    this.#name = name;
    this.#onChange = onChange;
    this.#subscriber = redis.duplicate();
    this.#subscriber.on("error", () => {}); // told by the other connection
    this.#subscriber.on("message", () => this.look());
    void this.#subscriber.subscribe(changesChannel(name)).catch(() => {});
    redis.on("ready", this.#onReady);
    redis.on("close", this.#onLost);
  }

  readonly #onReady = (): void => this.look();
  readonly #onLost = (): void => this.#tell({ ...this.#state, connected: false });

  get state(): FarmState {
    return this.#state;
  }

  /** The farm's queues. */
  async admin(): Promise<QueueAdmin> {
    const queues = JSON.stringify(await queuesOf(this.#redis, this.#name));
    if (this.#admin?.queues !== queues) {
      const before = this.#admin?.queue;
      this.#admin = { queues, queue: await QueueAdmin.open(this.#redis, this.#name) };
      await before?.[Symbol.asyncDispose]();
    }
    return this.#admin.queue;
  }

  /** Something may have changed: looks soon. */
  look(): void {
    if (this.#looking !== undefined) this.#again = true;
    else this.#in(GAP_MS);
  }

  /** Looks now. Rejects where the queue does not answer in time. */
  async refresh(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    // A look under way may have read already what the caller has changed.
    await this.#looking?.catch(() => {});
    if (this.#closed) return;
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
    await this.#looking;
  }

  #in(ms: number): void {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.refresh().catch((error: unknown) => log.debug({ error: messageOf(error) }, "the farm was not looked at"));
    }, ms).unref();
  }

  async #look(): Promise<void> {
    const startedMs = performance.now();
    const silent = setTimeout(this.#onLost, SILENT_MS);
    try {
      const admin = await this.admin();
      const [paused, nodes, chapters] = await Promise.all([
        admin.isPaused(),
        readNodes(this.#redis, this.#name),
        admin.list(),
      ]);
      this.#tell({ connected: this.#redis.status === "ready", paused, nodes, chapters });
    } finally {
      clearTimeout(silent);
      const tookMs = performance.now() - startedMs;
      this.#in(this.#again ? Math.max(GAP_MS, tookMs / SHARE) : LOOK_MS);
      this.#again = false;
    }
  }

  #tell(state: FarmState): void {
    this.#state = state;
    const text = JSON.stringify({ ...state, nodes: state.nodes.map(({ heardAt: _heard, ...node }) => node) });
    const nowMs = performance.now();
    if (this.#closed || (text === this.#told && nowMs - this.#toldMs < BEATS_MS)) return;
    this.#told = text;
    this.#toldMs = nowMs;
    this.#onChange(state);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#redis.off("ready", this.#onReady);
    this.#redis.off("close", this.#onLost);
    this.#subscriber.disconnect();
    if (this.#redis.status !== "ready") return;
    await this.#looking?.catch(() => {});
    await this.#admin?.queue[Symbol.asyncDispose]();
  }
}
