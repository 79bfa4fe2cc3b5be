/** Goals and limits that a setting can be chosen by. Nothing is imported here, so that flags can be defined by it. */

export const GOALS = ["throughput", "latency", "memory"] as const;
/** What is to be best: pages a minute, the time of a page (p95), or peak memory. */
export type Goal = (typeof GOALS)[number];

/** What a setting must keep; absent: any. */
export interface Limits {
  /** Bytes of resident memory at the peak. */
  readonly memory?: number;
  /** Milliseconds within which 95 % of the pages are done. */
  readonly p95?: number;
  /** Pages a minute, at least. */
  readonly rate?: number;
}

const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};
const TIMES: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000 };
const RULE = "must be limits with commas, of memory=8GiB, p95=3s and rate=20 (pages a minute)";

/** Reads "memory=8GiB,p95=3s"; the fault as text where it cannot be read. */
export function readLimits(text: string): Limits | string {
  const limits: Partial<Record<keyof Limits, number>> = {};
  for (const part of text.split(",")) {
    const [, name, number, unit = ""] = /^\s*(\w+)=(\d+(?:\.\d+)?)([a-zA-Z]*)\s*$/.exec(part) ?? [];
    const factor =
      name === "memory" ? UNITS[unit || "B"] : name === "p95" ? TIMES[unit || "s"] : unit === "" ? 1 : undefined;
    if (number === undefined || factor === undefined || !["memory", "p95", "rate"].includes(name!))
      return `${RULE}; ${JSON.stringify(part.trim())} is none`;
    if (Number(number) === 0) return `${RULE}; ${JSON.stringify(part.trim())} is kept by nothing`;
    if (limits[name as keyof Limits] !== undefined) return `${RULE}; ${name} is given twice`;
    limits[name as keyof Limits] = Number(number) * factor;
  }
  return limits;
}
