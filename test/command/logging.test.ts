// Logging in processes of their own: what the command logs of a batch, lines of workers, and ends without a warning.
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runFixture } from "../support/child.js";
import { runCli } from "../support/cli.js";
import { writeChapter } from "../support/chapter.js";
import { TINY_MODEL } from "../support/shared-models.js";

let folder: string;
const at = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cobra-e2e-log-"));
  await writeChapter(at("chapter.cbz"), 3, { "p9.png": Buffer.from("no picture") });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

type Line = Record<string, unknown> & { msg: string };
const linesOf = async (path: string): Promise<Line[]> =>
  (await readFile(path, "utf8"))
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line);
const colorize = (out: string, ...flags: string[]): ReturnType<typeof runCli> =>
  runCli([
    "colorize",
    at("chapter.cbz"),
    "--output-dir",
    at(out),
    "--model",
    TINY_MODEL,
    "--steps",
    "2",
    "--max-concurrent",
    "3",
    ...flags,
  ]);

describe("cobra-batch colorize", () => {
  it("logs at INFO what an operator wants to know, one job id on every line and the page's name on those of a page", async () => {
    const { code, stderr } = await colorize("info", "--log-dir", at("logs"));
    expect(code).toBe(2);
    expect(stderr).not.toContain('"level"');
    const [name] = await readdir(at("logs"));
    expect(name).toMatch(/^batch_processing_\d{8}_\d{6}\.log$/u);
    const lines = await linesOf(join(at("logs"), name!));
    const one = (msg: string): Line => lines.find((line) => line.msg.startsWith(msg))!;
    expect(one("model opened")).toMatchObject({
      level: "INFO",
      component: "engine",
      model: expect.stringContaining("cobra-tiny"),
      provider: "cpu",
    });
    const job = one("batch started")["job"];
    expect(job).toMatch(/^[0-9a-f-]{36}$/u);
    expect(one("batch started")).toMatchObject({
      pages: 4,
      references: ["ref_a.jpg", "ref_b.jpg"],
      model: expect.stringContaining("cobra-tiny"),
      provider: "cpu",
      output: at("info"),
    });
    const done = lines.filter((line) => line.msg === "page done");
    expect(done.map((line) => line["page"])).toEqual(["p1.png", "p2.png", "p3.png"]);
    for (const line of done)
      expect(line).toMatchObject({
        job,
        output: expect.stringContaining("_colorized.png"),
        ms: expect.any(Number),
        stageMs: { lines: expect.any(Number), denoise: expect.any(Number), ink: expect.any(Number) },
      });
    expect(one("page failed")).toMatchObject({
      level: "ERROR",
      job,
      page: "p9.png",
      code: "ERR_IMAGE_DECODE",
      remedy: expect.any(String),
    });
    expect(one("batch finished")).toMatchObject({ job, total: 4, completed: 3, failed: 1, ms: expect.any(Number) });
    expect(lines.some((line) => line["level"] === "DEBUG")).toBe(false);
  });

  it("logs the work of worker threads and networks at DEBUG, each line with its page, with several pages in flight", async () => {
    await colorize("debug", "--log-file", at("debug.log"), "--log-level", "debug", "--quiet", "--max-batch", "1");
    const lines = await linesOf(at("debug.log"));
    const ofPage = (page: string, msg: string): unknown[] =>
      lines.filter((line) => line["page"] === page && line.msg === msg).map((line) => line["task"] ?? line["graph"]);
    for (const page of ["p1.png", "p2.png", "p3.png"]) {
      // References and noise are shared; whoever came first asked for them.
      const shared = ["prepareReference", "signedPlanes", "seededNoise"];
      const own = ofPage(page, "task done").filter((task) => !shared.includes(task as string));
      expect(own).toEqual([
        "decode",
        "preparePage",
        "prepareConditions",
        "prepareDecoded",
        "finishPicture",
        "composeInk",
        "encode",
      ]);
      expect(ofPage(page, "network run").filter((graph) => graph === "denoiser")).toHaveLength(2);
    }
  });

  it("logs to standard error with --verbose, and not with --quiet", async () => {
    const loud = await colorize("loud", "--verbose");
    expect(loud.stderr).toContain('"msg":"batch finished"');
    const quiet = await colorize("quiet", "--verbose", "--quiet", "--log-file", at("quiet.log"));
    expect(quiet.stderr).not.toContain('"msg"');
    expect((await linesOf(at("quiet.log"))).map((line) => line.msg)).toContain("batch finished");
  });

  it("says which log file cannot be opened, and refuses an unknown level", async () => {
    const { code, stderr } = await colorize("none", "--log-file", join(at("chapter.cbz"), "x.log"));
    expect(code).toBe(1);
    expect(stderr).toMatch(/log file .*x\.log cannot be opened.*\[ERR_OUTPUT_WRITE\]/u);
    expect(await colorize("none", "--log-level", "loud")).toMatchObject({
      code: 64,
      stderr: expect.stringContaining('"DEBUG" or "INFO" or "WARNING" or "ERROR" or "CRITICAL", not "loud"'),
    });
  });
});

describe("a process", () => {
  it("writes nothing to the console by importing the package", async () => {
    expect(await runFixture("e2e/fixtures/log-and-end.mjs", { args: ["none"] })).toEqual({
      code: 0,
      signal: null,
      stdout: "",
      stderr: "",
    });
  });

  it.each(["exit", "kill", "throw"])("loses no line when it ends by %s", async (how) => {
    const path = at(`${how}.log`);
    await runFixture("e2e/fixtures/log-and-end.mjs", { args: [how, path] });
    const lines = await linesOf(path);
    expect(lines).toHaveLength(500);
    expect(lines.at(-1)).toMatchObject({ line: 499, page: "p499" });
  });
});
