/** `tune`, `tune compare` and `bench` with a tiny model: what they leave, how they go on, what they refuse. */
import { readFileSync } from "node:fs";
import { access, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { reportSchema, type Report } from "../../src/tune/report/report.js";
import { chapterFiles, writeFolder } from "../support/chapter.js";
import { runCli } from "../support/cli.js";
import { SMALL_MODEL } from "../support/shared-models.js";

let root: string;
const at = (name: string): string => join(root, name);
const reportOf = async (out: string): Promise<Report> =>
  reportSchema.parse(JSON.parse(await readFile(join(at(out), "report.json"), "utf8")));
const tune = (out: string, ...flags: string[]): ReturnType<typeof runCli> =>
  runCli(["tune", at("chapter"), "--model", SMALL_MODEL, "--out", at(out), ...flags]);

const childProcesses = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-tune-test-"));
  await writeFolder(at("chapter"), await chapterFiles(3));
});

afterAll(() => rm(root, { recursive: true, force: true }));

describe("tune", () => {
  it("leaves a report, a page, a trace, and settings that colorize takes; run again it goes on", async () => {
    const { code, stdout, stderr } = await tune("tuned", "--minutes", "0.3");
    expect(stderr).toContain("defaults");
    expect(code).toBe(0);
    expect(stdout).toContain(`report: ${join(at("tuned"), "report.html")}`);
    const report = await reportOf("tuned");
    const defaults = report.measured[0]!;
    expect(defaults.id).toBe("defaults");
    const [sample] = defaults.samples;
    expect(sample!.pageMs).toHaveLength(report.pagesPerSample);
    expect(sample!.networks["denoiser"]!.count).toBeGreaterThan(0);
    expect(sample!.peakBytes).toBeGreaterThan(2 ** 26);
    expect(sample!.memoryByOwner["model"]).toBeGreaterThan(0);
    expect(sample!.coresBusy).toBeGreaterThan(0);
    expect(report.spans.some(({ kind }) => kind === "network")).toBe(true);
    for (const { id, samePictures } of report.measured) expect(samePictures ?? true, id).toBe(true);
    const page = await readFile(join(at("tuned"), "report.html"), "utf8");
    expect(page).toContain('"kind":"cobra-batch-tune"');
    expect(page).not.toMatch(/<(?:script|link)[^>]+(?:src|href)=/u);
    const trace = JSON.parse(await readFile(join(at("tuned"), "trace.json"), "utf8")) as { traceEvents: unknown[] };
    expect(trace.traceEvents.length).toBeGreaterThan(report.spans.length);

    const again = await tune("tuned", "--minutes", "0.1", "--json");
    expect(again.code).toBe(0);
    expect(JSON.parse(again.stdout.trim().split("\n").at(-1)!)).toMatchObject({ type: "tuned" });
    const longer = await reportOf("tuned");
    expect(longer.measured[0]!.samples.length).toBeGreaterThan(defaults.samples.length);

    const settings = join(at("tuned"), "settings.json");
    const coloured = await runCli([
      "colorize",
      at("chapter"),
      "--output-dir",
      at("out"),
      "--config",
      settings,
      "--quiet",
    ]);
    expect(coloured.stderr).toBe("");
    expect(coloured.code).toBe(0);
    const same = await runCli([
      "tune",
      "compare",
      join(at("tuned"), "report.json"),
      join(at("tuned"), "report.json"),
      "--fail-below",
      "0.95",
    ]);
    expect(same.code).toBe(0);
    expect(same.stdout).toContain("pages a minute");
    const other = await tune("tuned", "--minutes", "0.1", "--goal", "memory");
    expect(other.code).toBe(64);
    expect(other.stderr).toContain("was measured with another goal: throughput, and this one is memory");
    const steps = await tune("tuned", "--minutes", "0.1", "--steps", "3");
    expect(steps.code).toBe(64);
    expect(steps.stderr).toContain("was measured with another page setting");
    await writeFolder(at("chapter"), await chapterFiles(4));
    const pages = await tune("tuned", "--minutes", "0.1");
    expect(pages.code).toBe(64);
    expect(pages.stderr).toContain("was measured with another content of the input");
  });

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("ends at %s to all its processes with a report of what was measured", async (signal, exitCode) => {
    const out = `stopped-${exitCode}`;
    let isSent = false;
    const { code } = await runCli(
      ["tune", "--synthetic", "256x320", "--model", SMALL_MODEL, "--out", at(out), "--minutes", "5", "--json"],
      (child, stdout) => {
        if (isSent || stdout.split("tune-sample").length < 2) return;
        isSent = true;
        // The measured processes first, as it may happen where a signal goes to a whole group.
        for (const pid of childProcesses(child.pid!)) process.kill(pid, signal);
        child.kill(signal);
      },
    );
    expect(code).toBe(exitCode);
    const report = await reportOf(out);
    expect(report.interrupted).toBe(true);
    expect(report.measured[0]!.samples.length).toBeGreaterThan(0);
    expect(report.measured.flatMap(({ fault }) => fault ?? [])).toEqual([]);
    await access(join(at(out), "report.html"));
  });

  it("says what no setting keeps, and leaves the report of what was measured", async () => {
    const { code, stderr } = await tune("limited", "--minutes", "0.1", "--limit", "memory=10MiB");
    expect(code).toBe(64);
    expect(stderr).toMatch(
      /--limit: no setting of the \d+ that were measured keeps memory=10MiB, where the least was \d+MiB/u,
    );
    expect((await reportOf("limited")).best).toBeUndefined();
    const report = join(at("limited"), "report.json");
    const compared = await runCli(["tune", "compare", report, report, "--fail-below", "0.9"]);
    expect(compared.code).toBe(64);
    expect(compared.stderr).toContain("has no best setting");
    await writeFile(report, "{");
    const damaged = await tune("limited", "--minutes", "0.1");
    expect(damaged.code).toBe(64);
    expect(damaged.stderr).toContain("replace it with --fresh");
  });
});

describe("what cannot be measured", () => {
  it.each([
    [["tune"], "no input is named"],
    [["tune", "nowhere.cbz"], "nowhere.cbz"],
    [["tune", "a.cbz", "--synthetic", "800x600"], "leave one of them out"],
    [["tune", "--synthetic", "8x8"], "--synthetic: must be WIDTHxHEIGHT"],
    [["tune", "a.cbz", "--goal", "beauty"], '--goal: must be "throughput" or "latency" or "memory", not "beauty"'],
    [["tune", "a.cbz", "--limit", "memory=lots"], '"memory=lots" is none'],
    [["tune", "a.cbz", "--minutes", "0"], "--minutes: must be more than 0"],
    [["tune", "compare", "none.json", "none.json"], "none.json cannot be read"],
    [["bench", "--rounds", "0"], "--rounds"],
    [["bench", "decode", "--reference-dir", "colour"], "--reference-dir is given without --input"],
  ])("%j is refused: %s", async (args, text) => {
    const { code, stderr } = await runCli([
      ...args,
      ...(args[0] === "tune" && args[1] !== "compare" ? ["--out", at("no")] : []),
    ]);
    expect(stderr).toContain(text);
    expect([1, 64]).toContain(code);
  });

  it("is said before anything is measured where the folder cannot be written", async () => {
    await writeFile(at("file"), "");
    const { code, stderr } = await tune("file/tune");
    expect(stderr).toContain("ERR_OUTPUT_WRITE");
    expect([1, 75]).toContain(code);
  });
});

describe("bench", () => {
  it("gives ratios of scenarios to their floors", async () => {
    const { code, stdout } = await runCli([
      "bench",
      "decode",
      "archive",
      "run",
      "--rounds",
      "2",
      "--model",
      SMALL_MODEL,
      "--json",
      "--input",
      at("chapter"),
    ]);
    expect(code).toBe(0);
    const lines = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { scenario: string; ratio: { value: number } });
    expect(lines.map(({ scenario }) => scenario)).toEqual(["decode", "archive", "run"]);
    for (const { ratio } of lines) expect(ratio.value).toBeGreaterThan(0);
  });
});
