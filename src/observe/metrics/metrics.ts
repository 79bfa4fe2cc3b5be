/** Counts what the channels tell, and gives it as Prometheus reads it. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import { CHANNELS } from "../channels.js";
import { METRICS, type MetricFacts, type MetricName } from "./table.js";

interface MemoryFigures {
  readonly totalBytes: number;
  readonly freeBytes: number;
  readonly owners: Readonly<Record<string, { readonly bytes: number }>>;
}

/** What of an engine's counters is shown. */
export interface EngineFigures {
  readonly pool: { readonly queued: number; readonly running: number };
  readonly memory: MemoryFigures;
  /** "cpu", "cpu:1", … have the memory above. */
  readonly devices: readonly { readonly device: string; readonly memory: MemoryFigures }[];
  readonly pages: { readonly inFlight: number };
}

type Labels = Readonly<Record<string, string>>;

/** The metrics of one process, from its start to `dispose`. */
export class Metrics implements Disposable {
  readonly #registry = new Registry();
  readonly #metrics = new Map<string, Counter | Gauge | Histogram>();
  readonly #ends: (() => void)[] = [];
  #beforeScrape: (() => void | Promise<void>)[] = [];

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
    for (const [name, facts] of Object.entries(METRICS)) this.#metrics.set(name, this.#make(name, facts));
    this.#ends.push(
      CHANNELS.networkRun.subscribe(({ graph: network, provider, waitMs, runMs, error }) => {
        this.observe("cobra_network_run_seconds", runMs / 1000, { network, provider });
        this.observe("cobra_network_wait_seconds", waitMs / 1000, { network, provider });
        if (error !== undefined) this.count("cobra_network_errors_total", { network, code: error });
      }),
      CHANNELS.networkLoad.subscribe(({ graph: network, provider, ms }) =>
        this.observe("cobra_network_load_seconds", ms / 1000, { network, provider }),
      ),
      CHANNELS.task.subscribe(({ task, outcome, waitMs, runMs }) => {
        this.observe("cobra_task_seconds", runMs / 1000, { task, outcome });
        this.observe("cobra_task_wait_seconds", waitMs / 1000, { task });
      }),
      CHANNELS.queue.subscribe(({ queue, waitMs }) =>
        this.observe("cobra_page_wait_seconds", waitMs / 1000, { queue }),
      ),
      CHANNELS.page.subscribe(({ state, code = "", elapsedMs, stageMs = {} }) => {
        if (state !== "started") this.count("cobra_pages_total", { outcome: state, code });
        if (elapsedMs !== undefined) this.observe("cobra_page_seconds", elapsedMs / 1000);
        for (const [stage, ms] of Object.entries(stageMs))
          this.observe("cobra_page_stage_seconds", ms / 1000, { stage });
      }),
      CHANNELS.together.subscribe(({ pages }) => this.observe("cobra_pages_together", pages)),
      CHANNELS.cache.subscribe(({ cache, outcome, heldBytes }) => {
        this.count("cobra_cache_uses_total", { cache, outcome });
        this.set("cobra_cache_bytes", heldBytes, { cache });
      }),
    );
  }

  /** Which program this is. */
  describe(version: string, model: string): void {
    (this.#metrics.get("cobra_build_info") as Gauge).reset();
    this.set("cobra_build_info", 1, { version, model });
  }

  /** Adds one to a counter. */
  count(name: MetricName, labels: Labels = {}): void {
    (this.#metrics.get(name) as Counter).inc(labels);
  }

  /** Sets a gauge. */
  set(name: MetricName, value: number, labels: Labels = {}): void {
    (this.#metrics.get(name) as Gauge).set(labels, value);
  }

  /** Adds a value, mostly seconds, to a histogram. */
  observe(name: MetricName, value: number, labels: Labels = {}): void {
    (this.#metrics.get(name) as Histogram).observe(labels, value);
  }

  /** Calls `work` before each scrape. */
  beforeScrape(work: () => void | Promise<void>): void {
    this.#beforeScrape.push(work);
  }

  /** Shows an engine's counters with each scrape. */
  watchEngine(figures: () => EngineFigures | undefined, threads: number): void {
    this.set("cobra_pool_threads", threads);
    this.beforeScrape(() => {
      const now = figures();
      if (now === undefined) return;
      this.set("cobra_pool_tasks", now.pool.running, { state: "running" });
      this.set("cobra_pool_tasks", now.pool.queued, { state: "queued" });
      this.set("cobra_pages_in_flight", now.pages.inFlight);
      this.set("cobra_memory_total_bytes", now.memory.totalBytes);
      this.set("cobra_memory_free_bytes", now.memory.freeBytes);
      (this.#metrics.get("cobra_memory_held_bytes") as Gauge).reset();
      for (const [owner, bytes] of ownersOf(now.memory)) this.set("cobra_memory_held_bytes", bytes, { owner });
      (this.#metrics.get("cobra_device_memory_held_bytes") as Gauge).reset();
      for (const { device, memory } of now.devices) {
        if (/^cpu(?::|$)/.test(device)) continue;
        this.set("cobra_device_memory_total_bytes", memory.totalBytes, { device });
        for (const [owner, bytes] of ownersOf(memory))
          this.set("cobra_device_memory_held_bytes", bytes, { device, owner });
      }
    });
  }

  /** The text for Prometheus, and its media type. */
  async text(): Promise<{ readonly body: string; readonly contentType: string }> {
    for (const work of this.#beforeScrape) await work();
    return { body: await this.#registry.metrics(), contentType: this.#registry.contentType };
  }

  #make(name: string, { type, help, labels, buckets = [] }: MetricFacts): Counter | Gauge | Histogram {
    const options = { name, help, labelNames: labels, registers: [this.#registry] };
    if (type === "histogram") return new Histogram({ ...options, buckets: [...buckets] });
    return type === "counter" ? new Counter(options) : new Gauge(options);
  }

  [Symbol.dispose](): void {
    for (const end of this.#ends.splice(0)) end();
    this.#beforeScrape = [];
    this.#registry.clear();
  }
}

/** Bytes by kind of owner: "page 001.png" counts as "page", so that names of pages are no labels. */
function ownersOf({ owners }: MemoryFigures): Map<string, number> {
  const sums = new Map<string, number>();
  for (const [owner, { bytes }] of Object.entries(owners)) {
    const kind = owner.split(" ", 1)[0]!;
    sums.set(kind, (sums.get(kind) ?? 0) + bytes);
  }
  return sums;
}
