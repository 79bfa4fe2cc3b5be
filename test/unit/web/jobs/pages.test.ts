// Pictures and their roles, previews, pages done again, results. With an engine on paper.
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { ImageProcessingError } from "../../../../src/errors.js";
import { openPageSource } from "../../../../src/io/open-source.js";
import type { JobStore } from "../../../../src/ui/web/jobs/index.js";
import { chapterFiles, colourPage, linePage, writeFolder } from "../../../support/chapter.js";
import { writeZip } from "../../../support/archives.js";
import { Gate, TestJobs } from "../../../support/job-store.js";
import { onPaper } from "../../../support/paper-engine.js";

/** All bytes of a result, or some. */
async function bytesOf(
  opened: Awaited<ReturnType<JobStore["result"]>>,
  range?: { start?: number; end?: number },
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of opened.chunks(range)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe("pictures", () => {
  it("are told apart, with what cannot be read and why; people's word counts", async () => {
    await using jobs = await TestJobs.onPaper();
    const { id } = await jobs.store.create({ name: "Mine" });
    await jobs.upload(id, {
      "a/p1.png": await linePage(1),
      "a/cover.jpg": await colourPage(1),
      "a/broken.png": (await linePage(2)).subarray(0, 300),
      "a/notes.txt": Buffer.from("notes"),
    });
    expect(jobs.store.get(id)).toMatchObject({
      name: "Mine",
      counts: { pages: 1, references: 1, inColour: 0, unreadable: 1, other: 1 },
    });
    expect(await jobs.picture(id, "a/p1.png")).toMatchObject({ role: "page", width: 200, height: 280, unsure: false });
    const broken = await jobs.picture(id, "a/broken.png");
    expect(broken).toMatchObject({ role: "unreadable", failure: { stage: "scan", code: "ERR_IMAGE_DECODE" } });
    expect(broken.failure!.message).not.toContain(jobs.data);
    const cover = await jobs.picture(id, "a/cover.jpg");
    const [moved] = await jobs.store.updatePictures(id, [cover.id], { role: "page" });
    expect(moved).toMatchObject({ role: "page", suggested: "reference" });
    expect(jobs.store.get(id).counts).toMatchObject({ pages: 2, references: 0 });
    await jobs.restart();
    expect(await jobs.picture(id, "a/cover.jpg")).toMatchObject({ role: "page", suggested: "reference" });
  });

  it("in colour stay as they are where references are added; an added one can be deleted", async () => {
    await using jobs = await TestJobs.onPaper();
    const { id } = await jobs.chapter(1);
    await jobs.upload(id, { "some/../cover.jpg": await colourPage(3) }, "reference").catch(() => undefined);
    await jobs.upload(id, { "folder/poster.jpg": await colourPage(3) }, "reference");
    expect(jobs.store.get(id).counts).toMatchObject({ pages: 1, references: 1, inColour: 2 });
    const poster = await jobs.picture(id, "poster.jpg");
    expect(poster).toMatchObject({ added: true, role: "reference" });
    expect((await jobs.done(id)).state).toBe("completed");
    expect(jobs.engine.requests[0]!.references.map(({ name }) => name)).toEqual(["poster.jpg"]);
    await jobs.store.removeReference(id, poster.id);
    expect(jobs.store.get(id).counts).toMatchObject({ references: 2, inColour: 0 });
    await expect(jobs.store.removeReference(id, (await jobs.picture(id, "p1.png")).id)).rejects.toMatchObject({
      code: "ERR_STATE",
    });
  });

  it("are looked at again where another file of the same size has taken their place", async () => {
    await using folder = await temporaryFolder();
    const [line, colour] = [await linePage(1), await colourPage(5)];
    const sizeBytes = Math.max(line.byteLength, colour.byteLength);
    const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc(sizeBytes - bytes.byteLength)]);
    await writeFolder(folder.path, { "p1.png": padded(line), "p2.png": await linePage(2) });
    await using jobs = await TestJobs.onPaper(undefined, { roots: new Map([["comics", folder.path]]) });
    const source = { kind: "root", root: "comics", path: "", recursive: true } as const;
    const { id } = await jobs.store.create({ source });
    await jobs.until(id, ({ scanning }) => !scanning);
    const before = await jobs.picture(id, "p1.png");
    expect(before).toMatchObject({ role: "page", bytes: sizeBytes });
    expect(jobs.store.get(id).cover).toBe(before.id);
    const versionOf = async (): Promise<string> => (await jobs.store.openPicture(id, before.id, "original")).version;
    const version = await versionOf();
    const path = join(folder.path, "p1.png");
    const { atime, mtime } = await stat(path);
    await writeFile(path, padded(colour));
    await utimes(path, atime, mtime); // as a copy that keeps the time
    await jobs.store.uploaded(id);
    await jobs.until(id, ({ scanning }) => !scanning);
    expect(await jobs.picture(id, "p1.png")).toMatchObject({ role: "reference", bytes: sizeBytes });
    expect(jobs.store.get(id).cover).toBe((await jobs.picture(id, "p2.png")).id);
    expect(await versionOf()).not.toBe(version);
  });

  it("have settings, references and hints of their own", async () => {
    await using jobs = await TestJobs.onPaper();
    const { id } = await jobs.chapter(3, { settings: { seed: 4, numInferenceSteps: 2 } });
    const [one, two, reference] = [
      await jobs.picture(id, "p1.png"),
      await jobs.picture(id, "p2.png"),
      await jobs.picture(id, "ref_b.jpg"),
    ];
    await jobs.store.updatePictures(id, [one.id], { settings: { seed: 9, references: [reference.id] } });
    await jobs.store.updatePictures(id, [two.id], { settings: { hints: [{ x: 1, y: 2, color: "#ff0000" }] } });
    const three = await jobs.picture(id, "p3.png");
    const strokes = await sharp({ create: { width: 200, height: 280, channels: 4, background: "#ff000080" } })
      .png()
      .toBuffer();
    expect(await jobs.store.putHints(id, three.id, strokes)).toMatchObject({ settings: { hints: "strokes" } });
    await expect(jobs.store.putHints(id, three.id, await linePage())).rejects.toMatchObject({ code: "ERR_HINTS" });
    expect((await jobs.done(id)).state).toBe("completed");
    // Pages overlap, so their order here is not the chapter's.
    const [first, second, third] = ["p1.png", "p2.png", "p3.png"].map((page) =>
      jobs.engine.requests.find(({ name }) => name === page),
    );
    expect(first).toMatchObject({ settings: { seed: 9, numInferenceSteps: 2 } });
    expect(
      first!.references.map(({ name }) => name),
      "as in the chapter",
    ).toEqual(["ref_b.jpg"]);
    expect(second).toMatchObject({ settings: { seed: 4 }, hints: [{ x: 1, y: 2, color: "#ff0000" }] });
    expect(second!.references.map(({ name }) => name)).toEqual(["ref_a.jpg", "ref_b.jpg"]);
    const { picture } = third!.hints as { picture: { bytes: Uint8Array } };
    expect(strokes.equals(picture.bytes)).toBe(true);
    expect((await jobs.store.removeHints(id, three.id)).settings).toBeUndefined();
  });

  it("refuse settings that break a rule and pictures there are none", async () => {
    await using jobs = await TestJobs.onPaper();
    const { id } = await jobs.chapter(1);
    const { id: page } = await jobs.picture(id, "p1.png");
    await expect(jobs.store.update(id, { settings: { seed: -1 } })).rejects.toMatchObject({ code: "ERR_CONFIG" });
    await expect(jobs.store.updatePictures(id, [page], { settings: { topK: 0 } })).rejects.toMatchObject({
      code: "ERR_CONFIG",
    });
    await expect(jobs.store.updatePictures(id, ["0123456789"], { role: "page" })).rejects.toMatchObject({
      code: "ERR_JOB_NOT_FOUND",
    });
    await expect(jobs.store.redo(id, [page])).rejects.toMatchObject({ code: "ERR_STATE" });
  });
});

describe("a preview", () => {
  it("waits for approval, gives the engine to others meanwhile, and outlives the server", async () => {
    await using jobs = await TestJobs.onPaper();
    const { id } = await jobs.chapter(3, { settings: { preview: true } });
    const waiting = await jobs.done(id);
    expect(waiting).toMatchObject({ state: "preview", progress: { completed: 1, unfinished: 2 } });
    expect(waiting.preview!.pages).toEqual([(await jobs.picture(id, "p1.png")).id]);
    const other = await jobs.chapter(1);
    expect((await jobs.done(other.id)).state).toBe("completed");
    await jobs.store.reject(id);
    await jobs.ended(id);
    expect(jobs.store.get(id)).toMatchObject({ state: "preview", settings: { seed: 1 } });
    await jobs.restart();
    expect(jobs.store.get(id)).toMatchObject({ state: "preview", preview: waiting.preview });
    await jobs.store.reject(id, { settings: { seed: 40, topK: 2 } });
    await jobs.ended(id);
    await jobs.restart();
    await jobs.store.approve(id);
    expect(await jobs.ended(id)).toMatchObject({ state: "completed", progress: { completed: 3 } });
    const colours = jobs.engine.requests.filter(({ settings }) => settings.seed !== 0 || settings.topK !== 3);
    expect(colours.map(({ name, settings }) => [name, settings.seed, settings.topK])).toEqual([
      ["p1.png", 1, 3],
      ["p1.png", 40, 2],
      ["p2.png", 40, 2],
      ["p3.png", 40, 2],
    ]);
    await expect(jobs.store.approve(id)).rejects.toMatchObject({ code: "ERR_STATE" });
  });
});

describe("pages done again", () => {
  it("get the next seed, or what is asked for; the others stay", async () => {
    await using jobs = await TestJobs.onPaper();
    const { id } = await jobs.chapter(3);
    await jobs.done(id);
    const page = await jobs.picture(id, "p2.png");
    await jobs.store.redo(id, [page.id]);
    expect(await jobs.picture(id, "p2.png")).toMatchObject({ result: { seed: 0 } });
    expect(await jobs.ended(id)).toMatchObject({ state: "completed", progress: { completed: 3 } });
    const again = await jobs.picture(id, "p2.png");
    expect(again).toMatchObject({ state: "completed", settings: { seed: 1 }, result: { seed: 1 } });
    expect(again.result!.version).not.toBe(page.result!.version);
    await jobs.store.update(id, { settings: { topK: 1 } });
    await jobs.store.redo(id, [page.id], { numInferenceSteps: 3 });
    await jobs.ended(id);
    expect(
      jobs.engine.requests
        .slice(3)
        .map(({ name, settings }) => [name, settings.seed, settings.topK, settings.numInferenceSteps]),
    ).toEqual([
      ["p2.png", 1, 3, 10],
      ["p2.png", 1, 1, 3],
    ]);
  });

  it("wait behind the run of their job", async () => {
    const gate = new Gate();
    await using jobs = await TestJobs.onPaper(async (request) => (await gate.pass(), onPaper(request)));
    const { id } = await jobs.chapter(2);
    await jobs.store.start(id);
    await gate.arrival();
    await jobs.store.redo(id, [(await jobs.picture(id, "p1.png")).id], { seed: 5 });
    gate.open();
    await jobs.until(id, ({ state }) => state === "completed");
    expect(jobs.engine.requests.map(({ name, settings }) => [name, settings.seed])).toEqual([
      ["p1.png", 0],
      ["p2.png", 0],
      ["p1.png", 5],
    ]);
    expect(await jobs.picture(id, "p1.png")).toMatchObject({ state: "completed", result: { seed: 5 } });
  });

  it("of a paused job leave it paused, of a preview waiting", async () => {
    const gate = new Gate();
    await using jobs = await TestJobs.onPaper(async (request) => (await gate.pass(), onPaper(request)));
    const { id } = await jobs.chapter(3);
    await jobs.store.start(id);
    await gate.arrival();
    await jobs.store.pause(id);
    gate.open();
    await jobs.until(id, ({ progress }) => progress.completed === 1);
    await jobs.store.redo(id, [(await jobs.picture(id, "p1.png")).id]);
    expect(await jobs.ended(id)).toMatchObject({ state: "paused", progress: { completed: 1, unfinished: 2 } });
    expect(jobs.engine.requests.map(({ settings }) => settings.seed)).toEqual([0, 1]);
    await jobs.store.resume(id);
    expect((await jobs.ended(id)).state).toBe("completed");
    expect(jobs.engine.requests).toHaveLength(4);
  });

  it("that failed are told of in the archive without a place of this machine", async () => {
    await using jobs = await TestJobs.onPaper((request) => {
      if (request.name !== "p2.png") return onPaper(request);
      throw new ImageProcessingError("ERR_IMAGE_ENCODE", `cannot write ${jobs.data}/jobs/x/p2.png`, {
        imagePath: request.name,
      });
    });
    const { id } = await jobs.store.create();
    const zip = await readFile(await writeZip(join(jobs.data, "made.cbz"), await chapterFiles(2)));
    await jobs.upload(id, { "My chapter.cbz": zip });
    expect(await jobs.done(id)).toMatchObject({ state: "completed", progress: { completed: 1, failed: 1 } });
    const metadata = (await entriesOf(jobs, id))["processing_metadata.json"]!;
    expect(metadata).toContain("cannot write jobs/x/p2.png");
    expect(metadata).not.toContain(jobs.data);
  });

  it("replace their entry in a finished archive, the others byte for byte", async () => {
    await using jobs = await TestJobs.onPaper();
    const { id } = await jobs.store.create();
    const zip = await readFile(await writeZip(join(jobs.data, "made.cbz"), await chapterFiles(2)));
    await jobs.upload(id, { "My chapter.cbz": zip });
    expect(await jobs.done(id)).toMatchObject({
      name: "My chapter",
      state: "completed",
      result: { name: "My chapter.cbz" },
    });
    const before = await entriesOf(jobs, id);
    await jobs.store.redo(id, [(await jobs.picture(id, "p2.png")).id], { seed: 3 });
    await jobs.ended(id);
    const after = await entriesOf(jobs, id);
    const changed = Object.keys(after).filter((name) => after[name] !== before[name]);
    expect(changed.sort()).toEqual(["p2_colorized.png", "processing_metadata.json"]);
    expect(after["processing_metadata.json"]).not.toContain(jobs.data);
    const opened = await jobs.store.openPicture(id, (await jobs.picture(id, "p2.png")).id, "result");
    expect(Buffer.from(opened.bytes!).toString()).toContain('"seed":3');
    await jobs.restart();
    expect(await jobs.picture(id, "p2.png")).toMatchObject({ state: "completed", result: { seed: 3 } });
    expect(await readdir(join(jobs.data, "jobs", id))).not.toContain("output_1.cbz");
  });
});

async function entriesOf(jobs: TestJobs, id: string): Promise<Record<string, string>> {
  const { path } = await jobs.store.result(id);
  const source = await openPageSource(path!);
  const found: Record<string, string> = {};
  for (const entry of source.entries()) found[entry.name] = Buffer.from(await entry.read()).toString("latin1");
  await source.close();
  return found;
}

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

describe("again", () => {
  it("makes a draft of the same input, references, roles and settings", async () => {
    await using jobs = await TestJobs.onPaper();
    const { id } = await jobs.chapter(2, { settings: { seed: 2 } });
    const page = await jobs.picture(id, "p2.png");
    await jobs.store.updatePictures(id, [page.id], { role: "inColour" });
    await jobs.done(id);
    const next = await jobs.store.again(id);
    expect(next).toMatchObject({ state: "draft", settings: { seed: 2 } });
    await jobs.until(next.id, ({ scanning }) => !scanning);
    expect((await jobs.picture(next.id, "p2.png")).role).toBe("inColour");
    await jobs.store.remove(id);
    expect(await jobs.done(next.id)).toMatchObject({ state: "completed", progress: { completed: 1 } });
  });
});

async function temporaryFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "cobra-root-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

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
});

describe("uploads", () => {
  it("are one archive or a tree of pictures", async () => {
    await using jobs = await TestJobs.onPaper();
    const { id } = await jobs.store.create();
    await jobs.store.uploadTarget(id, "input", "a.cbz");
    for (const name of ["b.zip", "p.png"])
      await expect(jobs.store.uploadTarget(id, "input", name)).rejects.toMatchObject({ code: "ERR_ARGUMENT" });
    const tree = await jobs.store.create();
    await jobs.store.uploadTarget(tree.id, "input", "p/1.png");
    await expect(jobs.store.uploadTarget(tree.id, "input", "p.cbz")).rejects.toMatchObject({ code: "ERR_ARGUMENT" });
    const target = await jobs.store.uploadTarget(id, "reference", "b.png");
    expect(target.startsWith(join(jobs.data, "jobs", id, "references"))).toBe(true);
  });

  it("have safe names below the job's folder", async () => {
    await using jobs = await TestJobs.onPaper();
    const { id } = await jobs.store.create();
    const input = join(jobs.data, "jobs", id, "input");
    const at = async (name: string): Promise<string> =>
      (await jobs.store.uploadTarget(id, "input", name)).slice(input.length + 1);
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
      "y.cobra-batch/z.png",
      "x/y.png/z.png",
    ])
      await expect(jobs.store.uploadTarget(id, "input", bad)).rejects.toMatchObject({ code: "ERR_ARGUMENT" });
    await mkdir(input, { recursive: true });
    expect((await readdir(join(jobs.data, "jobs", id))).sort()).toEqual(["input", "job.json"]);
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
