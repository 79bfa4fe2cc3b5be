// `--layers png` through the command: a folder of layers beside each picture, in folders and archives, whole after any
// kill, done again and redone in its place.
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openPageSource } from "../../src/io/open-source.js";
import { LAYER_NAMES } from "../../src/io/names/output-names.js";
import { colourPage, linePage, writeFolder } from "../support/chapter.js";
import { runCli } from "../support/cli.js";
import { SMALL_MODEL } from "../support/shared-models.js";

let root: string;
let out: string;
let runs = 0;
const at = (name: string): string => join(root, name);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-layers-"));
  await writeFolder(at("refs"), { "x.jpg": await colourPage(1) });
  await writeFolder(at("in"), { "1.png": await linePage(1), "2.png": await linePage(2) });
});
beforeEach(() => {
  out = at(`out-${++runs}`);
});
afterAll(() => rm(root, { recursive: true, force: true }));

const flags = (...more: string[]): string[] => [
  "colorize",
  at("in"),
  "--reference-dir",
  at("refs"),
  "--model",
  SMALL_MODEL,
  "--steps",
  "1",
  "--layers",
  "png",
  "--json",
  ...more,
];
const colorize = (...more: string[]): ReturnType<typeof runCli> => runCli(flags(...more));
/** Puts the output of the undisturbed run, which the first test makes, into a folder of a test's own. */
const copyUndisturbed = (): Promise<void> => cp(at("undisturbed"), out, { recursive: true, preserveTimestamps: true });
const ALL = ["1", "2"].flatMap((page) => [
  `${page}_colorized.png`,
  ...LAYER_NAMES.map((layer) => `${page}_colorized_layers/${layer}`),
]);

/** All files of an output, and their contents. */
async function files(folder = out): Promise<Map<string, Buffer>> {
  const names = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
  const pictures = names
    .filter((name) => !name.startsWith(".cobra-batch") && name !== "processing_metadata.json")
    .sort();
  return new Map(await Promise.all(pictures.map(async (name) => [name, await readFile(join(folder, name))] as const)));
}

const changed = (a: Map<string, Buffer>, b: Map<string, Buffer>): string[] =>
  [...b.keys()].filter((name) => !a.get(name)?.equals(b.get(name)!));

describe("--layers png into a folder", () => {
  it("writes them beside the pictures, tells where they are, and does nothing twice", async () => {
    out = at("undisturbed");
    const { code, stdout, stderr } = await colorize("--output-dir", out);
    expect(code, stderr).toBe(0);
    const first = await files();
    expect([...first.keys()]).toEqual(ALL);
    const told = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { type: string; layers?: string[] })
      .filter(({ type }) => type === "page-completed")
      .flatMap(({ layers }) => layers);
    expect(told).toEqual(ALL.filter((name) => name.includes("/")).map((name) => join(out, name)));
    const again = await colorize("--output-dir", out);
    expect(again.stdout).toContain('"kept":true');
    expect(changed(first, await files())).toEqual([]);
  }, 120_000);

  it("does a page again, in its place, whose layers a kill or a person has left incomplete", async () => {
    await copyUndisturbed();
    const first = await files();
    await unlink(join(out, "1_colorized_layers/2_color.png"));
    expect((await colorize("--output-dir", out)).code).toBe(0);
    expect(changed(first, await files())).toEqual([]);
    expect([...(await files()).keys()]).toEqual(ALL);
    // Killed after the layers and before the picture got its name.
    await unlink(join(out, "2_colorized.png"));
    await unlink(join(out, "2_colorized_layers/3_ink.png"));
    expect((await colorize("--output-dir", out)).code).toBe(0);
    expect([...(await files()).keys()]).toEqual(ALL);
    expect(changed(first, await files())).toEqual([]);
  }, 120_000);

  it("leaves somebody else's folder alone", async () => {
    await mkdir(join(out, "1_colorized_layers"), { recursive: true });
    await writeFile(join(out, "1_colorized_layers/2_color.png"), "mine");
    expect((await colorize("--output-dir", out)).code).toBe(0);
    const found = await files();
    expect(found.get("1_colorized_layers/2_color.png")!.toString()).toBe("mine");
    expect([...found.keys()]).toEqual(
      expect.arrayContaining(["1_colorized_1.png", "1_colorized_1_layers/2_color.png"]),
    );
    expect((await colorize("--output-dir", out)).stdout.match(/"kept":true/g)).toHaveLength(2);
  }, 120_000);

  it("is whole after kill -9 at any moment", async () => {
    for (const event of ["page-started", "page-stage", "page-completed"]) {
      const folder = at(`killed-${event}`);
      await runCli(flags("--output-dir", folder), (child, stdout) => {
        if (stdout.includes(`"${event}"`)) child.kill("SIGKILL");
      }).catch(() => undefined);
      expect((await colorize("--output-dir", folder)).code).toBe(0);
      expect(changed(await files(at("undisturbed")), await files(folder))).toEqual([]);
      expect([...(await files(folder)).keys()]).toEqual(ALL);
    }
  }, 240_000);

  it("redo replaces one page with its layers and nothing else", async () => {
    await rename(at("undisturbed"), out); // a copy is not trusted like a run's own output
    const first = await files();
    expect((await runCli(["redo", out, "2.png", "--seed", "9"])).code).toBe(0);
    const second = await files();
    expect([...second.keys()]).toEqual(ALL);
    expect(changed(first, second)).toEqual(
      expect.arrayContaining(["2_colorized.png", "2_colorized_layers/2_color.png"]),
    );
    expect(changed(first, second).every((name) => name.startsWith("2_"))).toBe(true);
  }, 120_000);
});

describe("--layers png into an archive", () => {
  it("has each page's layers behind it, and redo keeps the others byte for byte", async () => {
    const archive = `${out}.cbz`;
    expect((await colorize("--output-zip", archive)).code).toBe(0);
    const entries = async (): Promise<Map<string, Buffer>> => {
      const source = await openPageSource(archive);
      const found = new Map<string, Buffer>();
      for (const entry of source.entries())
        if (entry.name !== "processing_metadata.json") found.set(entry.name, Buffer.from(await entry.read()));
      await source.close();
      return found;
    };
    const first = await entries();
    expect([...first.keys()].sort()).toEqual(ALL);
    expect((await runCli(["redo", archive, "1.png", "--seed", "9", "--model", SMALL_MODEL])).code).toBe(0);
    const second = await entries();
    expect([...second.keys()].sort()).toEqual(ALL);
    expect(changed(first, second)).toContain("1_colorized_layers/2_color.png");
    expect(changed(first, second).every((name) => name.startsWith("1_"))).toBe(true);
  }, 120_000);
});

describe("--layers psd into an archive", () => {
  it("is known as the run's own: the same command does nothing, and redo replaces one page", async () => {
    const archive = `${out}.cbz`;
    const run = ["colorize", at("in"), "--reference-dir", at("refs"), "--model", SMALL_MODEL, "--steps", "1"];
    const colorizeToPsd = (): ReturnType<typeof runCli> =>
      runCli([...run, "--layers", "psd", "--json", "--output-zip", archive]);
    expect((await colorizeToPsd()).code).toBe(0);
    const first = await readFile(archive);
    const again = await colorizeToPsd();
    expect(again.stdout.match(/"kept":true/g)).toHaveLength(2);
    expect((await readFile(archive)).equals(first)).toBe(true);
    const redone = await runCli(["redo", archive, "1.png", "--seed", "9", "--model", SMALL_MODEL]);
    expect(redone.code, redone.stderr).toBe(0);
    expect((await readFile(archive)).equals(first)).toBe(false);
    expect((await readdir(root)).filter((name) => name.startsWith(basename(out)))).toEqual([basename(archive)]);
  }, 120_000);
});
