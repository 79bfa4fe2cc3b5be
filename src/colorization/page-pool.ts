/** The engine's worker pool: core tasks, classification and the CPU stages of a page. */
import { compiledFile, WorkerPool } from "../workers/pool.js";
import type { CoreTasks } from "../workers/task-types.js";
import type { PageTasks } from "./page-tasks.js";

type PageTaskTable = {
  [K in keyof PageTasks]: { payload: Parameters<PageTasks[K]>[0]; result: ReturnType<PageTasks[K]> };
};

/** What the engine's workers do. */
export type EngineTasks = CoreTasks & PageTaskTable;

export type PagePool = WorkerPool<EngineTasks>;

/** @param workers threads; default: as many as cores */
export function openPagePool(workers?: number): PagePool {
  return new WorkerPool<EngineTasks>({
    workerFile: compiledFile(import.meta.url, "colorization/page-worker.js"),
    ...(workers === undefined ? {} : { maxThreads: workers }),
  });
}
