/** Worker threads that cannot start: what calls get, that others go on, and that nothing reaches the host unhandled. */
import { writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, onTestFinished } from "vitest";
import { WorkerPool } from "../../../src/workers/pool.js";
import { temporaryFolder } from "../io/image/pictures.js";

type Tasks = { work: (payload: object) => string };

const threads = createRequire(import.meta.url)("node:worker_threads") as typeof import("node:worker_threads");
const { Worker } = threads;
/** What the host would see of the library. */
let seen: unknown[] = [];
const see = (error: unknown): void => void seen.push(error);

beforeEach(() => {
  seen = [];
  process.on("unhandledRejection", see).on("uncaughtException", see);
});

afterEach(() => {
  threads.Worker = Worker;
  process.off("unhandledRejection", see).off("uncaughtException", see);
});

/** The system gives `count` threads more, then none: `new Worker` throws as Node's does. */
function allow(count: number): void {
  let left = count;
  threads.Worker = class extends Worker {
    constructor(...given: ConstructorParameters<typeof Worker>) {
      if (left-- <= 0) throw Object.assign(new Error("EAGAIN"), { code: "ERR_WORKER_INIT_FAILED" });
      super(...given);
    }
  };
}

async function pool(source: string, maxThreads: number): Promise<WorkerPool<Tasks>> {
  const workerFile = join(await temporaryFolder(), "worker.mjs");
  await writeFile(workerFile, source);
  const made = new WorkerPool<Tasks>({ maxThreads, workerFile });
  onTestFinished(() => made.destroy());
  return made;
}

const WORKS = "export default async ({ payload }) => ({ value: String(payload.text) });";

it("rejects every call while the system gives no thread, and works once it does", async () => {
  const workers = await pool(WORKS, 2);
  allow(0);
  const outcomes = await Promise.allSettled([1, 2, 3, 4, 5, 6, 7].map((text) => workers.run("work", { text })));
  for (const outcome of outcomes)
    expect(outcome).toMatchObject({
      status: "rejected",
      reason: {
        code: "ERR_OUT_OF_MEMORY",
        message: expect.stringMatching(/^the system gives no further thread or memory; .*"work" could not start/u),
        remedy: expect.stringContaining("ulimit -u"),
      },
    });
  threads.Worker = Worker;
  expect(await workers.run("work", { text: "there is room" })).toBe("there is room");
  expect(workers.stats()).toMatchObject({ queued: 0, running: 0, completed: 1, failed: 7 });
  await workers.close();
  await new Promise(setImmediate);
  expect(seen).toEqual([]);
});

it("does all calls with the threads that it has when the system gives no further one", async () => {
  const workers = await pool(
    "export default async ({ payload }) => { await new Promise((r) => setTimeout(r, 100)); return { value: String(payload.text) }; };",
    4,
  );
  allow(1);
  const texts = Array.from({ length: 8 }, (_, i) => String(i));
  const ended: string[] = [];
  const calls = texts.map((text) => workers.run("work", { text }).then((answer) => ended.push(answer)));
  await Promise.all(calls);
  expect(ended).toEqual(texts);
  await workers.close();
  await new Promise(setImmediate);
  expect(seen).toEqual([]);
});

it.each([
  ["says that it lacks memory", 'throw new Error("failed to map segment from shared object");', "ERR_OUT_OF_MEMORY"],
  ["has a fault", 'throw new Error("no such export");', "ERR_WORKER_THREAD"],
  ["ends at once", "process.exit(3);", "ERR_WORKER_THREAD"],
])("rejects the calls of a thread that cannot be set up: its file %s", async (_, source, code) => {
  const workers = await pool(source, 2);
  const outcomes = await Promise.allSettled([1, 2, 3].map((text) => workers.run("work", { text })));
  for (const outcome of outcomes)
    expect(outcome).toMatchObject({ reason: { code, message: expect.stringContaining("could not start") } });
  await workers.destroy();
  await new Promise(setImmediate);
  expect(seen).toEqual([]);
});
