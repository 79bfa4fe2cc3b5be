// Results of earlier runs inside an input, in however many folders.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { findResults } from "../../../../src/core/input/earlier-results.js";
import type { PageSource, SourceEntry } from "../../../../src/io/page-source.js";

/** A source of files; `looks` counts how often any of their names is asked for. */
function sourceOf(files: Readonly<Record<string, string>>): { source: PageSource; looks: () => number } {
  let looks = 0;
  const entries = Object.entries(files).map(([name, text]): SourceEntry => {
    const bytes = new TextEncoder().encode(text);
    return {
      get name() {
        looks++;
        return name;
      },
      kind: name.endsWith(".png") ? "image" : "other",
      format: undefined,
      sizeBytes: bytes.byteLength,
      read: async () => bytes,
    };
  });
  return {
    source: { path: "in", entries: () => entries, faults: [], close: async () => {} },
    looks: () => looks,
  };
}

const METADATA = JSON.stringify({ cobra_version: "1.0.0", pages: [] });

describe("results of earlier runs", () => {
  it("are the folders with metadata of this program, and all below them; the input's own folder is none", async () => {
    const { source } = sourceOf({
      "processing_metadata.json": METADATA,
      "1.png": "",
      "a/b/processing_metadata.json": METADATA,
      "a/b/1.png": "",
      "a/b/c/2.png": "",
      "a/bc/3.png": "",
      "other/processing_metadata.json": "{}",
      "other/4.png": "",
      "deep/processing_metadata.json": "[".repeat(100_000),
      "deep/5.png": "",
    });
    const { isInside, warnings } = await findResults(source, undefined);
    const inside = source.entries().flatMap(({ name }) => (isInside(name) ? [name] : []));
    expect(inside).toEqual(["a/b/processing_metadata.json", "a/b/1.png", "a/b/c/2.png"]);
    expect(warnings).toEqual(["a/b is the output of an earlier run; 2 pictures there were ignored"]);
  });

  it("are the work folders of archives, whatever these are called; a folder of that name alone is none", async () => {
    const folder = await mkdtemp(join(tmpdir(), "cobra-results-"));
    try {
      const files = { "mine.cobra-batch/1.png": "", "out.dat.cobra-batch/.pages/2.png": "", "3.png": "" };
      for (const name of Object.keys(files)) await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, "out.dat.cobra-batch", "journal.ndjson"), "");
      const { isInside } = await findResults(sourceOf(files).source, folder);
      expect(Object.keys(files).filter(isInside)).toEqual(["out.dat.cobra-batch/.pages/2.png"]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("say how many files they keep from being copied, those that a run itself writes aside", async () => {
    const told = async (files: readonly string[]): Promise<string[]> => {
      const all = ["1.png", "a/processing_metadata.json", "a/failures.json", ...files];
      const { source } = sourceOf(Object.fromEntries(all.map((name) => [name, METADATA])));
      return (await findResults(source, undefined)).warnings;
    };
    const kept = "a is the output of an earlier run;";
    expect(await told([])).toEqual([]);
    expect(await told(["a/notes.txt"])).toEqual([`${kept} 1 file there was ignored`]);
    expect(await told(["a/notes.txt", "a/b/c.mp4"])).toEqual([`${kept} 2 files there were ignored`]);
    expect(await told(["a/notes.txt", "a/1.png"])).toEqual([`${kept} 1 picture and 1 other file there were ignored`]);
  });

  it("are not the folder that all of an archive is in: it was packed as it is, and is the input", async () => {
    const { source } = sourceOf({ "a/b/processing_metadata.json": METADATA, "a/b/1.png": "", "a/b/c/2.png": "" });
    const packed = await findResults(source, undefined);
    expect([packed.warnings, packed.isInside("a/b/1.png")]).toEqual([[], false]);
    const onDisk = await findResults(source, "none");
    expect([onDisk.warnings.length, onDisk.isInside("a/b/1.png")]).toEqual([1, true]);
  });

  it("cost a few looks a file, however many folders there are", async () => {
    const names = Array.from({ length: 3000 }, (_, index) => `f${index}/d/x.png`);
    const { source, looks } = sourceOf(Object.fromEntries(names.map((name) => [name, ""])));
    expect((await findResults(source, undefined)).warnings).toEqual([]);
    expect(looks()).toBeLessThan(6 * names.length);
  });
});
