// Files of jobs: results, jobs of the same input again, allowed roots, uploads. With an engine on paper.
import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openPageSource } from "../../../../src/io/open-source.js";
import { chapterFiles, colourPage, linePage, writeFolder } from "../../../support/chapter.js";
import { writeZip } from "../../../support/archives.js";
import { TestJobs } from "../../../support/job-store.js";
import { bytesOf, temporaryFolder } from "../../../support/job-results.js";
import { openResult } from "../../../../src/ui/web/jobs/open-picture.js";
import type { PageResult } from "../../../../src/ui/web/jobs/outcomes.js";
import { SourceCache } from "../../../../src/ui/web/jobs/source-cache.js";
import { Roots } from "../../../../src/ui/web/jobs/roots.js";

describe("a result", () => {
  it("of a folder is an archive made while it is sent, each part of it alone too", async () => {
    await using jobs = await TestJobs.onPaper();
    const { id } = await jobs.chapter(3, { name: "Ünïcode / 第1話" });
    await expect(jobs.store.result(id)).rejects.toMatchObject({ code: "ERR_STATE" });
    const job = await jobs.done(id);
    const result = await jobs.store.result(id);
    expect(result).toMatchObject({ name: "Ünïcode _ 第1話.cbz", sizeBytes: job.result!.bytes });
    const whole = await bytesOf(result);
    expect(whole.byteLength).toBe(result.sizeBytes);
    await writeFile(join(jobs.data, "got.cbz"), whole);
    const source = await openPageSource(join(jobs.data, "got.cbz"));
    expect(source.entries().map(({ name }) => name)).toEqual([
      "ComicInfo.xml",
      "p1_colorized.png",
      "p2_colorized.png",
      "p3_colorized.png",
      "ref_a.jpg",
      "ref_b.jpg",
    ]);
    for (const entry of source.entries()) await entry.read();
    await source.close();
    for (const start of [0, 1, 29, 30, 100, Math.floor(whole.byteLength / 2), whole.byteLength - 30])
      for (const end of [start, start + 1, start + 77, whole.byteLength])
        expect((await bytesOf(await jobs.store.result(id), { start, end })).equals(whole.subarray(start, end))).toBe(
          true,
        );
  });

  it("holds what cannot be coloured as it came: damaged pictures and those of formats that are not read", async () => {
    const unread = {
      "p3_broken.png": (await linePage(3)).subarray(0, 200),
      "p4.psd": Buffer.from("8BPS\0\x01 and then nothing of a document"),
      "extra/p5.bmp": Buffer.concat([Buffer.from("BM"), Buffer.alloc(12), Buffer.from([40]), Buffer.alloc(60)]),
    };
    const files = { ...(await chapterFiles(2)), ...unread };
    await using place = await temporaryFolder();
    const archive = await readFile(await writeZip(join(place.path, "c.cbz"), files));
    await using jobs = await TestJobs.onPaper();
    for (const upload of [files, { "c.cbz": archive }]) {
      const { id } = await jobs.store.create({});
      await jobs.upload(id, upload);
      expect(await jobs.done(id)).toMatchObject({
        state: "completed",
        progress: { completed: 2, failed: 0 },
        counts: { pages: 2, references: 2, unreadable: 3, other: 1 },
      });
      for (const name of Object.keys(unread)) expect((await jobs.picture(id, name)).failure).toBeDefined();
      await writeFile(join(place.path, "got.cbz"), await bytesOf(await jobs.store.result(id)));
      const source = await openPageSource(join(place.path, "got.cbz"));
      const back = new Map<string, Buffer>();
      for (const { name, read } of [...source.entries(), ...source.faults.map(({ file }) => file!)])
        back.set(name.replace("_colorized", ""), Buffer.from(await read()));
      await source.close();
      expect([...back.keys()]).toEqual(expect.arrayContaining(Object.keys(files)));
      for (const [name, bytes] of Object.entries(unread)) expect(bytes.equals(back.get(name)!), name).toBe(true);
    }
  });

  it("says so where a file changes during the download", async () => {
    await using jobs = await TestJobs.onPaper();
    const { id } = await jobs.chapter(2);
    await jobs.done(id);
    const result = await jobs.store.result(id);
    await writeFile(join(jobs.data, "jobs", id, "output", "p1_colorized.png"), "other");
    await expect(bytesOf(result)).rejects.toMatchObject({ code: "ERR_STATE" });
  });

  it("can be opened picture by picture; there is none of another name", async () => {
    await using jobs = await TestJobs.onPaper();
    const { id } = await jobs.chapter(1);
    await jobs.done(id);
    const page = await jobs.picture(id, "p1.png");
    const original = await jobs.store.openPicture(id, page.id, "original");
    expect(original).toMatchObject({ name: "p1.png", type: "image/png" });
    expect(Buffer.from(original.bytes!).equals(await linePage(1))).toBe(true);
    expect((await jobs.store.openPicture(id, page.id, "result")).path).toContain("p1_colorized.png");
    for (const which of ["preview:3", "layer:../../job.json", "layer:3_ink.png"] as const)
      await expect(jobs.store.openPicture(id, page.id, which)).rejects.toMatchObject({ code: "ERR_JOB_NOT_FOUND" });
  });
});

it("a result is found in an archive of Photoshop documents alone", async () => {
  await using place = await temporaryFolder();
  const outputZip = join(place.path, "out.cbz");
  const document = Buffer.from("8BPS\0\x01 and so on");
  await writeZip(outputZip, { "p1.psd": document });
  const cache = new SourceCache();
  const result = { name: "p1.psd", version: "1", layers: [] } as unknown as PageResult;
  const opened = await openResult(result, { outputZip }, cache);
  expect(opened).toMatchObject({ type: "image/vnd.adobe.photoshop", sizeBytes: document.byteLength });
  await cache.closeAll();
});

describe("again", () => {
  it("makes a draft of the same input, references, roles and settings", async () => {
    await using jobs = await TestJobs.onPaper();
    const { id } = await jobs.chapter(2, { settings: { seed: 2 } });
    const page = await jobs.picture(id, "p2.png");
    await jobs.store.updatePictures(id, [page.id], { role: "inColor" });
    await jobs.done(id);
    const next = await jobs.store.again(id);
    expect(next).toMatchObject({ state: "draft", settings: { seed: 2 } });
    await jobs.until(next.id, ({ scanning }) => !scanning);
    expect((await jobs.picture(next.id, "p2.png")).role).toBe("inColor");
    await jobs.store.remove(id);
    expect(await jobs.done(next.id)).toMatchObject({ state: "completed", progress: { completed: 1 } });
  });
});

describe("a job from an allowed root", () => {
  it("reads what really lies below the root, and writes elsewhere", async () => {
    await using place = await temporaryFolder();
    const outside = await writeFolder(join(place.path, "secret"), { "x.png": await linePage(9) });
    const root = join(place.path, "root");
    await writeFolder(root, await chapterFiles(1));
    await writeFolder(join(root, "inner"), { "p7.png": await linePage(7) });
    await symlink(outside, join(root, "out"));
    await symlink(join(outside, "x.png"), join(root, "x.png"));
    await symlink(join(root, "inner", "p7.png"), join(root, "p8.png"));
    await writeZip(join(root, "c.cbz"), await chapterFiles(1));
    await using jobs = await TestJobs.onPaper(undefined, { roots: new Map([["comics", root]]) });
    expect(jobs.store.roots()).toEqual(["comics"]);
    expect(await jobs.store.listRoot("comics")).toEqual([
      { name: "c.cbz", path: "c.cbz", kind: "archive" },
      { name: "inner", path: "inner", kind: "folder" },
    ]);
    for (const path of ["out", "../secret", "/etc", "nothing", "x.png/../../secret"])
      await expect(
        jobs.store.create({ source: { kind: "root", root: "comics", path, recursive: true } }),
      ).rejects.toMatchObject({ code: "ERR_INPUT_NOT_FOUND" });
    const before = await readdir(root, { recursive: true });
    const all = await jobs.store.create({ source: { kind: "root", root: "comics", path: "", recursive: true } });
    await jobs.until(all.id, ({ scanning }) => !scanning);
    const pictures = await jobs.store.pictures(all.id);
    expect(pictures.map(({ name, role }) => [name, role])).toEqual([
      ["p1.png", "page"],
      ["p8.png", "page"],
      ["ref_a.jpg", "reference"],
      ["ref_b.jpg", "reference"],
      ["inner/p7.png", "page"],
      ["out", "unreadable"],
      ["x.png", "unreadable"],
    ]);
    expect(JSON.stringify([pictures, jobs.store.get(all.id)])).not.toContain(outside);
    expect(await jobs.done(all.id)).toMatchObject({ state: "completed", progress: { completed: 3 } });
    const flat = await jobs.store.create({ source: { kind: "root", root: "comics", path: "inner", recursive: false } });
    await jobs.until(flat.id, ({ scanning }) => !scanning);
    expect(jobs.store.get(flat.id)).toMatchObject({ name: "inner", counts: { pages: 1, references: 0 } });
    const archive = await jobs.store.create({
      source: { kind: "root", root: "comics", path: "c.cbz", recursive: false },
    });
    await jobs.until(archive.id, ({ scanning }) => !scanning);
    expect(await jobs.done(archive.id)).toMatchObject({ state: "completed", result: { name: "c.cbz" } });
    expect(await readdir(root, { recursive: true })).toEqual(before);
    const packed = await bytesOf(await jobs.store.result(archive.id));
    expect(packed.includes(Buffer.from(root))).toBe(false);
  });

  it("counts no results of earlier runs among its pictures", async () => {
    await using place = await temporaryFolder();
    const root = place.path;
    await writeFolder(root, await chapterFiles(1));
    await writeFolder(join(root, "ch_colorized"), {
      "p1_colorized.png": await linePage(1),
      "notes.txt": Buffer.from("mine"),
      "processing_metadata.json": Buffer.from('{"cobra_version": "1", "pages": []}'),
    });
    await using jobs = await TestJobs.onPaper(undefined, { roots: new Map([["comics", root]]) });
    const { id } = await jobs.store.create({ source: { kind: "root", root: "comics", path: "", recursive: true } });
    await jobs.until(id, ({ scanning }) => !scanning);
    expect(jobs.store.get(id)).toMatchObject({ counts: { pages: 1, references: 2 } });
    expect(await jobs.done(id)).toMatchObject({ state: "completed", progress: { total: 1, completed: 1 } });
  });
});

describe("links below a root", () => {
  it("are followed where none of them leads out, not even to come back", async () => {
    await using place = await temporaryFolder();
    const root = join(place.path, "root");
    await writeFolder(join(root, "inner/deep"), { "p1.png": await linePage(1) });
    await mkdir(join(place.path, "outside"));
    const links = {
      "root/beside": "inner",
      "root/inner/up": "../inner/deep",
      "root/absolute": join(root, "inner"),
      "root/twice": "beside/up",
      "root/around": "../outside/back",
      "root/above": "../root/inner",
      "root/out": place.path,
      "root/loop": "loop",
      "outside/back": join(root, "inner"),
    };
    for (const [link, target] of Object.entries(links)) await symlink(target, join(place.path, link));
    const roots = new Roots(new Map([["comics", root]]));
    expect((await roots.list("comics")).map(({ name }) => name)).toEqual(["absolute", "beside", "inner", "twice"]);
    expect(await roots.place("comics", "twice")).toEqual({ root, path: join(root, "inner/deep"), isFolder: true });
    expect(await roots.place("comics", "beside/deep/p1.png")).toMatchObject({ isFolder: false });
    for (const path of ["around", "around/deep", "above", "out/root/inner", "loop", "inner/up/p1.png/x"])
      await expect(roots.place("comics", path), path).rejects.toMatchObject({ code: "ERR_INPUT_NOT_FOUND" });
  });
});

describe("uploads", () => {
  it("of references without a folder keep what is there: the same picture is one, another of its name gets a number", async () => {
    await using jobs = await TestJobs.onPaper();
    const { id } = await jobs.chapter(1);
    const [first, second] = [await colourPage(1), await colourPage(2)];
    for (const bytes of [first, second, first, second]) await jobs.upload(id, { "001.jpg": bytes }, "reference");
    const folder = join(jobs.data, "jobs", id, "references");
    expect((await readdir(folder)).sort()).toEqual(["001.jpg", "001_1.jpg"]);
    expect(await readFile(join(folder, "001.jpg"))).toEqual(Buffer.from(first));
    expect(await readFile(join(folder, "001_1.jpg"))).toEqual(Buffer.from(second));
    // Two on their way at once are two.
    const coming = await Promise.all([jobs.target(id, "reference", "x.png"), jobs.target(id, "reference", "x.png")]);
    expect(new Set(coming).size).toBe(2);
  });

  it("of pages replace a page of the same name, but not one of the same request", async () => {
    await using jobs = await TestJobs.onPaper();
    const { id } = await jobs.store.create({});
    const place = await jobs.target(id, "input", "1.png");
    expect(await jobs.target(id, "input", "1.png")).toBe(place);
    const upload = { role: "input", path: "1.png", file: join(jobs.data, "part"), beside: new Set([place]) } as const;
    expect(await jobs.store.uploadTarget(id, upload)).toBe(place.replace("1.png", "1_1.png"));
  });

  it("are one archive or a tree of pictures", async () => {
    await using jobs = await TestJobs.onPaper();
    const { id } = await jobs.store.create();
    await jobs.target(id, "input", "a.cbz");
    for (const name of ["b.zip", "p.png"])
      await expect(jobs.target(id, "input", name)).rejects.toMatchObject({ code: "ERR_ARGUMENT" });
    const tree = await jobs.store.create();
    await jobs.target(tree.id, "input", "p/1.png");
    await expect(jobs.target(tree.id, "input", "p.cbz")).rejects.toMatchObject({ code: "ERR_ARGUMENT" });
    const target = await jobs.target(id, "reference", "b.png");
    expect(target.startsWith(join(jobs.data, "jobs", id, "references"))).toBe(true);
  });

  it("are looked at by the next server where this one is killed once they are in their place", async () => {
    await using jobs = await TestJobs.onPaper();
    const { id } = await jobs.store.create();
    const put = async (name: string, number: number): Promise<void> =>
      writeFile(await jobs.target(id, "input", name), await linePage(number));
    await put("1.png", 1); // and nobody says that it was uploaded
    await jobs.restart();
    await jobs.until(id, ({ scanning }) => !scanning);
    expect(jobs.store.get(id).counts).toMatchObject({ pages: 1 });
    // The same while the pictures that came before are looked at.
    await jobs.upload(id, { "2.png": await linePage(2) });
    const target = await jobs.target(id, "input", "3.png");
    await jobs.store.uploaded(id);
    await jobs.until(id, ({ scanning }) => !scanning);
    await writeFile(target, await linePage(3));
    await jobs.restart();
    await jobs.until(id, ({ scanning }) => !scanning);
    expect(jobs.store.get(id).counts).toMatchObject({ pages: 3 });
  });

  it("that fail leave the job to its pictures", async () => {
    await using jobs = await TestJobs.onPaper();
    const { id } = await jobs.chapter(1);
    jobs.store.uploadFailed(await jobs.target(id, "reference", "late.png"));
    await jobs.until(id, ({ scanning }) => !scanning);
    expect(await jobs.done(id)).toMatchObject({ state: "completed", progress: { completed: 1 } });
  });

  it("have safe names below the job's folder", async () => {
    await using jobs = await TestJobs.onPaper();
    const { id } = await jobs.store.create();
    const input = join(jobs.data, "jobs", id, "input");
    const at = async (name: string): Promise<string> => (await jobs.target(id, "input", name)).slice(input.length + 1);
    expect(await at("C:\\pages\\CON.png")).toBe("pages/CON_.png");
    expect(await at("/abs/第1話/00:1?.png")).toBe("abs/第1話/00_1_.png");
    expect(await at("./x//y.png")).toBe("x/y.png");
    expect(await at("X/Y.png")).toBe("X/Y_1.png");
    expect(await at("x/y.png")).toBe("x/y.png");
    for (const bad of [
      "../x.png",
      "a/../../x.png",
      "",
      "/",
      "a/",
      "x\u0000.png",
      "__MACOSX/x.png",
      "y.cbz.cobra-batch/z.png",
      "x/y.png/z.png",
    ])
      await expect(jobs.target(id, "input", bad)).rejects.toMatchObject({ code: "ERR_ARGUMENT" });
    await mkdir(input, { recursive: true });
    expect((await readdir(join(jobs.data, "jobs", id))).sort()).toEqual(["input", "job.json"]);
  });

  it("of references of one name in several folders are several references; the same path again is the same file", async () => {
    await using jobs = await TestJobs.onPaper();
    const { id } = await jobs.chapter(1);
    const references = join(jobs.data, "jobs", id, "references");
    const of = async (number: number): Promise<Buffer> => Buffer.from(await colourPage(number));
    const names = async (): Promise<string[]> =>
      (await jobs.store.pictures(id)).filter(({ added }) => added).map(({ name }) => name);
    await jobs.upload(id, { "a/ref.png": await of(1), "b/ref.png": await of(2), "ref.png": await of(3) }, "reference");
    await jobs.upload(id, { "a/ref.png": await of(4) }, "reference");
    await jobs.restart();
    await jobs.upload(id, { "b/ref.png": await of(5) }, "reference");
    const kept = { "ref.png": await of(3), "a/ref.png": await of(4), "b/ref.png": await of(5) };
    expect(await names()).toEqual(Object.keys(kept));
    for (const [name, bytes] of Object.entries(kept)) {
      expect((await readFile(join(references, name))).equals(bytes), name).toBe(true);
      const { id: picture } = await jobs.picture(id, name);
      const { path } = await jobs.store.openPicture(id, picture, "original");
      expect(path).toBe(join(references, name));
    }
    expect(await jobs.done(id)).toMatchObject({ state: "completed", counts: { references: 3 } });
    expect(jobs.engine.requests.at(-1)!.references.map(({ name }) => name)).toEqual(
      expect.arrayContaining(Object.keys(kept)),
    );
    const again = await jobs.store.again(id);
    expect(await jobs.until(again.id, ({ scanning }) => !scanning)).toMatchObject({ counts: { references: 3 } });
    await jobs.store.removeReference(id, (await jobs.picture(id, "a/ref.png")).id);
    expect(await names()).toEqual(["ref.png", "b/ref.png"]);
  });

  it("of references in an archive count one by one, a single one too, and so does what cannot be read", async () => {
    await using jobs = await TestJobs.onPaper();
    const { id } = await jobs.store.create();
    await jobs.upload(id, { "p1.png": await linePage(1) });
    const one = await colourPage(1);
    await using place = await temporaryFolder();
    const archive = async (files: Readonly<Record<string, Uint8Array>>): Promise<Buffer> =>
      readFile(await writeZip(join(place.path, "refs.cbz"), files));
    await jobs.upload(id, { "one.cbz": await archive({ "x/cover.png": one }) }, "reference");
    const picture = await jobs.picture(id, "one.cbz");
    expect(picture).toMatchObject({ role: "reference", added: true });
    expect((await jobs.store.openPicture(id, picture.id, "original")).bytes).toEqual(new Uint8Array(one));
    expect(await jobs.done(id)).toMatchObject({ state: "completed" });
    expect(jobs.engine.requests.at(-1)!.references.map(({ name }) => name)).toEqual(["one.cbz"]);
    await jobs.upload(
      id,
      { "more.cbz": await archive({ "a.png": one, "b.psd": Buffer.from("8BPS\0\x01 and nothing more") }) },
      "reference",
    );
    expect(await jobs.picture(id, "more.cbz/b.psd")).toMatchObject({ role: "unreadable" });
  });

  it("of a hostile archive are the job's problem, without this machine's paths", async () => {
    await using jobs = await TestJobs.onPaper();
    const { id } = await jobs.store.create();
    await jobs.upload(id, { "bad.cbz": Buffer.from("PK\u0003\u0004 and then nothing of use") });
    const { problem } = jobs.store.get(id);
    expect(problem).toMatchObject({ code: "ERR_ZIP_FORMAT", status: 422 });
    expect(problem!.detail).not.toContain(jobs.data);
    await expect(jobs.store.start(id)).rejects.toMatchObject({ code: "ERR_ZIP_FORMAT" });
  });
});
