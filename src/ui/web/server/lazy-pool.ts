/** The pool of worker threads for pictures, loaded when the first picture comes: an idle server does without it. */
import { availableParallelism } from "node:os";
import type { TaskPool } from "../../../colorization/tasks/pool.js";
import type { ImagePool } from "../../../core/batch-engine.js";

/** An `ImagePool` that costs nothing until it is used. */
export class LazyPool implements ImagePool {
  readonly maxThreads = availableParallelism();
  #opening: Promise<TaskPool> | undefined;

  readonly decode: ImagePool["decode"] = async (...given) => (await this.#pool()).decode(...given);
  readonly classify: ImagePool["classify"] = async (...given) => (await this.#pool()).classify(...given);
  readonly encode: ImagePool["encode"] = async (...given) => (await this.#pool()).encode(...given);
  readonly run: ImagePool["run"] = (task, payload, options) =>
    this.#pool().then((pool) => pool.run(task, payload, options)) as never;

  /** Ends the threads after their tasks. */
  async close(): Promise<void> {
    await (await this.#opening?.catch(() => undefined))?.close();
  }

  #pool(): Promise<TaskPool> {
    this.#opening ??= open();
    return this.#opening;
  }
}

async function open(): Promise<TaskPool> {
  const [{ TaskPool: Pool }, { configureOwnProcess }] = await Promise.all([
    import("../../../colorization/tasks/pool.js"),
    import("../../../io/image/own-process.js"),
  ]);
  configureOwnProcess();
  return new Pool();
}
