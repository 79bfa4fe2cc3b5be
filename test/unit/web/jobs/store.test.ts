// What a store keeps: its index, folders that somebody changed, events, a full disk. With an engine on paper.
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import Database from "libsql";
import { afterEach, describe, expect, it, vi } from "vitest";
import { ModelError, ResourceError } from "../../../../src/errors.js";
import { Feed } from "../../../../src/ui/web/jobs/feed.js";
import type { ServerEvent } from "../../../../src/ui/web/api/schemas.js";
import { oneEngine, problemOf, statusOf } from "../../../../src/ui/web/jobs/index.js";
import { Gate, TestJobs } from "../../../support/job-store.js";
import { onPaper, paperEngine } from "../../../support/paper-engine.js";

describe("the index", () => {
  it("is made anew from the folders where it is lost, cut or no database", async () => {
    await using jobs = await TestJobs.onPaper();
    const { id } = await jobs.chapter(1, { name: "kept" });
    await jobs.done(id);
    const before = jobs.store.get(id);
    const path = join(jobs.data, "jobs.sqlite");
    const damages = [
      () => rm(path),
      () => writeFile(path, "no database at all"),
      async () => writeFile(path, (await readFile(path)).subarray(0, 5000)),
      async () => writeFile(path, (await readFile(path)).fill(0xff, 100)),
    ];
    for (const damage of damages) {
      await jobs.restart(async () => {
        for (const end of ["-wal", "-shm"]) await rm(path + end, { force: true });
        await damage();
      });
      expect(jobs.store.get(id)).toEqual(before);
    }
  });

  it("keeps what cannot be read under another name, with what belongs to it", async () => {
    await using jobs = await TestJobs.onPaper();
    const { id } = await jobs.chapter(1);
    const path = join(jobs.data, "jobs.sqlite");
    for (const text of ["first", "second"])
      await jobs.restart(async () => {
        for (const end of ["-wal", "-shm"]) await rm(path + end, { force: true });
        await writeFile(path, text);
        await writeFile(`${path}-journal`, `${text}'s own`);
      });
    expect(jobs.store.get(id)).toMatchObject({ id });
    expect((await readdir(jobs.data)).filter((name) => name.includes("damaged")).sort()).toEqual([
      "jobs.sqlite.damaged",
      "jobs.sqlite.damaged-journal",
      "jobs.sqlite.damaged_1",
      "jobs.sqlite.damaged_1-journal",
    ]);
    expect(await readFile(`${path}.damaged`, "utf8")).toBe("first");
    expect(await readFile(`${path}.damaged_1-journal`, "utf8")).toBe("second's own");
  });

  it.each([
    "CREATE TABLE jobs (company TEXT, salary INTEGER)",
    "CREATE TABLE jobs (id TEXT PRIMARY KEY, stamp TEXT NOT NULL, job TEXT NOT NULL); CREATE TABLE notes (text TEXT)",
    "CREATE TABLE other (id TEXT); PRAGMA user_version = 1",
    "PRAGMA application_id = 7",
  ])("refuses another program's database and leaves it as it is: %s", async (sql) => {
    await using jobs = await TestJobs.onPaper();
    const { id } = await jobs.chapter(1);
    const path = join(jobs.data, "jobs.sqlite");
    let bytes: Buffer | undefined;
    const restarted = jobs.restart(async () => {
      await rm(path);
      const database = new Database(path);
      database.exec(sql);
      database.close();
      bytes = await readFile(path);
    });
    await expect(restarted).rejects.toThrow(/jobs\.sqlite is a database of another program/u);
    expect((await readFile(path)).equals(bytes!)).toBe(true);
    await rm(path);
    await jobs.open();
    expect(jobs.store.get(id)).toMatchObject({ id });
  });

  it("takes a database of an earlier version, which did not say whose it was", async () => {
    await using jobs = await TestJobs.onPaper();
    const { id } = await jobs.chapter(1);
    const path = join(jobs.data, "jobs.sqlite");
    await jobs.restart(async () => {
      const database = new Database(path);
      database.exec("PRAGMA application_id = 0");
      database.close();
    });
    expect(jobs.store.get(id)).toMatchObject({ id });
    expect((await readdir(jobs.data)).filter((name) => name.includes("damaged"))).toEqual([]);
  });

  it("never says something else than the folders: a job that was put back, changed or taken away", async () => {
    await using jobs = await TestJobs.onPaper();
    const [changed, gone] = [await jobs.chapter(1), await jobs.chapter(1)];
    await jobs.restart(async () => {
      const path = join(jobs.data, "jobs", changed.id, "job.json");
      const stored = JSON.parse(await readFile(path, "utf8")) as object;
      await writeFile(path, JSON.stringify({ ...stored, name: "by hand" }));
      await rm(join(jobs.data, "jobs", gone.id), { recursive: true });
    });
    expect(jobs.store.list().map(({ id, name }) => [id, name])).toEqual([[changed.id, "by hand"]]);
  });
});

describe("a folder that somebody made", () => {
  it("is a damaged job where its job.json breaks a rule: shown, left as it is, and deleted when asked", async () => {
    await using jobs = await TestJobs.onPaper();
    const { id } = await jobs.chapter(1);
    const stored = JSON.parse(await readFile(join(jobs.data, "jobs", id, "job.json"), "utf8")) as Record<
      string,
      unknown
    >;
    const other = "zzzzzzzzzz";
    const bad = [
      "{",
      "[]",
      JSON.stringify({ ...stored, id: other, extra: 1 }),
      JSON.stringify({ ...stored, id }),
      JSON.stringify({ ...stored, id: other, output: { kind: "folder", file: "../../x" } }),
      JSON.stringify({ ...stored, id: other, output: { kind: "archive", file: ".." } }),
      JSON.stringify({
        ...stored,
        id: other,
        preview: { pages: [], seeds: [{ page: other, seed: 1, file: "/etc/passwd" }] },
      }),
      JSON.stringify({ ...stored, id: other, state: "done" }),
    ];
    for (const text of bad) {
      await jobs.restart(async () => {
        await mkdir(join(jobs.data, "jobs", other), { recursive: true });
        await writeFile(join(jobs.data, "jobs", other, "job.json"), text);
      });
      expect(jobs.store.get(id).state).toBe("draft");
      expect(jobs.store.get(other)).toMatchObject({ state: "damaged", problem: { code: "ERR_STATE" } });
      for (const work of [
        () => jobs.store.start(other),
        () => jobs.store.update(other, { name: "new" }),
        () => jobs.store.again(other),
        () => jobs.target(other, "reference", "r.png"),
        () => jobs.store.uploaded(other),
        () => jobs.store.redo(other, []),
      ])
        await expect(work()).rejects.toMatchObject({ code: "ERR_STATE" });
      expect(await jobs.store.pictures(other)).toEqual([]);
      expect(await readFile(join(jobs.data, "jobs", other, "job.json"), "utf8")).toBe(text);
    }
    await jobs.store.remove(other);
    expect(await readdir(join(jobs.data, "jobs"))).toEqual([id]);
    await jobs.restart();
    expect(jobs.store.list().map((job) => job.id)).toEqual([id]);
  });

  it("is shown without a job.json too; what is no folder of a job is left alone", async () => {
    await using jobs = await TestJobs.onPaper();
    await jobs.restart(async () => {
      for (const name of ["zzzzzzzzzz", "lost+found", ".removed-aaaaaaaaaa", ".removed-My pictures"])
        await mkdir(join(jobs.data, "jobs", name));
      await writeFile(join(jobs.data, "jobs", "yyyyyyyyyy"), "");
      await mkdir(join(jobs.data, "jobs", "xxxxxxxxxx", "job.json"), { recursive: true });
    });
    expect(
      jobs.store
        .list()
        .map(({ id, state }) => [id, state])
        .sort(),
    ).toEqual([
      ["xxxxxxxxxx", "damaged"],
      ["zzzzzzzzzz", "damaged"],
    ]);
    expect((await readdir(join(jobs.data, "jobs"))).sort()).toEqual([
      ".removed-My pictures",
      "lost+found",
      "xxxxxxxxxx",
      "yyyyyyyyyy",
      "zzzzzzzzzz",
    ]);
  });

  it("has its pictures looked at again where the list of them is damaged", async () => {
    await using jobs = await TestJobs.onPaper();
    const { id } = await jobs.chapter(1);
    await jobs.restart(() => writeFile(join(jobs.data, "jobs", id, "pictures.json"), "{}"));
    await jobs.store.start(id);
    expect(await jobs.ended(id)).toMatchObject({ state: "completed", progress: { completed: 1 } });
  });
});

describe("records of an earlier server", () => {
  /** Writes the files of a job as they were when `inColor` was spelled otherwise. */
  async function respell(folder: string): Promise<void> {
    for (const name of ["job.json", "pictures.json"]) {
      const text = await readFile(join(folder, name), "utf8");
      const old = text.replaceAll('"inColor"', '"inColour"');
      expect(old, name).not.toBe(text);
      await writeFile(join(folder, name), old);
    }
  }

  it("are opened: counts, roles and results as before, and nothing is written until something changes", async () => {
    await using jobs = await TestJobs.onPaper();
    const { id } = await jobs.chapter(2, { name: "kept" });
    const kept = await jobs.picture(id, "p2.png");
    await jobs.store.updatePictures(id, [kept.id], { role: "inColor" });
    await jobs.done(id);
    await jobs.restart();
    const [job, pictures] = [jobs.store.get(id), await jobs.store.pictures(id)];
    expect(job).toMatchObject({ state: "completed", counts: { pages: 1, inColor: 1 } });
    const folder = join(jobs.data, "jobs", id);
    await jobs.restart(() => respell(folder));
    expect(jobs.store.get(id)).toEqual(job);
    expect(await jobs.store.pictures(id)).toEqual(pictures);
    expect(await readFile(join(folder, "job.json"), "utf8")).toContain('"inColour"');
    // From the index too, which was made from such a file.
    await jobs.restart();
    expect(jobs.store.get(id)).toEqual(job);
    await jobs.store.update(id, { name: "changed" });
    expect(await readFile(join(folder, "job.json"), "utf8")).not.toContain('"inColour"');
    await jobs.restart();
    expect(jobs.store.get(id)).toMatchObject({ name: "changed", counts: job.counts });
  });

  it("are damaged where both spellings say something", async () => {
    await using jobs = await TestJobs.onPaper();
    const { id } = await jobs.chapter(1);
    const path = join(jobs.data, "jobs", id, "job.json");
    await jobs.restart(async () => {
      const text = await readFile(path, "utf8");
      await writeFile(path, text.replace('"inColor":', '"inColour":3,"inColor":'));
    });
    expect(jobs.store.get(id).state).toBe("damaged");
  });
});

describe("a full disk", () => {
  it("refuses a change and leaves the job as it was", async () => {
    await using jobs = await TestJobs.onPaper();
    const { id } = await jobs.chapter(1, { name: "before" });
    const folder = join(jobs.data, "jobs", id);
    const kept = await readdir(folder);
    // A folder in the file's place: nothing can be renamed over it, as nothing can be written to a full disk.
    await rm(join(folder, "job.json"));
    await mkdir(join(folder, "job.json", "x"), { recursive: true });
    await expect(jobs.store.update(id, { name: "after" })).rejects.toMatchObject({ code: "ERR_OUTPUT_WRITE" });
    expect(statusOf("ERR_OUTPUT_WRITE")).toBe(507);
    expect(jobs.store.get(id).name).toBe("before");
    expect(await readdir(folder)).toEqual(kept);
    await rm(join(folder, "job.json"), { recursive: true });
    expect((await jobs.store.update(id, { name: "after" })).name).toBe("after");
  });

  it("ends a run as the job's problem; with room it goes on, and what was done is kept", async () => {
    let isFull = true;
    await using jobs = await TestJobs.onPaper((request) => {
      if (isFull && request.name === "p2.png")
        throw new ResourceError("ERR_OUTPUT_WRITE", `cannot write ${jobs.data}/x: no space`);
      return onPaper(request);
    });
    const { id } = await jobs.chapter(3);
    const failed = await jobs.done(id);
    expect(failed).toMatchObject({ state: "failed", problem: { code: "ERR_OUTPUT_WRITE", status: 507 } });
    expect(JSON.stringify(failed)).not.toContain(jobs.data);
    isFull = false;
    await jobs.store.retry(id);
    const done = await jobs.ended(id);
    expect(done).toMatchObject({ state: "completed", progress: { completed: 3 } });
    expect(done.problem).toBeUndefined();
    expect(jobs.engine.requests.map(({ name }) => name).filter((name) => name === "p1.png")).toHaveLength(1);
  });
});

describe("a job", () => {
  it("whose folder was taken away says so, is deleted, and the next server does not know it", async () => {
    await using jobs = await TestJobs.onPaper();
    const { id } = await jobs.chapter(1);
    const kept = await jobs.chapter(1);
    await rm(join(jobs.data, "jobs", id), { recursive: true });
    await expect(jobs.store.start(id)).rejects.toMatchObject({
      code: "ERR_INPUT_GONE",
      message: "the chapter's folder has vanished from the server's disk",
    });
    expect(jobs.store.get(id).state).toBe("draft");
    await jobs.restart();
    expect(jobs.store.list().map((one) => one.id)).toEqual([kept.id]);
    await rm(join(jobs.data, "jobs", kept.id), { recursive: true });
    await jobs.store.remove(kept.id);
    expect(jobs.store.list()).toEqual([]);
  });

  it("fails where the engine cannot be opened, and can be tried again", async () => {
    const paper = paperEngine();
    let broken = true;
    const engine = async () => {
      if (broken) throw new ModelError("ERR_MODEL_NOT_FOUND", "there is no model");
      return paper;
    };
    await using jobs = await TestJobs.with(paper, { colorizer: oneEngine(engine) });
    const { id } = await jobs.chapter(1);
    expect(await jobs.done(id)).toMatchObject({
      state: "failed",
      problem: { code: "ERR_MODEL_NOT_FOUND", status: 500 },
    });
    broken = false;
    await jobs.store.retry(id);
    expect((await jobs.ended(id)).state).toBe("completed");
  });

  it("says how many seconds are left, once a page is done", async () => {
    const gate = new Gate();
    await using jobs = await TestJobs.onPaper(async (request) => (await gate.pass(), onPaper(request)));
    const { id } = await jobs.chapter(3);
    await jobs.store.start(id);
    await gate.arrival();
    expect(jobs.store.get(id).secondsLeft).toBeUndefined();
    gate.one();
    await gate.arrival();
    const { secondsLeft } = await jobs.until(
      id,
      (job) => job.progress.completed === 1 && job.secondsLeft !== undefined,
    );
    expect(secondsLeft).toBeGreaterThanOrEqual(0);
    gate.open();
    expect((await jobs.ended(id)).secondsLeft).toBeUndefined();
  });

  it("is refused above the limits", async () => {
    await using jobs = await TestJobs.onPaper(undefined, { limits: { jobs: 1, filesOfJob: 2 } });
    const { id } = await jobs.store.create();
    await expect(jobs.store.create()).rejects.toMatchObject({ code: "ERR_QUEUE_FULL" });
    await expect(jobs.store.again(id)).rejects.toMatchObject({ code: "ERR_QUEUE_FULL" });
    const first = await jobs.target(id, "input", "1.png");
    await jobs.target(id, "input", "2.png");
    await expect(jobs.target(id, "input", "3.png")).rejects.toMatchObject({ code: "ERR_QUEUE_FULL" });
    jobs.store.uploadFailed(first);
    expect(await jobs.target(id, "input", "3.png")).toMatch(/3\.png$/u);
  });

  it("has a name of people's own, or that of its input", async () => {
    await using jobs = await TestJobs.onPaper();
    const { id } = await jobs.store.create({ name: "  a\u202Eb\n " });
    expect(jobs.store.get(id).name).toBe("a b");
    await jobs.store.update(id, { name: "👩".repeat(200) });
    for (const name of ["", " \n", "x".repeat(201)])
      await expect(jobs.store.update(id, { name })).rejects.toMatchObject({ code: "ERR_ARGUMENT" });
  });
});

describe("an error as the API tells it", () => {
  it("has its status and remedy; what is no error of the engine tells nothing", () => {
    expect(problemOf(new ResourceError("ERR_OUTPUT_WRITE", "full"))).toMatchObject({ status: 507, detail: "full" });
    expect(problemOf(new TypeError("secret"))).toMatchObject({ status: 500, code: "ERR_INTERNAL" });
    expect(JSON.stringify(problemOf(new TypeError("secret")))).not.toContain("secret");
  });
});

describe("events", () => {
  afterEach(() => void vi.useRealTimers());

  it("about one thing come at most twenty times a second, and the last one always", () => {
    vi.useFakeTimers();
    const feed = new Feed();
    const told: { at: number; id: string }[] = [];
    feed.listen((event) =>
      told.push({ at: Date.now(), id: (event as Extract<ServerEvent, { type: "job-removed" }>).id }),
    );
    const start = Date.now();
    for (let step = 1; step <= 1000; step++) {
      feed.changed("page", () => ({ type: "job-removed", id: String(step) }));
      vi.advanceTimersByTime(1);
    }
    vi.advanceTimersByTime(500);
    expect(told[0]).toEqual({ at: start, id: "1" });
    expect(told.at(-1)!.id).toBe("1000");
    for (const [index, { at }] of told.entries())
      if (index > 0) expect(at - told[index - 1]!.at).toBeGreaterThanOrEqual(50);
    expect(told).toHaveLength(21);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("that wait are told at the end, and not of what is gone", () => {
    vi.useFakeTimers();
    const feed = new Feed();
    const told: ServerEvent[] = [];
    feed.listen((event) => told.push(event));
    for (const id of ["a", "b", "a", "b"]) feed.changed(id, () => ({ type: "job-removed", id }));
    feed.forget((about) => about === "a");
    feed.close();
    expect(told.map((event) => event.type === "job-removed" && event.id)).toEqual(["a", "b", "b"]);
  });
});
