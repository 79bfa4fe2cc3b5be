/** The search on a machine of arithmetic: what it finds is known beforehand. All noise is seeded. */
import { describe, expect, it } from "vitest";
import { keepsLimits, unreachable } from "../../../src/tune/limits.js";
import type { Sample } from "../../../src/tune/measure/sample.js";
import { Search, type MeasuredSetting, type SearchResult } from "../../../src/tune/search.js";
import { settingId, type Setting } from "../../../src/tune/setting.js";
import { allSettings, type Knob } from "../../../src/tune/space.js";
import { Random } from "../../../src/tune/statistics/random.js";
import { readLimits, type Goal, type Limits } from "../../../src/tune/wishes.js";

const KNOBS: readonly Knob[] = [
  { name: "maxConcurrent", title: "pages in flight", values: [1, 3, 4], cost: "", isKept: true },
  { name: "workers", title: "worker threads", values: [1, 4], cost: "", isKept: true },
  { name: "threads", title: "threads", values: [1], cost: "", isKept: true },
];

/** A run of 4 pages. */
function sample(pageMs: number, peakBytes: number): Sample {
  return {
    at: "2026-11-27T00:00:00.000Z",
    pages: 4,
    wallMs: 4 * pageMs,
    pageMs: [pageMs, pageMs, pageMs, pageMs],
    stageMs: { denoise: pageMs / 2 },
    queueMs: {},
    tasks: {},
    networks: {},
    deviceBusy: { cpu: 0.9 },
    coresBusy: 1.9,
    peakBytes,
    memoryByOwner: {},
    loopDelayMs: { p99: 1, max: 2 },
    outputBytes: 1,
    pictures: "",
    foreignLoad: 0,
    throttledMs: 0,
  };
}

/** Three pages in flight are 20 % faster, four workers 8 %, one thread is slow; pages in flight take memory. */
function machine(setting: Setting, noise: number): Sample {
  const { maxConcurrent: pages = 2, workers = 2, threads = 2 } = setting;
  const speed =
    [0, 0.7, 1, 1.2, 1.15][pages]! * (workers === 4 ? 1.08 : workers === 1 ? 0.8 : 1) * (threads === 1 ? 0.6 : 1);
  return sample((1000 / speed) * Math.exp(0.02 * noise), 2 ** 28 * pages);
}

interface Wanted {
  readonly goal?: Goal;
  readonly limits?: Limits;
  readonly runs?: number;
  readonly measure?: (setting: Setting, noise: number) => Sample;
  readonly earlier?: readonly MeasuredSetting[];
  readonly signal?: AbortSignal;
}

async function search({
  goal = "throughput",
  limits = {},
  runs = 120,
  measure = machine,
  earlier = [],
  signal = new AbortController().signal,
}: Wanted = {}): Promise<SearchResult & { readonly runs: number }> {
  const random = new Random(5);
  let done = 0;
  const result = await new Search(
    {
      knobs: KNOBS,
      goal,
      limits,
      seed: 1,
      signal,
      usedShare: () => done / runs,
      measure: async (setting) => {
        done++;
        return measure(setting, random.normal());
      },
    },
    earlier,
  ).run();
  return { ...result, runs: done };
}

describe("a search", () => {
  it("finds the best of an exhaustive sweep, and says by how much and how surely", async () => {
    const { best, comparison } = await search();
    const exhaustive = allSettings(KNOBS).map((setting) => machine(setting, 0).wallMs);
    expect(machine(best!, 0).wallMs).toBe(Math.min(...exhaustive));
    expect(best).toEqual({ maxConcurrent: 3, workers: 4 });
    expect(comparison).toMatchObject({ verdict: "better" });
    expect(comparison!.ratio.low).toBeGreaterThan(1.2);
  });

  it("agrees with itself whatever the time, once there is enough for all knobs", async () => {
    for (const runs of [60, 90, 200]) expect((await search({ runs })).best).toEqual({ maxConcurrent: 3, workers: 4 });
  });

  it("keeps the defaults where nothing is better beyond the noise", async () => {
    const { best, comparison } = await search({
      measure: (_setting, noise) => sample(1000 * Math.exp(0.05 * noise), 1),
    });
    expect(best).toEqual({});
    expect(comparison?.verdict ?? "no difference").not.toBe("better");
  });

  it("optimises what it is asked for, and keeps limits", async () => {
    expect((await search({ goal: "memory" })).best).toEqual({ maxConcurrent: 1 });
    const limited = await search({ limits: { memory: 2 ** 28 * 2.5 } });
    expect(limited.best).toEqual({ workers: 4 });
    expect((await search({ limits: { memory: 2 ** 28 } })).best).toMatchObject({ maxConcurrent: 1 });
    expect((await search({ limits: { memory: 1 } })).best).toBeUndefined();
  });

  it("leaves a setting that cannot run, and ends with a fault of the defaults", async () => {
    const failing = (fails: (setting: Setting) => boolean) => (setting: Setting, noise: number) => {
      if (fails(setting)) throw new Error("out of memory");
      return machine(setting, noise);
    };
    const { best, measured } = await search({ measure: failing(({ workers }) => workers === 4) });
    expect(best).toEqual({ maxConcurrent: 3 });
    expect(measured.find(({ setting }) => settingId(setting) === "workers=4")?.fault).toBe("out of memory");
    await expect(search({ measure: failing(() => true) })).rejects.toThrow("out of memory");
  });

  it("says what there was no time for; a second one goes on there", async () => {
    const first = await search({ runs: 4 });
    expect(first.left.length).toBeGreaterThan(0);
    const second = await search({ runs: 120, earlier: first.measured });
    expect(second.left).toEqual([]);
    expect(second.best).toEqual({ maxConcurrent: 3, workers: 4 });
  });

  it("stops at once when it is told to, with what was measured", async () => {
    const stop = new AbortController();
    let count = 0;
    const { measured, runs } = await search({
      signal: stop.signal,
      measure: (setting, noise) => {
        if (++count === 3) stop.abort();
        return machine(setting, noise);
      },
    });
    expect(runs).toBe(3);
    expect(measured.flatMap(({ samples }) => samples)).toHaveLength(3);
  });
});

describe("limits", () => {
  it("are read with their units", () => {
    expect(readLimits("memory=8GiB,p95=3s")).toEqual({ memory: 8 * 2 ** 30, p95: 3000 });
    expect(readLimits("memory=500MB, p95=250ms, rate=20")).toEqual({ memory: 5e8, p95: 250, rate: 20 });
    expect(readLimits("p95=1.5min")).toEqual({ p95: 90_000 });
  });

  it.each(["", "memory", "memory=8Gi", "p95=3h", "speed=3", "memory=0", "rate=5s", "p95=1s,p95=2s"])(
    "%j is refused with the rule and the value",
    (text) => expect(readLimits(text)).toMatch(/^must be limits with commas/),
  );

  it("that nothing keeps are named with what came nearest", () => {
    const runs = [[sample(1000, 2 ** 30)], [sample(2000, 2 ** 29)]];
    expect(keepsLimits(runs[0]!, { memory: 2 ** 30, p95: 1000, rate: 60 })).toBe(true);
    expect(keepsLimits(runs[1]!, { p95: 1000 })).toBe(false);
    const error = unreachable({ memory: 2 ** 28, p95: 500 }, runs);
    expect(error).toMatchObject({ code: "ERR_CONFIG" });
    expect(error.message).toContain(
      "memory=256MiB, where the least was 512MiB, and p95=0.50s, where the best was 1.00s",
    );
  });
});
