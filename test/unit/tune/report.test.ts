/** What reports say of samples: comparisons of two, disturbances, the limit, traces; and what the machine tells. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { compareReports, fallsBelow } from "../../../src/tune/compare.js";
import { earlierReport } from "../../../src/tune/earlier-report.js";
import { readGpuLine, sumGpuReadings } from "../../../src/tune/measure/gpu-meter.js";
import { busyMs, MachineMeter } from "../../../src/platform/machine-meter.js";
import type { Sample, Span } from "../../../src/tune/measure/sample.js";
import { paretoFront } from "../../../src/tune/page/pareto.js";
import { readReport } from "../../../src/tune/report/read-report.js";
import { reportSchema, type Report } from "../../../src/tune/report/report.js";
import { disturbances, limitOf, summarise } from "../../../src/tune/report/summarise.js";
import { rowsOf, traceOf } from "../../../src/tune/report/trace.js";
import { pagesOf } from "../../../src/tune/tune.js";

function sample(pageMs: number, changes: Partial<Sample> = {}): Sample {
  return {
    at: "2026-11-27T00:00:00.000Z",
    pages: 4,
    wallMs: 4 * pageMs,
    pageMs: [pageMs, pageMs, pageMs, 2 * pageMs],
    stageMs: { denoise: pageMs / 2 },
    queueMs: { colouring: 5 },
    tasks: { decode: { count: 4, waitMs: 1, runMs: 40 } },
    networks: { denoiser: { count: 40, waitMs: 10, runMs: 800 } },
    deviceBusy: { cpu: 0.9 },
    coresBusy: 1.9,
    peakBytes: 2 ** 29,
    memoryByOwner: { model: 1 },
    loopDelayMs: { p99: 1, max: 2 },
    outputBytes: 4000,
    pictures: "",
    foreignLoad: 0,
    throttledMs: 0,
    ...changes,
  };
}

function report(times: readonly number[], changes: Partial<Report> = {}): Report {
  const samples = times.map((ms) => sample(ms));
  return reportSchema.parse({
    kind: "cobra-batch-tune",
    version: 1,
    createdAt: "2026-11-27T00:00:00.000Z",
    cobraVersion: "0.1.0",
    machine: { cpu: "one", cores: 2, memoryBytes: 1, gpus: [], node: "20" },
    model: { name: "m", version: "1", hash: "h", precision: "float32", trained: true },
    provider: "cpu",
    input: { name: "chapter.cbz", pages: 4, storage: "archive" },
    goal: "throughput",
    limits: {},
    elapsedMs: 1,
    pagesPerSample: 4,
    base: {},
    automatic: { maxConcurrent: 2, workers: 2 },
    knobs: [],
    measured: [{ id: "defaults", setting: {}, samples, summary: summarise(samples), keepsLimits: true }],
    best: "defaults",
    left: [],
    interrupted: false,
    conclusion: "",
    limit: { resource: "cores", text: "" },
    warnings: [],
    spans: [],
    ...changes,
  });
}

const STEADY = [1000, 1010, 990, 1005, 995, 1000];

it("compares two reports as times the first, and fails only below a ratio beyond the noise", () => {
  const twice = compareReports(report(STEADY), report(STEADY.map((ms) => ms / 2)));
  const rate = twice.figures.find(({ setting, figure }) => setting === "best" && figure === "throughput")!;
  expect(rate.ratio.value).toBeCloseTo(2, 1);
  expect(rate.verdict).toBe("better");
  expect(twice.warnings).toEqual([]);
  expect(fallsBelow(twice, "throughput", 0.95)).toBeUndefined();
  const slower = compareReports(report(STEADY), report(STEADY.map((ms) => ms * 1.2)));
  expect(fallsBelow(slower, "throughput", 0.95)?.ratio.value).toBeCloseTo(1 / 1.2, 1);
  expect(fallsBelow(slower, "throughput", 0.8)).toBeUndefined();
  const noisy = compareReports(report([1000, 400, 2000]), report([1100, 450, 2200]));
  expect(fallsBelow(noisy, "throughput", 0.95)).toBeUndefined();
  expect(noisy.warnings[0]).toContain("fewer than 5 runs");
  const other = compareReports(report(STEADY), report(STEADY, { goal: "memory" }));
  expect(other.warnings).toEqual(["the reports have different goals: throughput and memory"]);
});

it("names foreign load, throttling and drift, and nothing where there is none", () => {
  const quiet = STEADY.map((ms) => sample(ms));
  expect(disturbances(quiet, quiet, 2)).toEqual([]);
  const loaded = quiet.map((one) => ({ ...one, foreignLoad: 0.5 }));
  expect(disturbances(loaded, quiet, 2)[0]).toContain("Other processes kept 0.5 of 2 cores busy");
  const hot = quiet.map((one) => ({ ...one, throttledMs: 400 }));
  expect(disturbances(hot, quiet, 2)[0]).toContain("held back for 10 % of the time");
  const drifting = [1000, 1000, 1100, 1100, 1200, 1200].map((ms) => sample(ms));
  expect(disturbances(drifting, drifting, 2)[0]).toContain("0.83 times as fast");
});

it("says what holds a setting back and what would help", () => {
  const cpu = { cores: 2, provider: "cpu", precision: "float32" };
  expect(limitOf([sample(1000)], cpu)).toMatchObject({ resource: "cores" });
  expect(limitOf([sample(1000, { coresBusy: 1 })], cpu)).toMatchObject({ resource: "device" });
  expect(limitOf([sample(1000, { coresBusy: 1, deviceBusy: { cpu: 0.3 } })], cpu).text).toContain('queue "colouring"');
  const gpu = { ...cpu, provider: "cuda" };
  expect(limitOf([sample(1000, { coresBusy: 0.5 })], gpu).text).toContain("float16");
  expect(limitOf([sample(1000, { deviceBusy: { "cuda:0": 0.4 } })], gpu)).toMatchObject({ resource: "cores" });
});

it("lays overlapping work into rows, and writes it as a trace", () => {
  const span = (startMs: number, ms: number, lane = "workers"): Span => ({
    page: "1.png",
    kind: "task",
    name: "decode",
    startMs,
    waitMs: 0,
    ms,
    lane,
  });
  expect(
    rowsOf([span(0, 10), span(5, 10), span(10, 2), span(0, 1, "cpu")]).map(({ lane, row }) => [lane, row]),
  ).toEqual([
    ["workers", 0],
    ["cpu", 0],
    ["workers", 1],
    ["workers", 0],
  ]);
  const { traceEvents } = traceOf([span(1, 2)]);
  expect(traceEvents).toEqual([
    { name: "process_name", ph: "M", pid: 0, tid: 0, args: { name: "workers" } },
    { name: "decode", ph: "X", pid: 0, tid: 0, ts: 1000, dur: 2000, cat: "task", args: { page: "1.png", waitMs: 0 } },
  ]);
});

it("finds the settings that nothing beats in both speed and memory", () => {
  const at = (rate: number, memory: number): { rate: number; memory: number } => ({ rate, memory });
  expect(paretoFront([at(1, 3), at(2, 2), at(3, 4), at(2.5, 4)])).toEqual([at(2, 2), at(3, 4)]);
});

it("takes as many pages as time allows, and fewer where a page is slow", () => {
  expect(pagesOf(180_000, 1000)).toBe(5);
  expect(pagesOf(180_000, 100)).toBe(12);
  expect(pagesOf(600_000, 60_000)).toBe(1);
  expect(pagesOf(60_000, 1000)).toBe(3);
});

it("refuses reports of another kind or format, with the value and the remedy", async () => {
  const folder = await mkdtemp(join(tmpdir(), "cobra-report-"));
  try {
    const write = async (text: string): Promise<string> => {
      await writeFile(join(folder, "report.json"), text);
      return join(folder, "report.json");
    };
    await expect(readReport(await write('{"kind":"lighthouse"}'))).rejects.toThrow(
      "is not a report of `cobra-batch tune`",
    );
    await expect(readReport(await write("[]"))).rejects.toThrow("is not a report of `cobra-batch tune`");
    await expect(readReport(await write("null"))).rejects.toThrow("is not a report of `cobra-batch tune`");
    await expect(readReport(await write("{"))).rejects.toMatchObject({ code: "ERR_CONFIG" });
    const later = JSON.stringify({ kind: "cobra-batch-tune", version: 2 });
    await expect(readReport(await write(later))).rejects.toThrow("is a report of format 2, and this version reads 1");
    const damaged = JSON.stringify({ ...report(STEADY), measured: 3 });
    await expect(readReport(await write(damaged))).rejects.toThrow("is damaged");
    await expect(readReport(join(folder, "none.json"))).rejects.toThrow("cannot be read");
    expect((await readReport(await write(JSON.stringify(report(STEADY))))).best).toBe("defaults");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

it("reads load, throttling and energy from the system's files", async () => {
  const root = await mkdtemp(join(tmpdir(), "cobra-machine-"));
  try {
    const write = async (path: string, text: string): Promise<void> => {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), text);
    };
    const rapl = "sys/class/powercap/intel-rapl:0";
    await write("proc/stat", "cpu  100 0 50 1000 0 0 0 0 0 0\n");
    await write(`${rapl}/energy_uj`, "900000\n");
    await write(`${rapl}/max_energy_range_uj`, "1000000\n");
    await write("sys/fs/cgroup/cpu.stat", "usage_usec 1\nthrottled_usec 1000\n");
    const meter = new MachineMeter(root);
    await write("proc/stat", "cpu  1100 0 50 1000 0 0 0 0 0 0\n");
    await write(`${rapl}/energy_uj`, "400000\n");
    await write("sys/fs/cgroup/cpu.stat", "usage_usec 1\nthrottled_usec 51000\n");
    const figures = meter.stop();
    expect(figures.foreignLoad).toBeGreaterThan(1);
    expect(figures.throttledMs).toBe(50);
    expect(figures.joules).toBeCloseTo(0.5);
    expect(new MachineMeter(join(root, "none")).stop()).toMatchObject({ foreignLoad: 0, throttledMs: 0 });
    expect(busyMs("cpu  100 1 2 1000 9 3 4 5 0 0\n")).toBe(1150);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});

it("reads what NVIDIA's tool says, and leaves out what it does not know", () => {
  const busy = readGpuLine("87, 2048, 213.40, 0x0000000000000004")!;
  expect(busy).toEqual({ busy: 0.87, usedBytes: 2 ** 31, watts: 213.4, throttled: true });
  const idle = readGpuLine("0, 10, [N/A], 0x0000000000000001")!;
  expect(idle).toMatchObject({ watts: 0, throttled: false });
  expect(readGpuLine("No devices were found")).toBeUndefined();
  expect(sumGpuReadings([], 1000)).toBeUndefined();
  expect(sumGpuReadings([busy, busy], 2000)).toEqual({
    gpu: { busy: 0.87, peakBytes: 2 ** 31, throttled: true },
    joules: 426.8,
  });
});

it("refuses a folder in the place of a report, and a report whose runs have no pages", async () => {
  await expect(readReport(tmpdir())).rejects.toMatchObject({
    message: `${tmpdir()} is a folder`,
    remedy: expect.stringContaining("name the report in it") as string,
  });
  expect(() => report(STEADY, { pagesPerSample: 0 })).toThrow("pagesPerSample");
});

it("tells the bytes copied to and from devices a page, and leaves them out where none has memory of its own", () => {
  const copiedBytes = { toDevice: 80, fromDevice: 48 };
  expect(summarise([sample(100, { copiedBytes }), sample(110, { copiedBytes })]).copiedBytesPerPage).toEqual({
    toDevice: 20,
    fromDevice: 12,
  });
  expect(summarise([sample(100)])).not.toHaveProperty("copiedBytesPerPage");
});

it("takes a folder with files of a report's names and without a report for the user's own", async () => {
  const folder = await mkdtemp(join(tmpdir(), "cobra-report-"));
  try {
    expect(await earlierReport(folder)).toBeUndefined();
    for (const name of ["settings.json", "report.html", "trace.json"]) {
      const path = join(folder, name);
      await writeFile(path, "mine");
      await expect(earlierReport(folder)).rejects.toMatchObject({
        code: "ERR_CONFIG",
        message: `${path} is there, and is not of a tuning: ${join(folder, "report.json")} is missing`,
      });
      await rm(path);
    }
    await writeFile(join(folder, "settings.json"), "{}");
    await writeFile(join(folder, "report.json"), JSON.stringify(report([1])));
    expect(await earlierReport(folder)).toMatchObject({ kind: "cobra-batch-tune" });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
