// Commands that colour pages again: their flags for single settings, what a page that fails leaves behind, and what is
// said when there was nothing to colour.
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { findRun } from "../../src/core/journal/find-run.js";
import { colourPage, linePage, writeFolder } from "../support/chapter.js";
import { runCli } from "../support/cli.js";
import { SMALL_MODEL } from "../support/shared-models.js";

vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 }); // many runs in processes of their own

let root: string;
const at = (name: string): string => join(root, name);
const colorize = (input: string, ...flags: string[]): ReturnType<typeof runCli> =>
  runCli(["colorize", at(input), "--reference-dir", at("refs"), "--model", SMALL_MODEL, "--steps", "1", ...flags]);
const changed = async (output: string) => (await findRun(at(output))).history.adjustments;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-rerun-"));
  await writeFolder(at("in"), { "001.png": await linePage(1), "002.png": await linePage(2) });
  await writeFolder(at("refs"), { "r.jpg": await colourPage(1) });
});
afterAll(() => rm(root, { recursive: true, force: true }));

describe("--fill, --ink and --style", () => {
  it("of redo are settings of its pages", async () => {
    expect(await colorize("in", "--output-dir", at("redo"))).toMatchObject({ code: 0 });
    const own = { style: "line", ink: "model", fill: "model" };
    const flags = Object.entries(own).flatMap(([key, value]) => [`--${key}`, value]);
    expect(await runCli(["redo", at("redo"), "001", "--set", "ink=page", ...flags])).toMatchObject({ code: 0 });
    expect(await changed("redo")).toEqual({ all: {}, pages: { "001.png": own } });
    const wrong = await runCli(["redo", at("redo"), "001", "--fill", "none", "--ink", "blue"]);
    expect(wrong).toMatchObject({ code: 64, stderr: expect.stringMatching(/--fill.*flat.*model/) as string });
    expect(wrong.stderr).toMatch(/--ink.*page.*model/);
  });

  it("of retry are settings of the failed pages", async () => {
    await writeFolder(at("broken"), { "001.png": await linePage(1), "002.png": Buffer.from("no picture") });
    expect(await colorize("broken", "--output-dir", at("retry"))).toMatchObject({ code: 2 });
    await writeFile(at("broken/002.png"), await linePage(2));
    expect(await runCli(["retry", at("retry"), "--failed", "--fill", "model"])).toMatchObject({ code: 0 });
    expect(await changed("retry")).toEqual({ all: {}, pages: { "002.png": { fill: "model" } } });
  });

  it("of reject are settings of the next preview and of all pages", async () => {
    expect(await colorize("in", "--preview", "--output-dir", at("reject"))).toMatchObject({ code: 3 });
    expect(await runCli(["reject", at("reject"), "--ink", "model", "--seed", "4"])).toMatchObject({ code: 64 });
    expect(await runCli(["reject", at("reject"), "--ink", "model"])).toMatchObject({ code: 3 });
    expect((await changed("reject")).all).toMatchObject({ ink: "model" });
  });
});

it("a page that fails in redo leaves the archive byte for byte, and no work folder; what to do is said", async () => {
  const output = at("redo.cbz");
  expect(await colorize("in", "--output-zip", output)).toMatchObject({ code: 0 });
  const before = await readFile(output);
  await writeFile(at("tall.png"), await tallPicture());
  const redo = ["redo", output, "001", "--model", SMALL_MODEL];
  const { code, stderr } = await runCli([...redo, "--hint", "9999,9999=#c03028"]);
  expect([code, stderr]).toEqual([
    2,
    expect.stringMatching(/\[ERR_HINTS\][^]*no page was coloured again; .* as it was/),
  ]);
  expect(stderr).toContain("correct --hint and run redo again");
  const json = await runCli([...redo, "--hints", at("tall.png"), "--json"]);
  const remedies = json.stdout.match(/correct the picture of --hints and run redo again/g);
  expect(remedies).toHaveLength(2); // of the page, and in the summary
  expect(before.equals(await readFile(output))).toBe(true);
  expect((await readdir(root)).filter((name) => name.startsWith("redo.cbz") || name.startsWith(".cobra"))).toEqual([
    "redo.cbz",
  ]);
});

it("a chapter that is in colour already is counted as such", async () => {
  await writeFolder(at("coloured"), { "001.jpg": await colourPage(3), "002.jpg": await colourPage(4) });
  const { code, stderr, stdout } = await colorize("coloured", "--output-dir", at("carried"));
  expect([code, stderr]).toEqual([0, expect.stringMatching(/^0 coloured, 2 already in colour in /m)]);
  expect(stdout).toBe(`${at("carried")}\n`);
  const json = await colorize("coloured", "--output-dir", at("carried-json"), "--json");
  expect(JSON.parse(json.stdout.trim().split("\n").at(-1)!)).toMatchObject({
    type: "batch-completed",
    total: 0,
    completed: 0,
    failed: 0,
    inColor: 2,
  });
});

/** Strokes in another shape than the pages have. */
async function tallPicture(): Promise<Buffer> {
  const stroke = {
    input: { create: { width: 4, height: 4, channels: 4 as const, background: "#c03028" } },
    left: 1,
    top: 1,
  };
  const background = { r: 0, g: 0, b: 0, alpha: 0 };
  return sharp({ create: { width: 20, height: 200, channels: 4, background } })
    .composite([stroke])
    .png()
    .toBuffer();
}
