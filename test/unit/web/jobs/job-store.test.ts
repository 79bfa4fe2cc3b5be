// The store of jobs and its queue, with an engine on paper: no model, no threads.
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { JobStore } from "../../../../src/ui/web/jobs/index.js";
import type { Job, ServerEvent } from "../../../../src/ui/web/api/schemas.js";
import { chapterFiles } from "../../../support/chapter.js";
import { paperEngine, type PaperEngine, type PaperWork } from "../../../support/paper-engine.js";

let data: string;
let store: JobStore;
let engine: PaperEngine;
const events: ServerEvent[] = [];

async function open(work?: PaperWork): Promise<void> {
  engine = paperEngine(work, 1);
  store = await JobStore.open({ data, engine: async () => engine, pool: engine.pool });
  store.events((event) => events.push(event));
}

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), "cobra-jobs-"));
  events.length = 0;
});

afterEach(async () => {
  await store.close();
  await rm(data, { recursive: true, force: true });
});

async function upload(id: string, files: Readonly<Record<string, Uint8Array>>): Promise<void> {
  for (const [name, bytes] of Object.entries(files)) {
    const target = await store.uploadTarget(id, "input", name);
    await writeFile(`${target}.part`, bytes);
    await rename(`${target}.part`, target);
  }
  await store.uploaded(id);
  await until(id, ({ scanning }) => !scanning);
}

/** Waits for a job to be so. */
async function until(id: string, holds: (job: Job) => boolean): Promise<Job> {
  const now = store.get(id);
  if (holds(now)) return now;
  return new Promise((resolve) => {
    const end = store.events((event) => {
      if (event.type !== "job" || event.job.id !== id || !holds(event.job)) return;
      end();
      resolve(event.job);
    });
  });
}

async function chapter(pages = 2, more: Parameters<JobStore["create"]>[0] = {}): Promise<Job> {
  const job = await store.create(more);
  await upload(job.id, await chapterFiles(pages));
  return store.get(job.id);
}

describe("a job", () => {
  it("is a draft, then queued, then coloured, and its result is an archive", async () => {
    await open();
    const job = await chapter();
    expect(job).toMatchObject({
      state: "draft",
      scanning: false,
      counts: { pages: 2, references: 2, inColour: 0, unreadable: 0, other: 1 },
      progress: { total: 2, unfinished: 2 },
    });
    await store.start(job.id);
    const done = await until(job.id, ({ state }) => state !== "queued" && state !== "running");
    expect(done.problem).toBeUndefined();
    expect(done).toMatchObject({ state: "completed", progress: { completed: 2, total: 2 } });
    const pictures = await store.pictures(job.id);
    expect(pictures.map(({ name, role, state }) => [name, role, state])).toEqual([
      ["p1.png", "page", "completed"],
      ["p2.png", "page", "completed"],
      ["ref_a.jpg", "reference", "none"],
      ["ref_b.jpg", "reference", "none"],
    ]);
    const result = await store.result(job.id);
    expect(result.name).toBe("New job.cbz");
  });
});
