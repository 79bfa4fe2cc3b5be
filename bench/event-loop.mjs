// Measures how long computing on this thread blocks the event loop. Beside the wall time of a stall, which other
// processes of the machine lengthen, the processor time that the thread took in it (Linux, /proc).
import { closeSync, openSync, readSync } from "node:fs";

const TICK_MS = 1;

/** Watches the event loop of the calling thread. */
export class LoopWatch {
  #file = openSync("/proc/thread-self/schedstat");
  #buffer = Buffer.alloc(64);
  #last = this.#read();
  #timer = setInterval(() => this.#tick(), TICK_MS);
  /** The longest stall so far, in milliseconds; and every one above 5 ms of processor time. */
  longest = { wallMs: 0, cpuMs: 0 };
  stalls = [];

  #read() {
    const length = readSync(this.#file, this.#buffer, 0, 64, 0);
    return { wallMs: performance.now(), cpuMs: Number(this.#buffer.toString("latin1", 0, length).split(" ")[0]) / 1e6 };
  }

  #tick() {
    const now = this.#read();
    const wallMs = now.wallMs - this.#last.wallMs - TICK_MS;
    const cpuMs = now.cpuMs - this.#last.cpuMs;
    const { wallMs: startMs } = this.#last;
    this.#last = now;
    this.longest.wallMs = Math.max(this.longest.wallMs, wallMs);
    this.longest.cpuMs = Math.max(this.longest.cpuMs, cpuMs);
    if (cpuMs > 5) this.stalls.push({ startMs, endMs: now.wallMs, cpuMs });
  }

  /** Forgets what was seen so far. */
  reset() {
    this.#last = this.#read();
    this.longest = { wallMs: 0, cpuMs: 0 };
    this.stalls = [];
  }

  close() {
    clearInterval(this.#timer);
    closeSync(this.#file);
  }
}
