// The queue: order, jobs in the background, pause, cancel, failures, restarts. With an engine on paper.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ImageProcessingError } from "../../../../src/errors.js";
import { setupLogging } from "../../../../src/logging.js";
import { queueOrder, ranksAt } from "../../../../src/ui/web/jobs/queue-order.js";
import { Gate, TestJobs } from "../../../support/job-store.js";
import { capture, parse } from "../../../support/log-lines.js";
import { onPaper } from "../../../support/paper-engine.js";

describe("the order of queued jobs", () => {
  const job = (id: string, rank: number, background = false, state: "queued" | "paused" = "queued") => ({
    id,
    rank,
    background,
    state,
    createdAt: "2026-01-01T00:00:00.000Z",
  });

  it("is by rank, those in the background last, others left out", () => {
    const jobs = [job("a", 3), job("b", 1, true), job("c", 2), job("d", 0, false, "paused")];
    expect(queueOrder(jobs).map(({ id }) => id)).toEqual(["c", "a", "b"]);
  });

  it("has a job at each place it is moved to", () => {
    for (const place of [0, 1, 2, 3, 9]) {
      const jobs = [job("a", 1), job("b", 2), job("c", 5), job("d", 7)];
      const ranks = ranksAt(jobs, "b", place);
      const moved = jobs.map((one) => ({ ...one, rank: ranks.get(one.id) ?? one.rank }));
      expect(queueOrder(moved).findIndex(({ id }) => id === "b")).toBe(Math.min(place, 3));
      expect(
        queueOrder(moved)
          .map(({ id }) => id)
          .filter((id) => id !== "b"),
      ).toEqual(["a", "c", "d"]);
    }
  });
});

describe("the queue", () => {
  it("runs one job at a time, in the order people gave", async () => {
    const gate = new Gate();
    const begun: (string | undefined)[] = [];
    await using jobs = await TestJobs.onPaper(async (request) => {
      begun.push(jobs.store.list().find(({ state }) => state === "running")?.id);
      await gate.pass();
      return onPaper(request);
    });
    const [a, b, c] = [await jobs.chapter(1), await jobs.chapter(1), await jobs.chapter(1)];
    await jobs.store.start(a.id);
    await gate.arrival();
    await jobs.store.start(b.id);
    await jobs.store.start(c.id);
    expect([a, b, c].map(({ id }) => jobs.store.get(id).position)).toEqual([undefined, 0, 1]);
    await jobs.store.update(c.id, { position: 0 });
    expect([b, c].map(({ id }) => jobs.store.get(id).position)).toEqual([1, 0]);
    gate.open();
    await jobs.ended(b.id);
    expect(begun).toEqual([a.id, c.id, b.id]);
    expect(jobs.engine.mostInColouring).toBe(1);
  });

  it("has a job in the background make room and go on afterwards, its pages kept", async () => {
    const gate = new Gate();
    await using jobs = await TestJobs.onPaper(async (request) => (await gate.pass(), onPaper(request)));
    const behind = await jobs.chapter(3, { background: true });
    const urgent = await jobs.chapter(1);
    await jobs.store.start(behind.id);
    await gate.arrival();
    await jobs.store.start(urgent.id);
    gate.open();
    const done = await jobs.ended(urgent.id);
    expect(done.state).toBe("completed");
    expect(jobs.store.get(behind.id).state).not.toBe("completed");
    expect(await jobs.ended(behind.id)).toMatchObject({ state: "completed", progress: { completed: 3 } });
    expect(jobs.engine.requests.map(({ name }) => name).filter((name) => name === "p1.png")).toHaveLength(2);
    expect(jobs.engine.requests).toHaveLength(4);
  });

  it("pauses after the page in progress and goes on with the next", async () => {
    const gate = new Gate();
    await using jobs = await TestJobs.onPaper(async (request) => (await gate.pass(), onPaper(request)));
    const { id } = await jobs.chapter(2);
    await jobs.store.start(id);
    await gate.arrival();
    expect((await jobs.store.pause(id)).state).toBe("paused");
    gate.open();
    await jobs.until(id, ({ progress }) => progress.completed === 1);
    await expect
      .poll(async () => (await jobs.store.pictures(id)).map(({ state }) => state))
      .toEqual(["completed", "waiting", "none", "none"]);
    expect(jobs.store.get(id).state).toBe("paused");
    await jobs.store.resume(id);
    expect(await jobs.ended(id)).toMatchObject({ state: "completed", progress: { completed: 2 } });
    expect(jobs.engine.requests.map(({ name }) => name)).toEqual(["p1.png", "p2.png"]);
  });

  it.each(["pause", "cancel"] as const)(
    "counts the pages of a job that was killed after %s, while its run ended",
    async (act) => {
      const gate = new Gate();
      await using jobs = await TestJobs.onPaper(async (request) => (await gate.pass(), onPaper(request)));
      const { id } = await jobs.chapter(3);
      await jobs.store.start(id);
      await gate.arrival();
      gate.one();
      await jobs.until(id, ({ progress }) => progress.completed === 1);
      await gate.arrival();
      await jobs.store[act](id);
      const record = join(jobs.data, "jobs", id, "job.json");
      const atTheKill = await readFile(record);
      gate.open();
      await jobs.restart(() => writeFile(record, atTheKill));
      const { state, progress, result } = jobs.store.get(id);
      expect(state).toBe(act === "pause" ? "paused" : "cancelled");
      expect(progress.completed).toBeGreaterThanOrEqual(1);
      expect(result).toBeDefined();
      expect(await jobs.store[act === "pause" ? "resume" : "start"](id)).toBeDefined();
      expect(await jobs.ended(id)).toMatchObject({ state: "completed", progress: { completed: 3 } });
    },
  );

  it("cancels at once, or only what waits; a cancelled job can go on", async () => {
    const gate = new Gate();
    await using jobs = await TestJobs.onPaper(
      async (request, { signal }) => (await gate.pass(signal), onPaper(request)),
    );
    const { id } = await jobs.chapter(3);
    await jobs.store.start(id);
    await gate.arrival();
    jobs.events.length = 0;
    await jobs.store.cancel(id);
    await expect.poll(() => jobs.engine.inColouring).toBe(0);
    // Pages that are not done are told by the state of their job: those who look are told to ask again.
    await expect.poll(() => jobs.events).toContainEqual({ type: "pictures", job: id });
    expect((await jobs.store.pictures(id)).map(({ state }) => state)).toEqual([
      "cancelled",
      "cancelled",
      "cancelled",
      "none",
      "none",
    ]);
    await jobs.store.start(id);
    await gate.arrival();
    expect((await jobs.store.cancel(id, { waitingOnly: true })).state).toBe("cancelled");
    gate.open();
    await jobs.until(id, ({ progress }) => progress.completed === 1);
    // The next page may have been read already: it is given up when the run ends.
    await expect
      .poll(async () => (await jobs.store.pictures(id)).map(({ state }) => state).slice(0, 3))
      .toEqual(["completed", "cancelled", "cancelled"]);
    expect(await jobs.done(id)).toMatchObject({ state: "completed", progress: { completed: 3 } });
    expect(jobs.engine.requests.map(({ name }) => name)).toEqual(["p1.png", "p1.png", "p2.png", "p3.png"]);
  });

  it("goes on with what waited and ran when the server starts again; drafts stay drafts", async () => {
    const gate = new Gate();
    await using jobs = await TestJobs.onPaper(async (request) => (await gate.pass(), onPaper(request)));
    const [running, queued, draft] = [await jobs.chapter(2), await jobs.chapter(1), await jobs.chapter(1)];
    await jobs.store.start(running.id);
    await gate.arrival();
    await jobs.store.start(queued.id);
    const closing = jobs.store.close();
    gate.one();
    await closing;
    expect(jobs.engine.requests).toHaveLength(1);
    await jobs.restart();
    gate.open();
    expect((await jobs.ended(queued.id)).state).toBe("completed");
    expect(jobs.store.get(running.id)).toMatchObject({ state: "completed", progress: { completed: 2 } });
    expect(jobs.store.get(draft.id).state).toBe("draft");
    expect(jobs.engine.requests.map(({ name }) => name)).toEqual(["p1.png", "p2.png", "p1.png"]);
  });

  it("tells of a failed page with its reason, and tries it again", async () => {
    let broken = true;
    await using jobs = await TestJobs.onPaper((request) => {
      if (!broken || request.name !== "p2.png") return onPaper(request);
      throw new ImageProcessingError("ERR_IMAGE_ENCODE", "p2.png cannot be written", { imagePath: "p2.png" });
    });
    const { id } = await jobs.chapter(3);
    await expect(jobs.store.retry(id)).rejects.toMatchObject({ code: "ERR_STATE" });
    expect(await jobs.done(id)).toMatchObject({ state: "completed", progress: { completed: 2, failed: 1 } });
    expect(await jobs.picture(id, "p2.png")).toMatchObject({ state: "failed", failure: { code: "ERR_IMAGE_ENCODE" } });
    await jobs.restart();
    expect(await jobs.picture(id, "p2.png")).toMatchObject({ state: "failed", failure: { code: "ERR_IMAGE_ENCODE" } });
    broken = false;
    await jobs.store.retry(id);
    expect(await jobs.ended(id)).toMatchObject({ state: "completed", progress: { completed: 3, failed: 0 } });
    expect((await jobs.picture(id, "p2.png")).failure).toBeUndefined();
  });

  it("tries one failed page again alone; the other stays failed, with its reason", async () => {
    const broken = new Set(["p1.png", "p3.png"]);
    await using jobs = await TestJobs.onPaper((request) => {
      if (!broken.has(request.name)) return onPaper(request);
      throw new ImageProcessingError("ERR_IMAGE_ENCODE", `${request.name} cannot be written`, {
        imagePath: request.name,
      });
    });
    const { id } = await jobs.chapter(3);
    expect(await jobs.done(id)).toMatchObject({ state: "completed", progress: { completed: 1, failed: 2 } });
    const [one, two] = [await jobs.picture(id, "p1.png"), await jobs.picture(id, "p2.png")];
    await expect(jobs.store.retry(id, [two.id])).rejects.toMatchObject({ code: "ERR_ARGUMENT" });
    broken.clear();
    jobs.engine.requests.length = 0;
    await jobs.store.retry(id, [one.id]);
    expect(await jobs.ended(id)).toMatchObject({
      state: "completed",
      progress: { total: 3, completed: 2, failed: 1, unfinished: 0 },
    });
    expect(jobs.engine.requests.map(({ name, settings }) => [name, settings.seed])).toEqual([["p1.png", 0]]);
    expect(await jobs.picture(id, "p1.png")).toMatchObject({ state: "completed" });
    expect(await jobs.picture(id, "p3.png")).toMatchObject({ state: "failed", failure: { code: "ERR_IMAGE_ENCODE" } });
    await jobs.store.retry(id);
    expect(await jobs.ended(id)).toMatchObject({ state: "completed", progress: { completed: 3, failed: 0 } });
  });

  it("knows after a kill at once how many pages are where", async () => {
    const gate = new Gate();
    await using jobs = await TestJobs.onPaper(
      async (request, { signal }) => (await gate.pass(signal), onPaper(request)),
    );
    const { id } = await jobs.chapter(3);
    await jobs.store.start(id);
    await gate.arrival();
    const closing = jobs.store.close();
    gate.one();
    await closing;
    const path = join(jobs.data, "jobs", id, "job.json");
    await jobs.restart(async () => {
      // As a kill leaves it: nothing was said of the run's end.
      const stored = JSON.parse(await readFile(path, "utf8")) as object;
      const progress = { total: 0, completed: 0, failed: 0, unfinished: 0 };
      await writeFile(path, JSON.stringify({ ...stored, state: "running", progress }));
    });
    expect(jobs.store.get(id).progress).toEqual({ total: 3, completed: 1, failed: 0, unfinished: 2 });
    await gate.arrival();
    expect(jobs.store.get(id).progress).toEqual({ total: 3, completed: 1, failed: 0, unfinished: 2 });
    gate.open();
    expect(await jobs.ended(id)).toMatchObject({ state: "completed", progress: { total: 3, completed: 3 } });
  });

  it("says why a job could not run, and goes on with the next one", async () => {
    await using jobs = await TestJobs.onPaper();
    const bad = await jobs.chapter(1);
    const good = await jobs.chapter(1);
    const references = (await jobs.store.pictures(bad.id)).filter(({ role }) => role === "reference");
    await jobs.store.updatePictures(
      bad.id,
      references.map(({ id }) => id),
      { role: "inColor" },
    );
    await expect(jobs.store.start(bad.id)).rejects.toMatchObject({ code: "ERR_NO_REFERENCES" });
    expect((await jobs.done(good.id)).state).toBe("completed");
    const empty = await jobs.store.create();
    await expect(jobs.store.start(empty.id)).rejects.toMatchObject({ code: "ERR_INPUT_EMPTY" });
  });

  it("removes a job that has just begun, which is no error to log", async () => {
    await using jobs = await TestJobs.onPaper(async (request) => onPaper(request));
    const { id } = await jobs.chapter(1);
    const lines = capture();
    setupLogging({ stream: lines });
    try {
      await jobs.store.start(id);
      await jobs.store.remove(id);
    } finally {
      setupLogging({ level: "SILENT" });
    }
    expect(parse(lines.text).filter(({ level }) => level === "ERROR")).toEqual([]);
  });

  it("removes a job that runs", async () => {
    const gate = new Gate();
    await using jobs = await TestJobs.onPaper(
      async (request, { signal }) => (await gate.pass(signal), onPaper(request)),
    );
    const { id } = await jobs.chapter(1);
    const next = await jobs.chapter(1);
    await jobs.store.start(id);
    await gate.arrival();
    await jobs.store.remove(id);
    expect(() => jobs.store.get(id)).toThrow(expect.objectContaining({ code: "ERR_JOB_NOT_FOUND" }));
    expect(jobs.events.at(-1)).toMatchObject({ type: "job-removed", id });
    gate.open();
    expect((await jobs.done(next.id)).state).toBe("completed");
    await jobs.restart();
    expect(jobs.store.list().map((job) => job.id)).toEqual([next.id]);
  });
});
