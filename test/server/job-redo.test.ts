// Pages that are done again: asked for as a run ends, taken back, paused, and with pages that fail. On paper.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ImageProcessingError } from "../../src/errors.js";
import { openStoredFiles } from "../../src/io/archive/stored-files.js";
import { overtake } from "../support/held-operation.js";
import { Gate, TestJobs } from "../support/job-store.js";
import { onPaper } from "../support/paper-engine.js";

async function seeds(jobs: TestJobs, id: string): Promise<(number | undefined)[]> {
  return (await jobs.store.pictures(id)).filter(({ role }) => role === "page").map(({ result }) => result?.seed);
}

async function ids(jobs: TestJobs, id: string): Promise<string[]> {
  return (await jobs.store.pictures(id)).filter(({ role }) => role === "page").map((page) => page.id);
}

describe("a page that is done again", () => {
  it("is done, and the job ends, at whatever moment of another redo it is asked for", async () => {
    await using jobs = await TestJobs.onPaper();
    const { id } = await jobs.chapter(1, { settings: { result: "cbz" } });
    await jobs.done(id);
    const pages = await ids(jobs, id);
    const isOver = async (): Promise<boolean> => {
      const stored = JSON.parse(await readFile(join(jobs.data, "jobs", id, "job.json"), "utf8")) as object;
      const isIdle = !("underWay" in stored) && !("redo" in stored);
      return isIdle && jobs.store.get(id).state === "completed";
    };
    const ended = (): Promise<void> => expect.poll(isOver, { interval: 3, timeout: 10_000 }).toBe(true);
    await ended();
    let seed = 0;
    const isOvertakenAt = async (at: number): Promise<boolean> => {
      const { second } = await overtake(
        join(jobs.data, "jobs", id, "output"),
        at,
        async () => {
          await jobs.store.redo(id, pages, { seed: ++seed });
          await ended();
        },
        () => jobs.store.redo(id, pages, { seed: ++seed }),
      );
      await ended();
      if (second !== undefined) expect(second).not.toHaveProperty("code");
      expect(jobs.store.get(id)).toMatchObject({ state: "completed", progress: { completed: 1, unfinished: 0 } });
      expect(await seeds(jobs, id)).toEqual([seed]);
      return second !== undefined;
    };
    // The last operation that a run has, and those before it: between them a run is no more and its end is not written.
    let last = 1;
    for (let step = 64; step >= 1; step /= 2) if (await isOvertakenAt(last + step)) last += step;
    expect(last).toBeGreaterThan(8);
    for (let at = last - 6; at < last; at++) expect(await isOvertakenAt(at)).toBe(true);
  });

  it("is as it was when the redo is taken back at once; the job's pages count as before", async () => {
    const gate = new Gate();
    gate.open();
    await using jobs = await TestJobs.onPaper(
      async (request, { signal }) => (await gate.pass(signal), onPaper(request)),
    );
    const { id } = await jobs.chapter(2);
    await jobs.done(id);
    for (const waitingOnly of [false, true]) {
      await jobs.store.redo(id, await ids(jobs, id), { seed: 77 });
      await jobs.store.cancel(id, { waitingOnly });
      await jobs.until(id, ({ state, progress }) => state === "completed" && progress.completed === 2);
    }
    jobs.engine.requests.length = 0;
    expect(await jobs.done(id)).toMatchObject({ state: "completed", progress: { total: 2, completed: 2 } });
    expect(jobs.engine.requests).toEqual([]);
    expect(await seeds(jobs, id)).toEqual([0, 0]);
  });

  it("joins a redo that is paused; taken back, the job is where it was before the first", async () => {
    let gate = new Gate();
    gate.open();
    await using jobs = await TestJobs.onPaper(
      async (request, { signal }) => (await gate.pass(signal), onPaper(request)),
    );
    const { id } = await jobs.chapter(3);
    await jobs.done(id);
    const [one, two, three] = await ids(jobs, id);
    for (const isTakenBack of [true, false]) {
      gate = new Gate();
      await jobs.store.redo(id, [one!, two!], { seed: 5 });
      await gate.arrival();
      await jobs.store.pause(id);
      await jobs.store.redo(id, [three!], { seed: 6 });
      if (isTakenBack) await jobs.store.cancel(id);
      gate.open();
      expect(await jobs.ended(id)).toMatchObject({ state: "completed" });
      await expect.poll(() => seeds(jobs, id)).toEqual(isTakenBack ? [0, 0, 0] : [5, 5, 6]);
    }
  });

  it("has the settings of its picture again where it is asked for once more before it is done, and that is taken back", async () => {
    for (const isTakenBackInTime of [false, true]) {
      let gate = new Gate();
      gate.open();
      await using jobs = await TestJobs.onPaper(
        async (request, { signal }) => (await gate.pass(signal), onPaper(request)),
      );
      const { id } = await jobs.chapter(2);
      await jobs.done(id);
      const [one, two] = await ids(jobs, id);
      const first = (gate = new Gate());
      await jobs.store.redo(id, [one!, two!], { seed: 5 });
      await first.arrival();
      await jobs.store.redo(id, [one!], { seed: 9 });
      const second = (gate = new Gate());
      first.open();
      await second.arrival(); // the second page of the first redo
      await expect.poll(() => seeds(jobs, id)).toEqual([5, 0]);
      if (!isTakenBackInTime) {
        const third = (gate = new Gate());
        second.open();
        await third.arrival();
      }
      await jobs.store.cancel(id);
      expect(await jobs.ended(id)).toMatchObject({ state: "completed" });
      await expect.poll(() => seeds(jobs, id)).toEqual(isTakenBackInTime ? [5, 0] : [5, 5]);
      const settings = (name: string) => expect.poll(async () => (await jobs.picture(id, name)).settings);
      await settings("p1.png").toEqual({ seed: 5 });
      await settings("p2.png").toEqual(isTakenBackInTime ? undefined : { seed: 5 });
    }
  });

  it("of a job that is paused while its run ends is done at once; the job is paused again", async () => {
    const gate = new Gate();
    await using jobs = await TestJobs.onPaper(
      async (request, { signal }) => (await gate.pass(signal), onPaper(request)),
    );
    const { id } = await jobs.chapter(3);
    await jobs.store.start(id);
    await gate.arrival();
    await jobs.store.pause(id);
    expect((await jobs.store.redo(id, [(await ids(jobs, id))[2]!], { seed: 8 })).state).toBe("queued");
    gate.open();
    expect(await jobs.ended(id)).toMatchObject({ state: "paused", progress: { completed: 2, unfinished: 1 } });
    expect(await seeds(jobs, id)).toEqual([0, undefined, 8]);
  });

  it("is in the result also where another page of the redo fails, whose picture of before stays there", async () => {
    const broken = new Set(["p1.png"]);
    await using jobs = await TestJobs.onPaper((request) => {
      if (!broken.has(request.name)) return onPaper(request);
      throw new ImageProcessingError("ERR_RUN", "the model broke", { imagePath: request.name });
    });
    const { id } = await jobs.chapter(3, { settings: { result: "cbz" } });
    expect(await jobs.done(id)).toMatchObject({ progress: { completed: 2, failed: 1 } });
    const [one, two] = await ids(jobs, id);
    broken.clear();
    broken.add("p2.png");
    jobs.engine.requests.length = 0;
    await jobs.store.redo(id, [one!, two!], { seed: 4 });
    expect(await jobs.ended(id)).toMatchObject({ state: "completed", progress: { completed: 3, failed: 0 } });
    expect(jobs.engine.requests.map(({ name }) => name)).toEqual(["p1.png", "p2.png"]);
    expect(jobs.store.get(id).warnings).toEqual([
      "p2.png could not be done again and stays as it was: the model broke",
    ]);
    const { path } = await jobs.store.result(id);
    const stored = await openStoredFiles(path!);
    const seedsThere = await Promise.all(
      stored.files
        .filter(({ name }) => name.endsWith("_colorized.png"))
        .map(async (file) => (JSON.parse(Buffer.from(await file.read()).toString()) as Made).settings.seed),
    );
    await stored.close();
    expect(seedsThere).toEqual([4, 0, 0]);
    expect(await seeds(jobs, id)).toEqual([4, 0, 0]);
    expect((await jobs.picture(id, "p2.png")).settings).toBeUndefined();
    await jobs.restart();
    expect(await seeds(jobs, id)).toEqual([4, 0, 0]);
  });

  it("of a job that an earlier server left as running after a redo can be gone on with", async () => {
    await using jobs = await TestJobs.onPaper();
    const { id } = await jobs.chapter(1);
    await jobs.done(id);
    const [page] = await ids(jobs, id);
    const path = join(jobs.data, "jobs", id, "job.json");
    await jobs.restart(async () => {
      const stored = JSON.parse(await readFile(path, "utf8")) as object;
      const redo = { pages: [page], afterwards: "running" };
      await writeFile(path, JSON.stringify({ ...stored, state: "queued", redo }));
    });
    expect(await jobs.ended(id)).toMatchObject({ state: "completed", progress: { completed: 1 } });
  });
});

interface Made {
  readonly settings: { readonly seed: number };
}
