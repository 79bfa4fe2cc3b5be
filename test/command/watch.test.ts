// `watch` as people and programs see it: what it watches, a line for each chapter, each failure once.
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Lease } from "../../src/core/journal/lease.js";
import { writeZip } from "../support/archives.js";
import { colourPage, linePage, writeChapter } from "../support/chapter.js";
import { runCli, type CliResult } from "../support/cli.js";
import { SMALL_MODEL } from "../support/shared-models.js";

let root: string;
const at = (...names: string[]): string => join(root, ...names);
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-watch-"));
  await mkdir(at("in"));
  await writeFile(at("in/broken.cbz"), "no archive");
  await writeChapter(at("in/chapter.cbz"), 1); // after the other one
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** Watches until standard output has this text. */
function watched(until: string, ...args: string[]): Promise<CliResult> {
  return watchedWith(() => {}, until, ...args);
}

/** @param seen called with standard output as it grows */
function watchedWith(seen: (stdout: string) => void, until: string, ...args: string[]): Promise<CliResult> {
  const flags = ["--model", SMALL_MODEL, "--threads", "1", "--steps", "1", "--top-k", "1", "--every", "0.05"];
  let isStopped = false;
  return runCli(
    ["watch", at("in"), "--output-dir", at("out"), "--quiet-for", "0", ...flags, ...args],
    (child, stdout) => {
      seen(stdout);
      if (isStopped || !stdout.includes(until)) return;
      isStopped = true;
      child.kill("SIGTERM");
    },
  );
}

function linesOf(stdout: string): { type: string; reason?: string; message?: string }[] {
  return stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { type: string });
}

it("says what it watches and where results go, a line for each chapter, and each failure once", async () => {
  const { code, stdout, stderr } = await watched("chapter.cbz", "--done", at("done"), "--failed", at("failed"));
  expect(code).toBe(143);
  expect(stdout).toMatch(/^chapter\.cbz: 1 of 1 page in \S+( \S+)* -> \S+\n$/);
  const [first, ...more] = stderr.split("\n");
  expect(first).toBe(
    `watching ${at("in")} every 0.05 s, results go to ${at("out")}, chapters that are done to ${at("done")}, chapters with failed pages to ${at("failed")}`,
  );
  expect(more.filter((line) => line.includes("broken.cbz"))).toEqual([
    expect.stringMatching(/^broken\.cbz: failed: .* \[ERR_ZIP_FORMAT\]$/),
  ]);
  expect(await readdir(at("failed"))).toEqual(["broken.cbz"]);
});

it("tells programs the same", async () => {
  const { stdout, stderr } = await watched('"batch-completed"', "--json");
  const lines = linesOf(stdout);
  expect(lines[0]).toMatchObject({ type: "watching", folder: at("in"), output: at("out") });
  expect(lines.filter(({ type }) => type === "chapter-failed")).toMatchObject([
    { input: at("in/broken.cbz"), code: "ERR_ZIP_FORMAT" },
  ]);
  expect(lines.filter(({ type }) => type === "fatal")).toEqual([]);
  expect(stderr).not.toContain("broken.cbz");
});

it("is silent about its start with --quiet", async () => {
  const { stderr } = await watched("chapter.cbz", "--quiet");
  expect(stderr).not.toContain("watching");
});

it("tries a chapter again by itself whose output another run held", async () => {
  const work = at("out/chapter_colorized.cbz.cobra-batch");
  await mkdir(work, { recursive: true });
  const lease = await Lease.acquire(join(work, "lease"), "the output");
  let released: Promise<void> | undefined;
  const seen = (stdout: string): void => {
    if (stdout.includes('"later"')) released ??= lease.release();
  };
  const { stdout } = await watchedWith(seen, '"batch-completed"', "--json", "--done", at("done"));
  await released;
  const told = linesOf(stdout).filter(({ type }) => type === "chapter-failed" || type === "chapter-stays");
  expect(told).toMatchObject([
    { code: "ERR_ZIP_FORMAT" },
    { code: "ERR_OUTPUT_LOCKED" },
    { reason: "later", message: "stays and is tried again in 0.8 s" },
  ]);
  expect(await readdir(at("done"))).toEqual(["chapter.cbz"]);
});

it("leaves a chapter whose preview waits where approving finds it", async () => {
  await writeChapter(at("in/chapter.cbz"), 2);
  const { stdout } = await watched('"preview",', "--json", "--preview", "--done", at("done"), "--failed", at("failed"));
  expect(linesOf(stdout).at(-1)).toMatchObject({ type: "chapter-stays", reason: "preview" });
  expect([await readdir(at("in")), await readdir(at("failed")), await readdir(at("done"))]).toEqual([
    ["chapter.cbz"],
    ["broken.cbz"],
    [],
  ]);
  const { code } = await runCli(["approve", at("out/chapter_colorized.cbz"), "--model", SMALL_MODEL]);
  expect(code).toBe(0);
});

it("moves a chapter by itself once its preview was approved", async () => {
  await rm(at("in/broken.cbz"));
  await writeChapter(at("in/chapter.cbz"), 2);
  let approved: Promise<CliResult> | undefined;
  const seen = (stdout: string): void => {
    if (stdout.includes('"preview",'))
      approved ??= runCli(["approve", at("out/chapter_colorized.cbz"), "--model", SMALL_MODEL]);
  };
  const { stdout } = await watchedWith(seen, '"batch-completed"', "--json", "--preview", "--done", at("done"));
  expect(await approved).toMatchObject({ code: 0 });
  expect(linesOf(stdout).filter(({ reason }) => reason === "preview")).toHaveLength(1);
  expect([await readdir(at("in")), await readdir(at("done"))]).toEqual([[], ["chapter.cbz"]]);
});

it("shows another chapter that takes a name whose preview waits, with an output of its own", async () => {
  await rm(at("in/broken.cbz"));
  await writeChapter(at("in/chapter.cbz"), 2);
  let replaced: Promise<string> | undefined;
  const seen = (stdout: string): void => {
    if (!stdout.includes('"preview",')) return;
    const other = async (): Promise<string> =>
      writeZip(at("in/chapter.cbz"), { "9.png": await linePage(9), "ref_a.jpg": await colourPage(1) });
    replaced ??= other();
  };
  const { stdout } = await watchedWith(seen, "chapter_1_colorized.cbz.cobra-batch", "--json", "--preview");
  await replaced;
  const outputs = (await readdir(at("out"))).filter((name) => name.startsWith("chapter_1"));
  expect(outputs).toEqual(["chapter_1_colorized.cbz.cobra-batch"]);
  expect(stdout).toContain("chapter_colorized.cbz holds results of another chapter of this name");
  const { code, stderr } = await runCli(["approve", at("out/chapter_colorized.cbz"), "--model", SMALL_MODEL]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/changed or gone from the input since the preview/);
});
