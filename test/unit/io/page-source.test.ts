/** Folders, single pictures and good archives as page sources. */
import { createWriteStream } from "node:fs";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { describe, expect, it } from "vitest";
import { ZipFile } from "yazl";
import type { PageSourceOptions } from "../../../src/io/page-source.js";
import { openPageSource } from "../../../src/io/open-source.js";
import { goodZip, rawZip, writeZip } from "../../support/archives.js";
import { png, temporaryFolder } from "./image/pictures.js";

async function names(path: string, options?: PageSourceOptions): Promise<string[]> {
  const source = await openPageSource(path, options);
  await source.close();
  return source.entries().map(({ name }) => name);
}

/** A resource fork, as macOS writes it beside a file. */
const APPLE_DOUBLE = Buffer.from([0, 5, 22, 7, 0, 2, 0, 0]);

async function tree(files: readonly string[], contents: Readonly<Record<string, Uint8Array>> = {}): Promise<string> {
  const folder = await temporaryFolder();
  for (const [file, content] of [
    ...files.map((file) => [file, Buffer.from("content")] as const),
    ...Object.entries(contents),
  ]) {
    await mkdir(join(folder, file, ".."), { recursive: true });
    await writeFile(join(folder, file), content);
  }
  return folder;
}

describe("a folder", () => {
  it("lists pictures and other files in natural order and leaves out what systems leave behind", async () => {
    const folder = await tree(
      [
        "10.png",
        "9.JPG",
        "ComicInfo.xml",
        ".DS_Store",
        "Thumbs.db",
        "desktop.ini",
        ".leading.png",
        "__MACOSX/9.png",
        "sub/1.png",
        ".cobra-1-0123456789ab.tmp",
      ],
      { "._9.png": APPLE_DOUBLE, "fork.png": APPLE_DOUBLE, "._10.png": await png() },
    );
    const source = await openPageSource(folder);
    expect(source.entries().map(({ name, kind }) => [name, kind])).toEqual([
      ["9.JPG", "image"],
      ["10.png", "image"],
      ["._10.png", "image"],
      [".leading.png", "image"],
      ["ComicInfo.xml", "other"],
    ]);
    expect(source.faults).toEqual([]);
  });

  it("reads folders inside it when asked, folder by folder", async () => {
    const folder = await tree([
      "z.png",
      "b/2.png",
      "b/10.png",
      "a/1.png",
      "...And Then/001.png",
      ".hack vol 1/1.png",
      "out.cbz.cobra-batch/.pages/1.png",
      "out.cbz.cobra-batch/journal.ndjson",
      "out.CBZ.cobra-batch.done/1.png",
      ".cobra-batch/1.png",
      ".cobra-batch/lease",
      "my.cobra-batch/1.png",
      "3.cobra-batch",
      "4.cbz.cobra-batch",
      "5/.cobra-batch",
    ]);
    expect(await names(folder, { recursive: true })).toEqual([
      "3.cobra-batch",
      "4.cbz.cobra-batch",
      "z.png",
      "5/.cobra-batch",
      "...And Then/001.png",
      ".hack vol 1/1.png",
      "a/1.png",
      "b/2.png",
      "b/10.png",
      "my.cobra-batch/1.png",
    ]);
  });

  it("tells of folders with pictures that it does not read, but not of results and state", async () => {
    const folder = await tree(["1.png", "b/2.PNG", "a/notes.txt", "a/deep/3.png", "out/4.png", "chapter 2/5.jpg"]);
    await writeFile(join(folder, "out", "processing_metadata.json"), "{}");
    const { unreadFolders } = await openPageSource(folder);
    expect(unreadFolders).toEqual(["b", "chapter 2"]);
    expect((await openPageSource(folder, { recursive: true })).unreadFolders).toEqual([]);
  });

  it("takes a folder for a run's state by what it holds, not by its name", async () => {
    const folder = await tree(["1.png", "x.cbz.cobra-batch/2.png", ".cobra-batch/3.png", "y.cbz.cobra-batch/4.png"]);
    await writeFile(join(folder, "y.cbz.cobra-batch", "journal.ndjson"), "");
    expect(await names(folder, { recursive: true })).toEqual([
      "1.png",
      ".cobra-batch/3.png",
      "x.cbz.cobra-batch/2.png",
    ]);
  });

  it("reports a dangling link, follows a good one, and ends at a link to its parent", async () => {
    const folder = await tree(["1.png"]);
    await symlink(join(folder, "nowhere"), join(folder, "2.png"));
    await symlink(join(folder, "1.png"), join(folder, "3.png"));
    await symlink(folder, join(folder, "loop"));
    const source = await openPageSource(folder, { recursive: true });
    expect(source.entries().map(({ name }) => name)).toEqual(["1.png", "3.png"]);
    expect(source.faults.map(({ name, error }) => [name, error.code])).toEqual([["2.png", "ERR_INPUT_NOT_FOUND"]]);
  });

  it("says what is wrong with a missing, empty or pictureless folder", async () => {
    const folder = await tree(["sub/1.png"]);
    await expect(openPageSource(join(folder, "missing"))).rejects.toMatchObject({
      code: "ERR_INPUT_NOT_FOUND",
      message: expect.stringMatching(/missing.*no such file or folder/u),
    });
    await expect(openPageSource(folder)).rejects.toMatchObject({
      code: "ERR_INPUT_EMPTY",
      message: expect.stringContaining("recursive"),
    });
    await expect(openPageSource(await tree(["one.cbz"]))).rejects.toMatchObject({
      code: "ERR_INPUT_EMPTY",
      message: expect.stringContaining("give one.cbz itself"),
    });
    await expect(openPageSource(await tree(["a.txt"]), { recursive: true })).rejects.toMatchObject({
      code: "ERR_INPUT_EMPTY",
    });
  });

  it("gives bytes that fill their ArrayBuffer, and an error for a file that has gone", async () => {
    const folder = await tree(["1.png"]);
    const [entry] = (await openPageSource(folder)).entries();
    const bytes = await entry!.read();
    expect(Buffer.from(bytes).toString()).toBe("content");
    expect(bytes.buffer.byteLength).toBe(bytes.byteLength);
    await (await import("node:fs/promises")).rm(join(folder, "1.png"));
    await expect(entry!.read()).rejects.toMatchObject({ code: "ERR_INPUT_NOT_FOUND" });
  });
});

describe("a folder that is kept within another", () => {
  it("has what really lies outside as faults, by whatever link; a link inside is followed", async () => {
    const root = await temporaryFolder();
    const inside = join(root, "root");
    for (const name of ["root/chapter", "root/other", "out/more"]) await mkdir(join(root, name), { recursive: true });
    const picture = await png();
    for (const name of ["root/chapter/1.png", "root/other/2.png", "out/3.png", "out/more/4.png"])
      await writeFile(join(root, name), picture);
    const chapter = join(inside, "chapter");
    await symlink(join(inside, "other", "2.png"), join(chapter, "2.png"));
    await symlink(join(inside, "other"), join(chapter, "other"));
    await symlink(join(root, "out", "3.png"), join(chapter, "3.png"));
    await symlink("../../out/more", join(chapter, "more"));
    await symlink(join(chapter, "3.png"), join(chapter, "chain.png"));
    const source = await openPageSource(chapter, { recursive: true, within: inside });
    expect(source.entries().map(({ name }) => name)).toEqual(["1.png", "2.png", "other/2.png"]);
    expect(source.faults.map(({ name, error }) => [name, error.code])).toEqual([
      ["3.png", "ERR_INPUT_NOT_FOUND"],
      ["chain.png", "ERR_INPUT_NOT_FOUND"],
      ["more", "ERR_INPUT_NOT_FOUND"],
    ]);
    const everything = await openPageSource(chapter, { recursive: true });
    expect(everything.entries()).toHaveLength(6);
  });
});

describe("a single file", () => {
  it("is a page when it is a picture, whatever its name", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "page.dat"), await png());
    const source = await openPageSource(join(folder, "page.dat"));
    expect(source.entries().map(({ name, kind }) => [name, kind])).toEqual([["page.dat", "image"]]);
  });

  it("is refused with its kind named when it is something else", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "notes.txt"), "hello");
    await writeFile(join(folder, "chapter.cbr"), "Rar!\x1a\x07\x00");
    await expect(openPageSource(join(folder, "notes.txt"))).rejects.toMatchObject({
      code: "ERR_INPUT_EMPTY",
      message: expect.stringContaining("plain text"),
    });
    await expect(openPageSource(join(folder, "chapter.cbr"))).rejects.toMatchObject({
      code: "ERR_INPUT_EMPTY",
      message: expect.stringContaining("RAR"),
    });
  });
});

describe("an archive", () => {
  it("lists and reads entries in natural order, told by content, skipping what systems leave behind", async () => {
    const folder = await temporaryFolder();
    const path = await writeZip(join(folder, "chapter"), {
      "p10.png": "ten",
      "p2.png": "two",
      "ComicInfo.xml": "<x/>",
      "__MACOSX/p2.png": "no",
      "a/.DS_Store": "no",
      "a/._p.png": APPLE_DOUBLE,
      "a/p1.png": "one",
    });
    const source = await openPageSource(path);
    expect(source.entries().map(({ name, kind }) => [name, kind])).toEqual([
      ["ComicInfo.xml", "other"],
      ["p2.png", "image"],
      ["p10.png", "image"],
      ["a/p1.png", "image"],
    ]);
    const contents = await Promise.all(
      source.entries().map(async (entry) => Buffer.from(await entry.read()).toString()),
    );
    expect(contents).toEqual(["<x/>", "two", "ten", "one"]);
    const bytes = await source.entries()[1]!.read();
    expect(bytes.buffer.byteLength).toBe(bytes.byteLength);
    await source.close();
    await source.close();
    await expect(source.entries()[0]!.read()).rejects.toMatchObject({ code: "ERR_STATE" });
  });

  it.each([{ compress: false }, { compress: true }])(
    "reads archives inside it to one level, stored or packed (%o)",
    async (options) => {
      const folder = await temporaryFolder();
      const deep = await goodZip({ "x.png": "deep" });
      const inner = await goodZip({ "2.png": "i2", "10.png": "i10", "deeper.zip": deep });
      const other = await goodZip({ "1.png": "o1" });
      const path = await writeZip(
        join(folder, "c.cbz"),
        { "inner.cbz": inner, "other.zip": other, "1.png": "top", "broken.zip": "no archive" },
        options,
      );
      const source = await openPageSource(path);
      expect(source.entries().map(({ name }) => name)).toEqual(["1.png", "inner/2.png", "inner/10.png", "other/1.png"]);
      const [top, two, ten, one] = source.entries();
      const read = async (entry: typeof top): Promise<string> => Buffer.from(await entry!.read()).toString();
      expect([await read(two), await read(one), await read(ten), await read(top), await read(two)]).toEqual([
        "i2",
        "o1",
        "i10",
        "top",
        "i2",
      ]);
      expect(await Promise.all([two, one, ten, one, two].map(read))).toEqual(["i2", "o1", "i10", "o1", "i2"]);
      expect(source.faults.map(({ name, error }) => [name, error.code])).toEqual([
        ["inner/deeper.zip", "ERR_ZIP_ENTRY"],
        ["broken.zip", "ERR_ZIP_FORMAT"],
      ]);
      const files = source.faults.map(({ file }) => file!);
      expect(files.map(({ name, kind }) => [name, kind])).toEqual([
        ["inner/deeper.zip", "other"],
        ["broken.zip", "other"],
      ]);
      expect(deep.equals(await files[0]!.read())).toBe(true);
      expect(await read(files[1])).toBe("no archive");
      await source.close();
    },
  );

  it("reads names: UTF-8 with and without its flag, code page 437, a Unicode path field, decomposed accents", async () => {
    const folder = await temporaryFolder();
    const path = join(folder, "names.zip");
    await writeFile(
      path,
      rawZip([
        { name: "ページ1.png" },
        { name: "ページ2.png", flags: 0 },
        { name: Buffer.from([0x81, 0x2e, 0x70, 0x6e, 0x67]), flags: 0 },
        { name: "e\u0301.png" },
        { name: "safe\u202egnp.png" },
      ]),
    );
    expect((await names(path)).sort()).toEqual(["ü.png", "é.png", "safegnp.png", "ページ1.png", "ページ2.png"].sort());
  });

  it("reads entries whose local headers have extra fields of any length, in any order", async () => {
    const lengths = [0, 28, 28, 4, 0, 300];
    const entries = lengths.map((length, i) => ({
      name: `${i}.png`,
      data: `page ${i}`,
      localExtra: new Uint8Array(length).fill(7),
    }));
    const path = join(await temporaryFolder(), "extra.cbz");
    await writeFile(
      path,
      rawZip([...entries, { name: "packed.png", data: "page ".repeat(100), method: 8, localExtra: new Uint8Array(9) }]),
    );
    const source = await openPageSource(path);
    const read = async (order: readonly string[]): Promise<string[]> =>
      Promise.all(
        order.map(async (name) =>
          Buffer.from(
            await source
              .entries()
              .find((entry) => entry.name === name)!
              .read(),
          ).toString(),
        ),
      );
    const names = entries.map(({ name }) => name);
    expect(await read(names)).toEqual(entries.map(({ data }) => data));
    for (const name of [...names].reverse()) expect(await read([name])).toEqual([`page ${name[0]}`]);
    expect(await read(["packed.png"])).toEqual(["page ".repeat(100)]);
    await source.close();
  });

  it("reads the ZIP64 form, and an archive of many entries", async () => {
    const folder = await temporaryFolder();
    const zip = new ZipFile();
    zip.addBuffer(Buffer.from("sixty-four"), "1.png", { forceZip64Format: true });
    zip.end({ forceZip64Format: true, comment: "" });
    await pipeline(zip.outputStream, createWriteStream(join(folder, "64.zip")));
    const big = await openPageSource(join(folder, "64.zip"));
    expect(Buffer.from(await big.entries()[0]!.read()).toString()).toBe("sixty-four");
    await big.close();
    await writeFile(
      join(folder, "many.zip"),
      rawZip(Array.from({ length: 20_000 }, (_, i) => ({ name: `${i}.png`, data: String(i) }))),
    );
    const many = await openPageSource(join(folder, "many.zip"));
    expect(many.entries().map(({ name }) => name)).toEqual(Array.from({ length: 20_000 }, (_, i) => `${i}.png`));
    expect(Buffer.from(await many.entries()[19_999]!.read()).toString()).toBe("19999");
    await many.close();
  });

  it("keeps equal names apart in the archive's order", async () => {
    const folder = await temporaryFolder();
    const path = join(folder, "same.zip");
    await writeFile(
      path,
      rawZip([
        { name: "a.png", data: "1" },
        { name: "a.png", data: "2" },
        { name: "./a.png", data: "3" },
      ]),
    );
    const source = await openPageSource(path);
    const content = await Promise.all(
      source.entries().map(async (entry) => `${entry.name}=${Buffer.from(await entry.read()).toString()}`),
    );
    expect(content).toEqual(["a.png=1", "a (2).png=2", "a (3).png=3"]);
    await source.close();
  });

  it("says what is wrong with a file that is no archive, an empty archive, and one without pictures", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "text.cbz"), "not an archive");
    await writeFile(join(folder, "zero.zip"), "");
    await writeFile(join(folder, "empty.zip"), rawZip([]));
    await writeZip(join(folder, "texts.zip"), { "a.txt": "a" });
    await writeFile(join(folder, "cut.zip"), (await goodZip({ "1.png": "x".repeat(100) })).subarray(0, 80));
    await expect(openPageSource(join(folder, "text.cbz"))).rejects.toMatchObject({
      code: "ERR_ZIP_FORMAT",
      message: expect.stringContaining("text.cbz"),
    });
    await expect(openPageSource(join(folder, "zero.zip"))).rejects.toMatchObject({
      code: "ERR_ZIP_FORMAT",
      message: expect.stringContaining("zero bytes"),
    });
    await expect(openPageSource(join(folder, "cut.zip"))).rejects.toMatchObject({ code: "ERR_ZIP_FORMAT" });
    await expect(openPageSource(join(folder, "empty.zip"))).rejects.toMatchObject({
      code: "ERR_INPUT_EMPTY",
      message: expect.stringContaining("is empty"),
    });
    await expect(openPageSource(join(folder, "texts.zip"))).rejects.toMatchObject({
      code: "ERR_INPUT_EMPTY",
      message: expect.stringContaining("no picture among its 1 entry"),
    });
  });
});
