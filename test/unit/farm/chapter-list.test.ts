// Several chapters in one command: lists, twins, and where each result goes.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { chapterOutput, listChapters } from "../../../src/ui/cli/actions/chapter-list.js";
import { gatherSettings } from "../../../src/ui/cli/actions/gather-settings.js";
import { worstExitCode } from "../../../src/ui/cli/output/exit-codes.js";
import type { ColorizeFlags } from "../../../src/ui/cli/commands/colorize-command.js";

let root: string;
const at = (name: string): string => join(root, name);
const flags = (more: object = {}): ColorizeFlags => ({ drain: 10, ...more }) as ColorizeFlags;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-chapters-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

it("takes arguments, then the lines of a list, in their order", async () => {
  await writeFile(at("list.txt"), `b.cbz\r\n\n  \n#c.cbz\n`);
  expect(await listChapters(["a.cbz"], flags({ fromFile: at("list.txt") }))).toEqual(["a.cbz", "b.cbz", "#c.cbz"]);
  await expect(listChapters([], flags({ fromFile: at("none.txt") }))).rejects.toThrow(/none.txt/);
  await writeFile(at("windows.txt"), "\uFEFFa.cbz\r\nb.cbz\r\n");
  expect(await listChapters([], flags({ fromFile: at("windows.txt") }))).toEqual(["a.cbz", "b.cbz"]);
  await writeFile(at("utf16.txt"), Buffer.from("\uFEFFa.cbz\n", "utf16le"));
  await expect(listChapters([], flags({ fromFile: at("utf16.txt") }))).rejects.toMatchObject({
    remedy: "save it as UTF-8, one path a line",
  });
  await writeFile(at("empty.txt"), "\n");
  await expect(listChapters([], flags({ fromFile: at("empty.txt") }))).rejects.toThrow(/lists no chapter/);
});

it("refuses a chapter that is named twice, and results of one name in one folder", async () => {
  await expect(listChapters(["a.cbz", "./a.cbz"], flags())).rejects.toThrow(/named twice/);
  await expect(listChapters(["x/a.cbz", "y/a.cbz"], flags({ outputDir: "out" }))).rejects.toThrow(
    /y\/a.cbz and another/,
  );
  expect(await listChapters(["x/a.cbz", "y/a.cbz"], flags())).toHaveLength(2);
});

it("puts each result into the folder that was named, else beside its chapter", async () => {
  const settings = async (input: string, more: object, env = {}) =>
    chapterOutput(input, await gatherSettings(input, flags(more), env));
  expect(await settings(at("a.cbz"), { outputDir: "out" })).toMatchObject({
    outputZip: join("out", "a_colorized.cbz"),
  });
  expect(await settings(at("a.cbz"), {}, { COBRA_OUTPUT_DIR: "out" })).toMatchObject({
    outputZip: join("out", "a_colorized.cbz"),
  });
  expect(await settings(root, { outputDir: "out" })).toMatchObject({ inputDir: root });
  expect(await settings(at("a.cbz"), {})).toMatchObject({ outputZip: at("a_colorized.cbz") });
  await expect(settings("a.cbz", { outputZip: "x.cbz" })).rejects.toThrow(
    /--output-zip names the result of one chapter/,
  );
});

it("ends with the worst exit code", () => {
  expect([worstExitCode([]), worstExitCode([0, 3, 0]), worstExitCode([2, 75, 0]), worstExitCode([75, 1, 2])]).toEqual([
    0, 3, 75, 1,
  ]);
});
