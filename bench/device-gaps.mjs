// Records what a device does while a chapter is coloured: when its networks run, when nothing runs, and what the page
// whose network ran next had waited for. From the engine's channels; for one engine with one device.
import { CHANNELS } from "../dist/observe/channels.js";

/** Shorter gaps are the way from one run to the next, not a wait. */
const GAP_MS = 1;

/** Listens until it is closed. */
export class DeviceWatch {
  /** Runs: [start, end, page]. */
  #runs = [];
  /** What a page has had to end before it went on: [start, end, page, name]. */
  #works = [];
  #ends = [
    CHANNELS.networkRun.subscribe(({ runMs, page }) => this.#run(runMs, page)),
    CHANNELS.task.subscribe(({ task, waitMs, runMs, page }) => this.#work(task, waitMs + runMs, page)),
    CHANNELS.queue.subscribe(({ queue, waitMs, page }) => this.#work(`turn: ${queue}`, waitMs, page)),
  ];

  #run(runMs, page) {
    const endMs = performance.now();
    this.#runs.push([endMs - runMs, endMs, page]);
  }

  #work(name, ms, page) {
    const endMs = performance.now();
    this.#works.push([endMs - ms, endMs, page, name]);
  }

  /** Forgets what was seen so far. */
  reset() {
    this.#runs = [];
    this.#works = [];
  }

  /**
   * Milliseconds without a run from `startedMs` to `endedMs`, by what the page whose run came next had last waited for.
   */
  gaps(startedMs, endedMs) {
    const runs = this.#runs.toSorted((a, b) => a[0] - b[0]);
    const causes = new Map([
      ["before the first run", { count: 1, ms: runs[0][0] - startedMs }],
      ["after the last run", { count: 1, ms: endedMs - Math.max(...runs.map(([, end]) => end)) }],
    ]);
    let busyUntil = runs[0][1];
    for (const [startMs, endMs, page] of runs) {
      const gapMs = startMs - busyUntil;
      if (gapMs > GAP_MS) {
        const before = this.#works
          .filter(([from, to, of]) => of === page && to > busyUntil && from < startMs && to <= startMs + GAP_MS)
          .toSorted((a, b) => b[1] - a[1])[0];
        const cause = before?.[3] ?? "the way between runs";
        const known = causes.get(cause) ?? { count: 0, ms: 0 };
        causes.set(cause, { count: known.count + 1, ms: known.ms + gapMs });
      }
      busyUntil = Math.max(busyUntil, endMs);
    }
    return [...causes].map(([cause, sums]) => ({ cause, ...sums })).toSorted((a, b) => b.ms - a.ms);
  }

  close() {
    for (const end of this.#ends) end();
  }
}
