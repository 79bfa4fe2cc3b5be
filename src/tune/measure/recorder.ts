/** Listens to the engine's channels during one run, and sums up what a sample says of it. */
import { CHANNELS, type WorkContext } from "../../observe/channels.js";
import type { Sample, Span } from "./sample.js";

interface Work {
  count: number;
  waitMs: number;
  runMs: number;
}

type Owners = Readonly<Record<string, { readonly bytes: number }>>;

/** Spans that are kept at most: enough for a timeline that can be looked at. */
const MOST_SPANS = 20_000;

export class Recorder {
  readonly #startMs = performance.now();
  readonly #tasks: Record<string, Work> = {};
  readonly #networks: Record<string, Work> = {};
  readonly #queueMs: Record<string, number> = {};
  readonly #busyMs: Record<string, number> = {};
  readonly #owners: () => Owners;
  #ownersAtPeak: Record<string, number> = {};
  #peakBooked = 0;
  readonly #started = new Map<string, number>();
  readonly spans: Span[] = [];
  readonly #ends: readonly (() => void)[];

  /** @param owners the bookings of memory now */
  constructor(owners: () => Owners) {
    this.#owners = owners;
    this.#ends = [
      CHANNELS.task.subscribe(({ task, waitMs, runMs, ...work }) => {
        add(this.#tasks, task, waitMs, runMs);
        this.#span("task", task, "workers", work, waitMs, runMs);
      }),
      CHANNELS.networkRun.subscribe(({ graph, device, waitMs, runMs, ...work }) => {
        add(this.#networks, graph, waitMs, runMs);
        this.#busyMs[device] = (this.#busyMs[device] ?? 0) + runMs;
        this.#span("network", graph, device, work, waitMs, runMs);
      }),
      CHANNELS.queue.subscribe(({ queue, waitMs, ...work }) => {
        this.#queueMs[queue] = (this.#queueMs[queue] ?? 0) + waitMs;
        this.#span("queue", queue, "queues", work, 0, waitMs);
      }),
      CHANNELS.stage.subscribe(({ stage, waitMs }) => {
        // A finished picture waits until those before it are written.
        const queue = `after ${stage}`;
        this.#queueMs[queue] = (this.#queueMs[queue] ?? 0) + waitMs;
      }),
      CHANNELS.page.subscribe(({ page, state }) => {
        if (state === "started") this.#started.set(page, performance.now());
        const since = this.#started.get(page);
        if (state === "completed" && since !== undefined)
          this.#span("page", page, "pages", { page }, 0, performance.now() - since);
      }),
      CHANNELS.memory.subscribe(({ heldBytes, reservedBytes }) => this.#look(heldBytes + reservedBytes)),
    ];
  }

  #look(bookedBytes: number): void {
    if (bookedBytes <= this.#peakBooked) return;
    this.#peakBooked = bookedBytes;
    const atPeak: Record<string, number> = {};
    for (const [owner, { bytes }] of Object.entries(this.#owners())) {
      const kind = owner.split(" ", 1)[0]!; // "page 003.png" and "page 004.png" are pages
      atPeak[kind] = Math.round((atPeak[kind] ?? 0) + bytes);
    }
    this.#ownersAtPeak = atPeak;
  }

  #span(kind: Span["kind"], name: string, lane: string, work: WorkContext, waitMs: number, ms: number): void {
    if (this.spans.length >= MOST_SPANS) return;
    const startMs = performance.now() - this.#startMs - ms;
    this.spans.push({ page: work.page ?? "", kind, name, startMs, waitMs, ms, lane });
  }

  /** Ends listening and sums up. @param pages that were done */
  end(pages: number, wallMs: number): Pick<Sample, "tasks" | "networks" | "queueMs" | "deviceBusy" | "memoryByOwner"> {
    for (const end of this.#ends) end();
    const shares = (sums: Record<string, number>, by: number): Record<string, number> =>
      Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / by]));
    return {
      tasks: this.#tasks,
      networks: this.#networks,
      queueMs: shares(this.#queueMs, pages),
      deviceBusy: shares(this.#busyMs, wallMs),
      memoryByOwner: this.#ownersAtPeak,
    };
  }
}

function add(table: Record<string, Work>, name: string, waitMs: number, runMs: number): void {
  const work = (table[name] ??= { count: 0, waitMs: 0, runMs: 0 });
  work.count++;
  work.waitMs += waitMs;
  work.runMs += runMs;
}
