/** Samples the GPUs with nvidia-smi while a setting is measured, twice a second. */
import { spawn, type ChildProcess } from "node:child_process";
import type { Sample } from "./sample.js";

const EVERY_MS = 500;
const FIELDS = ["utilization.gpu", "memory.used", "power.draw", "clocks_throttle_reasons.active"];
/** Reasons that are no throttling: idle (1), clocks that somebody has set (2, 0x100). */
const HARMLESS = 0x103n;

/** One line of the tool: a GPU at one moment. */
export interface GpuReading {
  readonly busy: number;
  readonly usedBytes: number;
  readonly watts: number;
  readonly throttled: boolean;
}

/** Reads "87, 2048, 213.40, 0x0000000000000004"; undefined for anything else. */
export function readGpuLine(line: string): GpuReading | undefined {
  const [busy, used, watts, reasons] = line.trim().split(", ");
  const numbers = [busy, used, watts].map(Number);
  if (reasons === undefined || !/^0x[0-9a-f]+$/i.test(reasons) || !numbers.slice(0, 2).every(Number.isFinite))
    return undefined;
  return {
    busy: numbers[0]! / 100,
    usedBytes: numbers[1]! * 2 ** 20,
    watts: Number.isFinite(numbers[2]) ? numbers[2]! : 0,
    throttled: (BigInt(reasons) & ~HARMLESS) !== 0n,
  };
}

/** Sums up readings of one GPU or several: their means, the highest memory. */
export function sumGpuReadings(
  readings: readonly GpuReading[],
  wallMs: number,
): { gpu: NonNullable<Sample["gpu"]>; joules: number } | undefined {
  if (readings.length === 0) return undefined;
  const mean = (of: (one: GpuReading) => number): number =>
    readings.reduce((sum, one) => sum + of(one), 0) / readings.length;
  return {
    gpu: {
      busy: mean(({ busy }) => busy),
      peakBytes: Math.max(...readings.map(({ usedBytes }) => usedBytes)),
      throttled: readings.some(({ throttled }) => throttled),
    },
    joules: (mean(({ watts }) => watts) * wallMs) / 1000,
  };
}

/** Runs the tool until `stop`. */
export class GpuMeter {
  readonly #child: ChildProcess;
  readonly #readings: GpuReading[] = [];
  readonly #startMs = performance.now();

  constructor() {
    const query = [`--query-gpu=${FIELDS.join(",")}`, "--format=csv,noheader,nounits", `-lms`, String(EVERY_MS)];
    this.#child = spawn("nvidia-smi", query, { stdio: ["ignore", "pipe", "ignore"] });
    this.#child.on("error", () => {}); // without the tool there are no readings
    let rest = "";
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        const reading = readGpuLine(line);
        if (reading !== undefined) this.#readings.push(reading);
      }
    });
  }

  stop(): ReturnType<typeof sumGpuReadings> {
    this.#child.kill();
    return sumGpuReadings(this.#readings, performance.now() - this.#startMs);
  }
}
