// Finds the code that ran while the event loop was blocked: V8's own sampling profiler over the whole time, looked up
// for the stalls that were seen.
import { Session } from "node:inspector/promises";

const INTERVAL_US = 500;
const STALLS_SHOWN = 12;
const STACKS_SHOWN = 3;

/** Samples the calling thread's stacks until it is asked about stalls. */
export class StackWatch {
  #session = new Session();

  static async start() {
    const watch = new StackWatch();
    watch.#session.connect();
    await watch.#session.post("Profiler.enable");
    await watch.#session.post("Profiler.setSamplingInterval", { interval: INTERVAL_US });
    await watch.#session.post("Profiler.start");
    return watch;
  }

  /**
   * Ends the sampling.
   * @param stalls `{ startMs, endMs, cpuMs }` by `performance.now()`
   * @returns text, a stall a paragraph
   */
  async describe(stalls) {
    const { profile } = await this.#session.post("Profiler.stop");
    this.#session.disconnect();
    const { nodes, samples, timeDeltas, endTime } = profile;
    const byId = new Map(nodes.map((node) => [node.id, node]));
    const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
    const stackOf = (id) => {
      const frames = [];
      for (let at = id; at !== undefined; at = parents.get(at)) {
        const { functionName, url, lineNumber } = byId.get(at).callFrame;
        if (functionName !== "(root)")
          frames.push(`${functionName || "(anonymous)"} ${url.split("/").at(-1)}:${lineNumber + 1}`);
      }
      return frames.slice(0, 8).join(" < ");
    };
    // The profiler's clock is that of `process.hrtime`.
    const offsetMs = Number(process.hrtime.bigint()) / 1e6 - performance.now();
    const times = [];
    let atUs = profile.startTime;
    for (const delta of timeDeltas) times.push((atUs += delta) / 1000 - offsetMs);
    void endTime;
    return stalls
      .toSorted((a, b) => b.cpuMs - a.cpuMs)
      .slice(0, STALLS_SHOWN)
      .map(({ startMs, endMs, cpuMs }) => {
        const counts = new Map();
        samples.forEach((id, index) => {
          if (times[index] < startMs || times[index] > endMs) return;
          const stack = stackOf(id);
          counts.set(stack, (counts.get(stack) ?? 0) + 1);
        });
        const most = [...counts].toSorted((a, b) => b[1] - a[1]).slice(0, STACKS_SHOWN);
        const lines = most.map(([stack, count]) => `  ${String(count).padStart(4)} ${stack}`);
        return `stall of ${(endMs - startMs).toFixed(1)} ms, ${cpuMs.toFixed(1)} ms of processor time\n${lines.join("\n")}\n`;
      })
      .join("");
  }
}
