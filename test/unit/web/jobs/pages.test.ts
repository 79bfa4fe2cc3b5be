// Pictures and their roles, previews, pages done again. With an engine on paper.
import { readdir, readFile, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { ImageProcessingError } from "../../../../src/errors.js";
import { chapterFiles, colourPage, linePage, writeFolder } from "../../../support/chapter.js";
import { writeZip } from "../../../support/archives.js";
import { Gate, TestJobs } from "../../../support/job-store.js";
import { onPaper } from "../../../support/paper-engine.js";
import { entriesOf, temporaryFolder } from "../../../support/job-results.js";

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
      counts: { pages: 1, references: 1, inColor: 0, unreadable: 1, other: 1 },
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

  it("say whether browsers show the file itself: not where it is turned in another format than JPEG, nor TIFF", async () => {
    await using jobs = await TestJobs.onPaper();
    const { id } = await jobs.store.create();
    const line = sharp(await linePage(1)).keepMetadata();
    const plain = { "1.png": "png", "2.webp": "webp", "3.avif": "avif", "4.jpg": "jpeg", "5.gif": "gif" } as const;
    const turned = { "6.jpg": "jpeg", "7.png": "png", "8.webp": "webp" } as const;
    const files: Record<string, Buffer> = { "9.png": await line.clone().tiff().toBuffer() };
    for (const [name, format] of Object.entries(plain)) files[name] = await line.clone().toFormat(format).toBuffer();
    for (const [name, format] of Object.entries(turned))
      files[name] = await line.clone().withMetadata({ orientation: 8 }).toFormat(format).toBuffer();
    await jobs.upload(id, files);
    const said = async (): Promise<unknown> =>
      Object.fromEntries(
        await Promise.all(
          Object.keys(files).map(async (name) => {
            const { width, shown } = await jobs.picture(id, name);
            return [name.slice(0, 1), [width, shown]];
          }),
        ),
      );
    const upright = Object.fromEntries(["1", "2", "3", "4", "5"].map((name) => [name, [200, true]]));
    const expected = { ...upright, "6": [280, true], "7": [280, false], "8": [280, false], "9": [200, false] };
    expect(await said()).toEqual(expected);
    await jobs.restart();
    expect(await said()).toEqual(expected);
  });

  it("in colour stay as they are where references are added; an added one can be deleted", async () => {
    await using jobs = await TestJobs.onPaper();
    const { id } = await jobs.chapter(1);
    await jobs.upload(id, { "../cover.jpg": await colourPage(3) }, "reference").catch(() => undefined);
    await jobs.upload(id, { "folder/poster.jpg": await colourPage(3) }, "reference");
    expect(jobs.store.get(id).counts).toMatchObject({ pages: 1, references: 1, inColor: 2 });
    const poster = await jobs.picture(id, "folder/poster.jpg");
    expect(poster).toMatchObject({ added: true, role: "reference" });
    expect((await jobs.done(id)).state).toBe("completed");
    expect(jobs.engine.requests[0]!.references.map(({ name }) => name)).toEqual(["folder/poster.jpg"]);
    const again = await jobs.store.again(id);
    await jobs.until(again.id, ({ scanning }) => !scanning);
    await jobs.store.removeReference(again.id, poster.id);
    expect(jobs.store.get(again.id).counts).toMatchObject({ references: 2, inColor: 0 });
    await expect(jobs.store.removeReference(id, (await jobs.picture(id, "p1.png")).id)).rejects.toMatchObject({
      code: "ERR_STATE",
    });
  });

  it("keep their roles once the job has begun; a reference that is added then serves all pages, those done too", async () => {
    const gate = new Gate();
    await using jobs = await TestJobs.onPaper(async (request, { signal }) => {
      await gate.pass(signal);
      return onPaper(request);
    });
    const { id } = await jobs.chapter(3);
    await jobs.store.start(id);
    await gate.arrival();
    await jobs.store.pause(id);
    gate.open();
    await jobs.until(id, ({ progress }) => progress.completed === 1);
    await jobs.upload(id, { "poster.jpg": await colourPage(3) }, "reference");
    const counts = { pages: 3, references: 3, inColor: 0 };
    expect(jobs.store.get(id).counts).toMatchObject(counts);
    expect(await jobs.picture(id, "ref_a.jpg")).toMatchObject({ role: "reference", suggested: "reference" });
    await jobs.restart();
    await jobs.store.resume(id);
    expect(await jobs.ended(id)).toMatchObject({ state: "completed", progress: { completed: 3 }, counts });
    const used = jobs.engine.requests.map(({ name, references }) => [name, references.map((one) => one.name)]);
    const chapter = ["ref_a.jpg", "ref_b.jpg"];
    expect(used).toEqual([
      ["p1.png", chapter],
      ["p1.png", [...chapter, "poster.jpg"]],
      ["p2.png", [...chapter, "poster.jpg"]],
      ["p3.png", [...chapter, "poster.jpg"]],
    ]);
    // Begun anew as another job, it is sorted as any draft.
    const again = await jobs.store.again(id);
    await jobs.until(again.id, ({ scanning }) => !scanning);
    expect(jobs.store.get(again.id).counts).toMatchObject({ pages: 3, references: 1, inColor: 2 });
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

it("refuses hints that are no strokes by what they are, with a remedy", async () => {
  await using jobs = await TestJobs.onPaper();
  const { id } = await jobs.chapter(1);
  const picture = (await jobs.picture(id, "p1.png")).id;
  for (const [bytes, reason] of [
    [new Uint8Array(), /the picture is not a picture that can be read, but .*empty/u],
    [await linePage(1), /the picture has no transparency/u],
    [(await linePage(1)).subarray(0, 20), /the picture is a damaged picture/u],
  ] as const)
    await expect(jobs.store.putHints(id, picture, bytes)).rejects.toMatchObject({
      code: "ERR_HINTS",
      message: expect.stringMatching(reason) as string,
      remedy: expect.stringMatching(/^save the layer/u) as string,
    });
  expect(await jobs.picture(id, "p1.png")).not.toHaveProperty("settings.hints");
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

  it("take settings back to the chapter's, references too, with null", async () => {
    await using jobs = await TestJobs.onPaper();
    const { id } = await jobs.chapter(1);
    const { id: page } = await jobs.picture(id, "p1.png");
    const { id: reference } = await jobs.picture(id, "ref_a.jpg");
    await jobs.store.updatePictures(id, [page], { settings: { references: [reference], topK: 2, seed: 5 } });
    await jobs.done(id);
    await jobs.store.redo(id, [page], { references: null, topK: null });
    await jobs.ended(id);
    const [first, second] = jobs.engine.requests;
    expect([first!.references.length, first!.settings.topK]).toEqual([1, 2]);
    expect([second!.references.length, second!.settings.topK, second!.settings.seed]).toEqual([2, 3, 5]);
    expect((await jobs.picture(id, "p1.png")).settings).toEqual({ seed: 5 });
    await jobs.store.redo(id, [page], { seed: null });
    await jobs.ended(id);
    expect((await jobs.picture(id, "p1.png")).settings).toBeUndefined();
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
    expect(metadata).toContain("cannot write the server's data folder");
    expect(metadata).not.toContain(jobs.data);
  });

  it("of an archive are all replaced where a finished job is started again with other settings", async () => {
    await using jobs = await TestJobs.onPaper();
    const { id } = await jobs.store.create();
    const zip = await readFile(await writeZip(join(jobs.data, "made.cbz"), await chapterFiles(2)));
    await jobs.upload(id, { "My chapter.cbz": zip });
    await jobs.done(id);
    await jobs.store.update(id, { settings: { seed: 7 } });
    await jobs.done(id);
    const after = await entriesOf(jobs, id);
    for (const name of ["p1_colorized.png", "p2_colorized.png"]) expect(after[name]).toContain('"seed":7');
    expect(await readdir(join(jobs.data, "jobs", id))).not.toContain("output_1.cbz");
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
