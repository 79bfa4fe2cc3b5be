/** Folder and archive sinks: names, atomicity, determinism, errors; and the plan of output names. */
import { spawnSync } from "node:child_process";
import { chmod, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { colorizedName, planOutputNames } from "../../../src/io/names/output-names.js";
import { nameKey } from "../../../src/io/names/portable-names.js";
import { openArchiveSink, openFolderSink } from "../../../src/io/open-sink.js";
import type { SourceEntry } from "../../../src/io/page-source.js";
import { openPageSource } from "../../../src/io/open-source.js";
import { temporaryFolder } from "./image/pictures.js";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const entry = (name: string, text: string): SourceEntry => ({
  name,
  kind: "other",
  sizeBytes: text.length,
  read: async () => new Uint8Array(Buffer.from(text)),
});

describe("output names", () => {
  it("puts _colorized before the extension and keeps folders", () => {
    expect(["001.png", "a/b.c/002.JPG", "x.gif", "noext"].map((name) => colorizedName(name))).toEqual([
      "001_colorized.png",
      "a/b.c/002_colorized.JPG",
      "x_colorized.png",
      "noext_colorized.png",
    ]);
    expect(colorizedName("a/1.jpg", "webp")).toBe("a/1_colorized.webp");
    expect(["1.jpeg", "2.JFIF", "3.png", "4.tiff"].map((name) => colorizedName(name, "jpeg"))).toEqual([
      "1_colorized.jpeg",
      "2_colorized.JFIF",
      "3_colorized.jpg",
      "4_colorized.jpg",
    ]);
  });

  it("keeps pages of other folders apart when flat, with a plain name where nothing meets", async () => {
    expect(await planOutputNames(["a/001.png", "b/001.png", "b/002.png"], { preserveStructure: false })).toEqual([
      "a_001_colorized.png",
      "b_001_colorized.png",
      "002_colorized.png",
    ]);
    expect(await planOutputNames(["a/001.png", "b/001.png"])).toEqual(["a/001_colorized.png", "b/001_colorized.png"]);
    expect(await planOutputNames(["1.png", "1.jpg", "1.PNG"], { format: "png" })).toEqual([
      "1_colorized.png",
      "1_colorized_1.png",
      "1_colorized_2.PNG",
    ]);
  });

  it("never gives a name twice, on any system, and never one that is too long", async () => {
    const part = fc
      .string({ unit: fc.constantFrom("a", "A", "_", "1", "é", "頁", "."), minLength: 1, maxLength: 6 })
      .filter((text) => !/^\.+$/u.test(text));
    const name = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => `${parts.join("/")}.png`);
    await fc.assert(
      fc.asyncProperty(fc.array(name, { maxLength: 30 }), fc.boolean(), async (names, preserveStructure) => {
        const planned = await planOutputNames(names, { preserveStructure });
        expect(new Set(planned.map(nameKey)).size).toBe(names.length);
      }),
    );
    expect(Buffer.byteLength(colorizedName(`${"頁".repeat(300)}.png`))).toBeLessThan(255);
  });
});

describe("a folder sink", () => {
  it("mirrors folders, numbers what exists, replaces it with overwrite, and leaves no temporary files", async () => {
    const folder = join(await temporaryFolder(), "new", "out");
    const first = await openFolderSink(folder);
    expect(await first.write("a/1_colorized.png", bytes("one"))).toBe(join(folder, "a/1_colorized.png"));
    expect(await first.carry(entry("ComicInfo.xml", "<x/>"))).toBe(join(folder, "ComicInfo.xml"));
    expect(await first.finish({ created_at: "now" })).toBe(folder);
    const second = await openFolderSink(folder);
    expect(await second.write("a/1_colorized.png", bytes("two"))).toBe(join(folder, "a/1_colorized_1.png"));
    expect(await second.write("a/1_colorized.png", bytes("three"))).toBe(join(folder, "a/1_colorized_2.png"));
    const third = await openFolderSink(folder, { overwrite: true });
    expect(await third.write("a/1_colorized.png", bytes("four"))).toBe(join(folder, "a/1_colorized.png"));
    expect(await third.write("a/1_colorized.png", bytes("five"))).toBe(join(folder, "a/1_colorized_1.png"));
    expect((await readdir(folder, { recursive: true })).sort()).toEqual([
      "ComicInfo.xml",
      "a",
      "a/1_colorized.png",
      "a/1_colorized_1.png",
      "a/1_colorized_2.png",
      "processing_metadata.json",
    ]);
    expect(await readFile(join(folder, "a/1_colorized.png"), "utf8")).toBe("four");
    expect(JSON.parse(await readFile(join(folder, "processing_metadata.json"), "utf8"))).toEqual({ created_at: "now" });
  });

  it("keeps a user's metadata file, replaces its own, and replaces either with overwrite", async () => {
    const folder = await temporaryFolder();
    const path = join(folder, "processing_metadata.json");
    await writeFile(path, '{"mine": true}');
    const finish = async (pages: number, overwrite = false): Promise<void> => {
      const sink = await openFolderSink(folder, { overwrite });
      await sink.finish({ created_at: "now", cobra_version: "1", pages });
    };
    await finish(1);
    await finish(2);
    expect(await readFile(path, "utf8")).toBe('{"mine": true}');
    expect((await readdir(folder)).toSorted()).toEqual(["processing_metadata.json", "processing_metadata_1.json"]);
    expect(JSON.parse(await readFile(join(folder, "processing_metadata_1.json"), "utf8"))).toMatchObject({ pages: 2 });
    const folders = join(folder, "folders");
    await mkdir(join(folders, "processing_metadata.json"), { recursive: true });
    const beside = await openFolderSink(folders, { overwrite: true });
    await beside.finish({ cobra_version: "1" });
    expect(await readdir(folders)).toEqual(["processing_metadata.json", "processing_metadata_1.json"]);
    await finish(3, true);
    expect(JSON.parse(await readFile(path, "utf8"))).toMatchObject({ pages: 3 });
  });

  it("gives each of many overlapping writers a name of its own, two sinks on one folder included", async () => {
    const folder = await temporaryFolder();
    const sinks = await Promise.all([openFolderSink(folder), openFolderSink(folder)]);
    const paths = await Promise.all(
      Array.from({ length: 40 }, (_, i) => sinks[i % 2]!.write("1.png", bytes(String(i)))),
    );
    expect(new Set(paths).size).toBe(40);
    const contents = await Promise.all(paths.map((path) => readFile(path, "utf8")));
    expect(contents.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, i) => i));
  });

  it.each(["../x.png", "/x.png", "a/../../x.png", "a\\b.png", "", "folder/"])("refuses the name %j", async (name) => {
    const sink = await openFolderSink(await temporaryFolder());
    await expect(sink.write(name, bytes("x"))).rejects.toMatchObject({ code: "ERR_ARGUMENT" });
  });

  it("names the remedy when a file is in the way of a folder, and takes nothing after its end", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "file"), "");
    await expect(openFolderSink(join(folder, "file", "out"))).rejects.toMatchObject({
      code: "ERR_OUTPUT_WRITE",
      message: expect.stringMatching(/a file, not a folder/u),
    });
    const sink = await openFolderSink(join(folder, "out"));
    await mkdir(join(folder, "out", "1.png"));
    const replacing = await openFolderSink(join(folder, "out"), { overwrite: true });
    await expect(replacing.write("1.png", bytes("x"))).rejects.toMatchObject({
      code: "ERR_OUTPUT_WRITE",
      message: expect.stringMatching(/folder is in the way/u),
    });
    expect(await readdir(join(folder, "out"))).toEqual(["1.png"]);
    await sink.abort();
    await expect(sink.write("2.png", bytes("x"))).rejects.toMatchObject({ code: "ERR_STATE" });
  });

  it.runIf(process.getuid?.() !== 0)("says that a folder is not writable", async () => {
    const folder = await temporaryFolder();
    await chmod(folder, 0o500);
    await expect((await openFolderSink(folder)).write("1.png", bytes("x"))).rejects.toMatchObject({
      code: "ERR_OUTPUT_WRITE",
      message: expect.stringContaining("permission denied"),
    });
  });
});

describe("an archive sink", () => {
  async function make(path: string): Promise<Buffer> {
    const sink = await openArchiveSink(path);
    await Promise.all([
      sink.write("b/2_colorized.png", bytes("two".repeat(1000))),
      sink.write("ü.png", bytes("")),
      sink.write("b/2_colorized.png", bytes("again")),
      sink.carry(entry("ComicInfo.xml", "<x/>")),
    ]);
    await sink.finish({ created_at: "fixed" });
    return readFile(path);
  }

  it("is read back by unzip and by the source, entries stored in the order of the calls", async () => {
    const path = join(await temporaryFolder(), "sub", "out.cbz");
    const content = await make(path);
    expect(content.includes("two".repeat(1000))).toBe(true);
    const source = await openPageSource(path);
    expect(source.faults).toEqual([]);
    const read = await Promise.all(
      source.entries().map(async (item) => [item.name, Buffer.from(await item.read()).toString()]),
    );
    expect(Object.fromEntries(read)).toEqual({
      "ComicInfo.xml": "<x/>",
      "b/2_colorized.png": "two".repeat(1000),
      "b/2_colorized_1.png": "again",
      "processing_metadata.json": '{\n  "created_at": "fixed"\n}\n',
      "ü.png": "",
    });
    await source.close();
    const test = spawnSync(
      "python3",
      [
        "-c",
        "import sys,zipfile; z=zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; print([i.filename for i in z.infolist()], {i.compress_type for i in z.infolist()}, {i.date_time for i in z.infolist()})",
        path,
      ],
      { encoding: "utf8" },
    );
    if (test.error === undefined)
      expect(test.stdout.trim()).toBe(
        "['b/2_colorized.png', 'ü.png', 'b/2_colorized_1.png', 'ComicInfo.xml', 'processing_metadata.json'] {0} {(2000, 1, 1, 0, 0, 0)}",
      );
  });

  it("gives the same bytes for the same calls, in any time zone", async () => {
    const folder = await temporaryFolder();
    const zone = process.env["TZ"];
    const first = await make(join(folder, "1.cbz"));
    process.env["TZ"] = "Asia/Tokyo";
    const second = await make(join(folder, "2.cbz"));
    process.env["TZ"] = zone ?? "";
    if (zone === undefined) delete process.env["TZ"];
    expect(second.equals(first)).toBe(true);
  });

  it("is not there before finish, never after abort, and nothing temporary is left", async () => {
    const folder = await temporaryFolder();
    const sink = await openArchiveSink(join(folder, "out.cbz"));
    await sink.write("1.png", bytes("one"));
    expect(await readdir(folder)).toEqual([expect.stringMatching(/^\.cobra-.*\.tmp$/u)]);
    const late = sink.write("2.png", new Uint8Array(5_000_000));
    late.catch(() => {});
    await sink.abort();
    await sink.abort();
    expect(await readdir(folder)).toEqual([]);
    await expect(sink.write("3.png", bytes("x"))).rejects.toMatchObject({ code: "ERR_STATE" });
    await expect(sink.finish()).rejects.toMatchObject({ code: "ERR_STATE" });
  });

  it("takes a free name, or replaces with overwrite", async () => {
    const folder = await temporaryFolder();
    const finish = async (overwrite: boolean): Promise<string> => {
      const sink = await openArchiveSink(join(folder, "out.cbz"), { overwrite });
      await sink.write("1.png", bytes("x"));
      return sink.finish();
    };
    expect([await finish(false), await finish(false), await finish(true), await finish(false)]).toEqual(
      ["out.cbz", "out_1.cbz", "out.cbz", "out_2.cbz"].map((name) => join(folder, name)),
    );
  });

  it("is refused at the start, not at the end of a long run, when a folder is in the way", async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, "out.cbz"));
    await expect(openArchiveSink(join(folder, "out.cbz"), { overwrite: true })).rejects.toMatchObject({
      code: "ERR_OUTPUT_WRITE",
      message: expect.stringContaining("a folder is in the way"),
    });
    await writeFile(join(folder, "file"), "");
    await expect(openArchiveSink(join(folder, "file", "out.cbz"))).rejects.toMatchObject({ code: "ERR_OUTPUT_WRITE" });
    expect((await readdir(folder)).sort()).toEqual(["file", "out.cbz"]);
  });

  it("takes over an older metadata file of the input beside its own", async () => {
    const path = join(await temporaryFolder(), "out.cbz");
    const sink = await openArchiveSink(path);
    expect(await sink.carry(entry("processing_metadata.json", "old"))).toBe("processing_metadata_1.json");
    await sink.write("1.png", bytes("x"));
    await sink.finish({});
    const source = await openPageSource(path);
    expect(source.entries().map(({ name }) => name)).toEqual([
      "1.png",
      "processing_metadata.json",
      "processing_metadata_1.json",
    ]);
    await source.close();
  });

  it("holds one entry at a time: memory does not grow with the archive", async () => {
    const path = join(await temporaryFolder(), "big.cbz");
    const sink = await openArchiveSink(path);
    const before = process.memoryUsage().arrayBuffers;
    let peak = 0;
    for (let i = 0; i < 60; i++) {
      await sink.write(`${i}.png`, new Uint8Array(2 ** 21).fill(i));
      peak = Math.max(peak, process.memoryUsage().arrayBuffers - before);
    }
    await sink.finish();
    expect((await stat(path)).size).toBeGreaterThan(60 * 2 ** 21);
    expect(peak).toBeLessThan(60 * 2 ** 21 * 0.5);
  });
});
