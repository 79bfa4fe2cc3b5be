// The states of a job: every action in every state, also twice at once, against one table. With an engine on paper.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ImageProcessingError } from "../../src/errors.js";
import type { JobSettings, JobState } from "../../src/ui/web/api/schemas.js";
import type { StoredJob } from "../../src/ui/web/jobs/stored.js";
import { Gate, TestJobs } from "../support/job-store.js";
import { onPaper } from "../support/paper-engine.js";

const ACTIONS = ["start", "pause", "resume", "cancel", "approve", "reject", "retry", "redo", "settings"] as const;
type Action = (typeof ACTIONS)[number];
const SEED = 50;

/** Jobs of two pages, held where they are: what runs waits in the colouring of a page. */
class Held {
  gate = new Gate();
  open = false;
  readonly broken = new Set<string>();

  static async with<T>(test: (jobs: TestJobs, held: Held) => Promise<T>): Promise<T> {
    const held = new Held();
    await using jobs = await TestJobs.onPaper(async (request, { signal }) => {
      if (!held.open) await held.gate.pass(signal);
      if (held.broken.has(request.name))
        throw new ImageProcessingError("ERR_RUN", `${request.name} fails`, { imagePath: request.name });
      return onPaper(request);
    });
    try {
      return await test(jobs, held);
    } finally {
      held.release();
    }
  }

  release(): void {
    this.open = true;
    this.gate.open();
  }

  hold(): void {
    this.open = false;
    this.gate = new Gate();
  }
}

async function made(jobs: TestJobs, held: Held, settings: JobSettings = {}, broken: readonly string[] = []) {
  for (const name of broken) held.broken.add(name);
  held.release();
  const { id } = await jobs.chapter(2, { settings });
  const page = (await jobs.picture(id, "p1.png")).id;
  const rest = async (): Promise<void> => {
    await jobs.store.start(id);
    await idle(jobs, id);
    held.broken.clear();
    held.hold();
  };
  const redo = async (): Promise<void> => {
    await jobs.store.redo(id, [page], { seed: SEED });
    await held.gate.arrival();
  };
  const pause = async (): Promise<void> => {
    await jobs.store.pause(id);
    held.release();
    await idle(jobs, id);
    held.hold();
  };
  return { id, page, rest, redo, pause };
}

/** Nothing of it waits or runs, in memory and on disk. */
async function idle(jobs: TestJobs, id: string): Promise<void> {
  const isIdle = async (): Promise<boolean> => {
    const { underWay, state } = await record(jobs, id);
    return underWay === undefined && jobs.store.get(id).state === state && state !== "queued";
  };
  await expect.poll(isIdle, { interval: 3, timeout: 10_000 }).toBe(true);
}

async function record(jobs: TestJobs, id: string): Promise<StoredJob> {
  return JSON.parse(await readFile(join(jobs.data, "jobs", id, "job.json"), "utf8")) as StoredJob;
}

type Made = Awaited<ReturnType<typeof made>>;

/** How a job comes to each situation, and what it is after each action that it takes, once it has come to rest. */
const TABLE: Readonly<
  Record<
    string,
    {
      readonly settings?: JobSettings;
      readonly broken?: readonly string[];
      readonly come: (job: Made, jobs: TestJobs, held: Held) => Promise<void>;
      readonly after: Partial<Record<Action, JobState>>;
      /** The page's seed afterwards, where an action leaves it undone: that of before. */
      readonly seed?: number;
    }
  >
> = {
  draft: { come: async () => {}, after: { start: "completed", settings: "draft" } },
  running: {
    come: async ({ id }, jobs, held) => {
      held.hold();
      await jobs.store.start(id);
      await held.gate.arrival();
    },
    after: { pause: "paused", cancel: "cancelled", redo: "completed" },
  },
  completed: {
    come: ({ rest }) => rest(),
    after: { start: "completed", redo: "completed", settings: "completed" },
  },
  "completed, a page failed": {
    broken: ["p1.png"],
    come: ({ rest }) => rest(),
    after: { start: "completed", redo: "completed", retry: "completed", settings: "completed" },
  },
  preview: {
    settings: { preview: true },
    come: ({ rest }) => rest(),
    after: { cancel: "cancelled", approve: "completed", reject: "preview", redo: "preview", settings: "preview" },
  },
  paused: {
    come: async ({ id, pause }, jobs, held) => {
      held.hold();
      await jobs.store.start(id);
      await held.gate.arrival();
      await pause();
    },
    after: { resume: "completed", cancel: "cancelled", redo: "paused", settings: "paused" },
  },
  cancelled: {
    come: async ({ id }, jobs, held) => {
      held.hold();
      await jobs.store.start(id);
      await held.gate.arrival();
      await jobs.store.cancel(id);
      await idle(jobs, id);
    },
    after: { start: "completed", redo: "cancelled", settings: "cancelled" },
  },
  "a redo of a completed job": {
    come: async ({ rest, redo }) => (await rest(), redo()),
    after: { pause: "completed", cancel: "completed", redo: "completed" },
    seed: 0,
  },
  "a redo of a preview": {
    settings: { preview: true },
    come: async ({ rest, redo }) => (await rest(), redo()),
    after: { pause: "preview", cancel: "preview", redo: "preview" },
    seed: 0,
  },
};

function act(jobs: TestJobs, { id, page }: Made, action: Action): Promise<unknown> {
  const { store } = jobs;
  if (action === "redo") return store.redo(id, [page], { seed: SEED + 1 });
  if (action === "settings") return store.update(id, { settings: store.get(id).settings });
  return store[action](id);
}

/** What holds for every job at rest. */
async function expectSound(jobs: TestJobs, id: string): Promise<void> {
  const job = jobs.store.get(id);
  const stored = await record(jobs, id);
  const pages = (await jobs.store.pictures(id)).filter(({ role }) => role === "page");
  const count = (state: string): number => pages.filter((page) => page.state === state).length;
  expect(job.preview !== undefined).toBe(job.state === "preview");
  expect(stored.redoLater).toEqual([]);
  expect(stored.redo === undefined || job.state === "paused").toBe(true);
  expect(count("processing")).toBe(0);
  if (job.state === "draft" || stored.redo !== undefined) return;
  const progress = { total: pages.length, completed: count("completed"), failed: count("failed") };
  expect(job.progress).toEqual({ ...progress, unfinished: pages.length - progress.completed - progress.failed });
}

describe.each(Object.entries(TABLE))("a job that is: %s", (_, { settings, broken, come, after, seed }) => {
  it("refuses the other actions, and stays as it is", async () => {
    await Held.with(async (jobs, held) => {
      const job = await made(jobs, held, settings, broken);
      await come(job, jobs, held);
      const before = await record(jobs, job.id);
      for (const action of ACTIONS.filter((one) => after[one] === undefined))
        await expect(act(jobs, job, action), action).rejects.toMatchObject({ code: "ERR_STATE" });
      expect(await record(jobs, job.id)).toEqual(before);
    });
  });

  it.each(Object.entries(after) as [Action, JobState][])(
    "after %s is %s, also asked twice at once",
    async (action, state) => {
      await Held.with(async (jobs, held) => {
        for (const times of action === "cancel" ? [1, 2] : [2]) {
          const job = await made(jobs, held, settings, broken);
          await come(job, jobs, held);
          const answers = await Promise.allSettled(Array.from({ length: times }, () => act(jobs, job, action)));
          expect(answers[0]!.status).toBe("fulfilled");
          held.release();
          await idle(jobs, job.id);
          // The first cancel takes a redo back; where that leaves a preview, the second gives the job up.
          const isGivenUp = times === 2 && action === "cancel" && state === "preview";
          expect(jobs.store.get(job.id).state).toBe(isGivenUp ? "cancelled" : state);
          await expectSound(jobs, job.id);
          const page = await jobs.picture(job.id, "p1.png");
          if (action === "redo") expect(page.result?.seed).toBe(SEED + 1);
          if (action !== "cancel" || seed === undefined) continue;
          expect(page.result?.seed).toBe(seed);
          expect(page.settings?.seed).toBeUndefined();
        }
      });
    },
  );
});
