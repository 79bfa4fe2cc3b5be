// The embedded model and what it ignores: seed, steps and, with few references, top-k. The command says so, offers what
// does change pictures, and refuses what would give the same picture again.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, it } from "vitest";
import { colourPage, linePage, writeFolder } from "../support/chapter.js";
import { runCli } from "../support/cli.js";

let root: string;
const at = (name: string): string => join(root, name);
const colorize = (output: string, ...flags: string[]): ReturnType<typeof runCli> =>
  runCli([
    "colorize",
    at("pages"),
    "--reference-dir",
    at("colour"),
    "--output-dir",
    at(output),
    "--recursive",
    ...flags,
  ]);
const pictures = (output: string): Promise<Buffer[]> =>
  Promise.all(["001_colorized.png", "\u00e9_colorized.png"].map((name) => readFile(join(at(output), name))));

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-stand-in-"));
  await writeFolder(at("pages"), { "001.png": await linePage(1), "e\u0301.png": await linePage(4) });
  await writeFolder(at("colour"), { "inside/ref.jpg": await colourPage(1) }); // found with --recursive alone
});

afterAll(() => rm(root, { recursive: true, force: true }));

it("gives the same pictures whatever seed, steps and top-k are, and warns of each", { timeout: 120_000 }, async () => {
  const plain = await colorize("plain");
  expect(plain).toMatchObject({ code: 0, stderr: expect.not.stringContaining("changes nothing") as string });
  expect(plain.stderr).toMatch(/to colour a page again: node \S+main\.js redo \S+plain '?[^ ]+'? --set fill=model\n/);
  const other = await colorize("other", "--seed", "5", "--steps", "40", "--top-k", "9");
  expect(other.stderr.match(/warning: .*/g)).toEqual([
    "warning: --seed changes nothing: this model gives the same picture for every seed",
    "warning: --steps changes nothing: this model takes a single step",
    "warning: --top-k changes nothing: this model takes every reference as a whole (unless there are more than 4 x top-k references)",
  ]);
  expect(await pictures("other")).toEqual(await pictures("plain"));
});

it("refuses to do again what would be the same, before anything is noted, and says what helps", async () => {
  const before = await readFile(join(at("plain"), ".cobra-batch/journal.ndjson"));
  const [first] = await pictures("plain");
  for (const flags of [[], ["--seed", "7"], ["--set", "steps=20", "--set", "seed=7"]]) {
    const { code, stderr } = await runCli(["redo", at("plain"), "001", ...flags]);
    expect([code, stderr]).toEqual([
      64,
      expect.stringMatching(/^error: nothing would change: .*--hint .*\[ERR_CONFIG\]/),
    ]);
  }
  expect(await readFile(join(at("plain"), ".cobra-batch/journal.ndjson"))).toEqual(before);
  expect((await pictures("plain"))[0]).toEqual(first);
  const preview = await colorize("preview", "--preview", "--preview-seeds", "4");
  expect(preview).toMatchObject({ code: 64, stderr: expect.stringContaining("the same picture 4 times") as string });
});

it(
  "does a page again with a hint, which changes it; a hint on a line gets a warning",
  { timeout: 120_000 },
  async () => {
    const [before, neighbour] = await pictures("plain");
    // The centre of the page's circle, then a point of its outline.
    const hinted = await runCli(["redo", at("plain"), "001", "--hint", "80,90=#c03028", "--hint", "120,90=#2030c0"]);
    expect(hinted.stderr).toMatch(/warning: the hint at 120,90 lies on a line.*nearest clear place is 1\d\d,\d+\n/);
    expect(hinted.stderr.match(/lies on a line/g)).toHaveLength(1);
    expect(hinted.code).toBe(0);
    const [after, kept] = await pictures("plain");
    expect(after).not.toEqual(before);
    expect(kept).toEqual(neighbour);
    // What is offered then is not what the page has by now, nor what its entry of the configuration file says.
    const again = await runCli(["redo", at("plain"), "é.png", "--set", "fill=model"]);
    expect([again.code, again.stderr]).toEqual([0, expect.stringMatching(/colour a page again: .* --set fill=flat\n/)]);
    const refused = await runCli(["redo", at("plain"), "é.png"]);
    expect(refused.stderr).toMatch(/nothing would change: .*--set fill=flat, --set ink=model or another/);
  },
);

it("offers no setting that the configuration file gives the page", { timeout: 120_000 }, async () => {
  const file = at("cobra.json");
  for (const [images, offer] of [
    [{ "*.png": { fill: "model" } }, "fill=flat"],
    [{ "*.png": { ink: "model" } }, "ink=page"],
  ] as const) {
    await writeFile(file, JSON.stringify({ images }));
    const { code, stderr } = await colorize(`own-${offer}`, "--config", file);
    expect([code, stderr]).toEqual([0, expect.stringContaining(` --set ${offer}\n`)]);
  }
});

it("warns of a stroke that lies on a line alone", { timeout: 120_000 }, async () => {
  const { width, height } = await sharp(await linePage(1)).metadata();
  const marks = new Uint8Array(width * height * 4);
  for (const x of [119, 120]) marks.set([192, 48, 40, 255], (90 * width + x) * 4); // the circle's outline
  await sharp(marks, { raw: { width, height, channels: 4 } })
    .png()
    .toFile(at("strokes.png"));
  const { code, stderr } = await runCli(["redo", at("own-fill=flat"), "001", "--hints", at("strokes.png")]);
  expect([code, stderr]).toEqual([
    0,
    expect.stringMatching(/warning: the stroke at 1\d\d,90 lies on a line, so it colours/),
  ]);
});

it(
  "colours with hints from the start, and warns of one for a page that is not there",
  { timeout: 120_000 },
  async () => {
    const { code, stderr } = await colorize("hinted", "--hint", "001.png:80,90=#c03028", "--hint", "002.png:1,1=#fff");
    expect([code, stderr]).toEqual([
      0,
      expect.stringContaining('the hint for "002.png" matches no picture of the input'),
    ]);
    const [plain, hinted] = [await pictures("other"), await pictures("hinted")];
    expect([hinted[0]!.equals(plain[0]!), hinted[1]!.equals(plain[1]!)]).toEqual([false, true]);
  },
);
