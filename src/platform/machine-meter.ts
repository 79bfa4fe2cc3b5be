/**
 * Observes the machine beside the measured process: other load, throttling, energy, memory. Each figure comes from
 * Linux's own files; what a machine does not show is left out.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Clock ticks a second in /proc/stat: 100 on every Linux that Node runs on. */
const TICKS = 100;

interface Counters {
  readonly atMs: number;
  readonly busyMs: number;
  readonly ownMs: number;
  readonly throttledMs: number;
  readonly microjoules: ReadonlyMap<string, number>;
}

/** What has happened between `start` and `stop`. */
export interface MachineFigures {
  readonly coresBusy: number;
  readonly foreignLoad: number;
  readonly throttledMs: number;
  readonly joules?: number;
}

/** @param root where `proc` and `sys` are; for tests with written files */
export class MachineMeter {
  readonly #root: string;
  readonly #start: Counters;

  constructor(root = "/") {
    this.#root = root;
    this.#start = this.#read();
  }

  stop(): MachineFigures {
    const end = this.#read();
    const start = this.#start;
    const wallMs = Math.max(1, end.atMs - start.atMs);
    const ownMs = end.ownMs - start.ownMs;
    const busyMs = end.busyMs - start.busyMs;
    const joules = this.#joules(end.microjoules);
    return {
      coresBusy: ownMs / wallMs,
      foreignLoad: Math.max(0, (busyMs - ownMs) / wallMs),
      throttledMs: Math.max(0, end.throttledMs - start.throttledMs),
      ...(joules === undefined ? {} : { joules }),
    };
  }

  #joules(end: ReadonlyMap<string, number>): number | undefined {
    if (end.size === 0) return undefined;
    let sum = 0;
    for (const [path, value] of end) {
      const before = this.#start.microjoules.get(path) ?? value;
      const range = Number(textOf(join(path, "max_energy_range_uj"))) || 0;
      sum += value >= before ? value - before : value + range - before; // the counter starts again at its range
    }
    return sum / 1e6;
  }

  #read(): Counters {
    const { user, system } = process.cpuUsage();
    return {
      atMs: performance.now(),
      busyMs: busyMs(textOf(join(this.#root, "proc/stat"))),
      ownMs: (user + system) / 1000,
      throttledMs: throttledMs(this.#root),
      microjoules: packageEnergy(this.#root),
    };
  }
}

/** Milliseconds that all cores together were busy since the machine started. */
export function busyMs(stat: string): number {
  const [user = 0, nice = 0, system = 0, _idle, _iowait, irq = 0, softirq = 0, steal = 0] = (
    /^cpu\s+(.*)$/mu.exec(stat)?.[1] ?? ""
  )
    .split(" ")
    .map(Number);
  return ((user + nice + system + irq + softirq + steal) * 1000) / TICKS;
}

/** Milliseconds of the control group's quota and of the processor's heat. */
function throttledMs(root: string): number {
  const group = /^throttled_usec (\d+)$/mu.exec(textOf(join(root, "sys/fs/cgroup/cpu.stat")))?.[1];
  const cpus = join(root, "sys/devices/system/cpu");
  const heat = namesIn(cpus)
    .filter((name) => /^cpu\d+$/.test(name))
    .map((name) => Number(textOf(join(cpus, name, "thermal_throttle/package_throttle_total_time_ms")) || 0));
  return Number(group ?? 0) / 1000 + Math.max(0, ...heat);
}

/** Energy counters of the processor's packages (RAPL); often only root may read them. */
function packageEnergy(root: string): Map<string, number> {
  const folder = join(root, "sys/class/powercap");
  return new Map(
    namesIn(folder)
      .filter((name) => /^intel-rapl:\d+$/.test(name))
      .flatMap((name) => {
        const text = textOf(join(folder, name, "energy_uj")).trim();
        return text === "" ? [] : [[join(folder, name), Number(text)] as const];
      }),
  );
}

/** Begins a new peak of this process's resident memory. */
export function resetPeakMemory(): void {
  try {
    writeFileSync("/proc/self/clear_refs", "5");
  } catch {
    // Then the peak is that since the process began.
  }
}

/** Peak resident memory of this process since `resetPeakMemory`, in bytes. */
export function peakMemory(): number {
  const kilobytes = /^VmHWM:\s+(\d+) kB$/mu.exec(textOf("/proc/self/status"))?.[1];
  return kilobytes === undefined ? process.memoryUsage.rss() : Number(kilobytes) * 1024;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
