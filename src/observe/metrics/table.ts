/**
 * All metrics: their names by Prometheus' rules (base units, `_total` for counters), what they tell and by which
 * labels. `docs/metrics.md` is made from this table, and the program has no other metrics than these and those of Node.
 */

/** What a metric is. */
export interface MetricFacts {
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds of a histogram. */
  readonly buckets?: readonly number[];
  /** Which commands have it. */
  readonly on: "all" | "worker";
}

/** Of work that takes milliseconds to minutes. */
const SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300] as const;
/** Of whole pages. */
const PAGE_SECONDS = [0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200] as const;

export const METRICS = {
  cobra_build_info: {
    type: "gauge",
    help: "1; which program and model this is",
    labels: ["version", "model"],
    on: "all",
  },
  cobra_pages_total: {
    type: "counter",
    help: 'pages with an outcome (completed, kept, failed), with the error code of failed ones, else ""',
    labels: ["outcome", "code"],
    on: "all",
  },
  cobra_page_seconds: {
    type: "histogram",
    help: "from the start of a page to its written picture",
    labels: [],
    buckets: PAGE_SECONDS,
    on: "all",
  },
  cobra_page_stage_seconds: {
    type: "histogram",
    help: "a page in one stage of colouring",
    labels: ["stage"],
    buckets: SECONDS,
    on: "all",
  },
  cobra_page_wait_seconds: {
    type: "histogram",
    help: "a page that waited its turn: ahead (to be decoded), booking and memory (for memory), colouring",
    labels: ["queue"],
    buckets: SECONDS,
    on: "all",
  },
  cobra_batch_pages: {
    type: "histogram",
    help: "pages that were denoised together, each time their number changed",
    labels: [],
    buckets: [1, 2, 3, 4, 6, 8, 12, 16],
    on: "all",
  },
  cobra_pages_in_flight: { type: "gauge", help: "pages in colouring now", labels: [], on: "all" },
  cobra_network_run_seconds: {
    type: "histogram",
    help: "one run of a network",
    labels: ["network", "provider"],
    buckets: SECONDS,
    on: "all",
  },
  cobra_network_wait_seconds: {
    type: "histogram",
    help: "a run that waited for its device",
    labels: ["network", "provider"],
    buckets: SECONDS,
    on: "all",
  },
  cobra_network_errors_total: {
    type: "counter",
    help: "runs of networks that failed",
    labels: ["network", "code"],
    on: "all",
  },
  cobra_network_load_seconds: {
    type: "histogram",
    help: "opening a network",
    labels: ["network", "provider"],
    buckets: SECONDS,
    on: "all",
  },
  cobra_task_seconds: {
    type: "histogram",
    help: "a task of a worker thread, such as decode",
    labels: ["task", "outcome"],
    buckets: SECONDS,
    on: "all",
  },
  cobra_task_wait_seconds: {
    type: "histogram",
    help: "a task that waited for a thread",
    labels: ["task"],
    buckets: SECONDS,
    on: "all",
  },
  cobra_pool_threads: { type: "gauge", help: "worker threads there may be", labels: [], on: "all" },
  cobra_pool_tasks: { type: "gauge", help: "tasks of worker threads: running, queued", labels: ["state"], on: "all" },
  cobra_cache_uses_total: {
    type: "counter",
    help: "uses of a cache: hit, miss, dropped",
    labels: ["cache", "outcome"],
    on: "all",
  },
  cobra_cache_bytes: { type: "gauge", help: "bytes that a cache holds", labels: ["cache"], on: "all" },
  cobra_memory_total_bytes: { type: "gauge", help: "memory that pages and model may use", labels: [], on: "all" },
  cobra_memory_free_bytes: {
    type: "gauge",
    help: "part of cobra_memory_total_bytes that is not reserved",
    labels: [],
    on: "all",
  },
  cobra_memory_held_bytes: {
    type: "gauge",
    help: "memory by owner: model, activations, references, page, picture",
    labels: ["owner"],
    on: "all",
  },
  cobra_device_memory_total_bytes: {
    type: "gauge",
    help: "memory of a device that pages and model may use",
    labels: ["device"],
    on: "all",
  },
  cobra_device_memory_held_bytes: {
    type: "gauge",
    help: "memory of a device by owner",
    labels: ["device", "owner"],
    on: "all",
  },
  cobra_queue_jobs: {
    type: "gauge",
    help: "pages in the farm's queue: waiting, paused, active, delayed (to be tried again)",
    labels: ["state"],
    on: "worker",
  },
  cobra_queue_wait_seconds: {
    type: "histogram",
    help: "a page from its submission to its start",
    labels: [],
    buckets: [1, 5, 15, 60, 300, 900, 3600, 14_400, 86_400],
    on: "worker",
  },
  cobra_queue_connected: { type: "gauge", help: "1 while the queue answers", labels: [], on: "worker" },
} as const satisfies Readonly<Record<string, MetricFacts>>;

/** Name of a metric. */
export type MetricName = keyof typeof METRICS;
