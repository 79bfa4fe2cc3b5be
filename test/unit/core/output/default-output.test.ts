// Where results go when no output is named.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { defaultOutput, inputOf } from "../../../../src/core/output/default-output.js";

let root: string;
const at = (name: string): string => join(root, name);
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-default-"));
  await mkdir(at("folder.cbz"));
  await writeFile(at("archive"), "");
});
afterAll(() => rm(root, { recursive: true, force: true }));

it("an input is what it is on disk, else what its name says", () => {
  expect(inputOf(at("folder.cbz"))).toEqual({ inputDir: at("folder.cbz") });
  expect(inputOf(at("archive"))).toEqual({ inputZip: at("archive") });
  for (const name of ["a.zip", "a.CBZ"]) expect(inputOf(at(name))).toEqual({ inputZip: at(name) });
  for (const name of ["a", "a.cbr", ".cbz"]) expect(inputOf(at(name))).toEqual({ inputDir: at(name) });
});

it("the output lies beside the input and is of its kind", () => {
  expect(defaultOutput({ inputDir: at("pages") })).toEqual({ outputDir: at("pages_colorized") });
  expect(defaultOutput({ inputDir: at("vol.1/") })).toEqual({ outputDir: at("vol.1_colorized") });
  expect(defaultOutput({ inputZip: at("a.cbz") })).toEqual({ outputZip: at("a_colorized.cbz") });
  expect(defaultOutput({ inputZip: at("a.ZIP") })).toEqual({ outputZip: at("a_colorized.ZIP") });
  expect(defaultOutput({ inputZip: at("a.pages") })).toEqual({ outputZip: at("a_colorized.cbz") });
});

it("a name for the archive puts it into the input's folder", () => {
  expect(defaultOutput({ inputDir: at("pages") }, "x")).toEqual({ outputZip: `${root}/` });
  expect(defaultOutput({ inputZip: at("a.cbz") }, "x")).toEqual({ outputZip: `${root}/` });
});

it("paths are absolute", () => {
  expect(defaultOutput({ inputDir: "pages" })).toEqual({ outputDir: join(process.cwd(), "pages_colorized") });
});
