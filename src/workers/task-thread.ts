/**
 * One worker thread, which does one task at a time. A piscina of its own: one that is given more than its threads can
 * take starts further ones while it handles events, where the error of a thread that cannot be made is nobody's.
 */
import { Piscina } from "piscina";
import type { TaskMessage, TaskReply } from "./serve-tasks.js";
import { transferables } from "./transfer.js";

export interface TaskThreadOptions {
  /** The compiled file that does the tasks. */
  readonly workerFile: string;
  /** How long the thread lives without a task; `Infinity` keeps it. */
  readonly idleTimeoutMs: number;
  /** Called once, when the thread has ended or could not start. */
  readonly onEnd: (thread: TaskThread) => void;
}

/** The thread could not start, so the task's payload is still the caller's. `cause` says why. */
export class ThreadNotStarted extends Error {
  override readonly name = "ThreadNotStarted";
}

/** The thread starts with its first task. It is of no use once it has ended. */
export class TaskThread {
  readonly #piscina: Piscina<TaskMessage, TaskReply>;
  readonly #onEnd: (thread: TaskThread) => void;
  #isReady = false;
  #hasEnded = false;
  /** Of the task that runs. */
  #fail: ((reason: unknown) => void) | undefined;
  /** What the thread said before it ended. */
  #error: unknown;

  constructor({ workerFile, idleTimeoutMs, onEnd }: TaskThreadOptions) {
    this.#onEnd = onEnd;
    this.#piscina = new Piscina({
      filename: workerFile,
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: idleTimeoutMs,
      atomics: "disabled",
    });
    this.#piscina.on("workerCreate", () => (this.#isReady = true));
    this.#piscina.on("workerDestroy", () => this.#ended());
    // Of a thread without a task: its file could not be loaded, or it could not be set up.
    this.#piscina.on("error", (error) => {
      this.#error = error;
      this.#ended();
    });
  }

  /** Whether the thread has loaded its file. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** Whether a task runs. */
  get isBusy(): boolean {
    return this.#fail !== undefined;
  }

  /**
   * Does one task; only while none runs.
   * @throws ThreadNotStarted; what piscina says of a thread that ends in the task; DataCloneError
   */
  run(message: TaskMessage): Promise<TaskReply> {
    return new Promise<TaskReply>((resolve, reject) => {
      this.#fail = reject;
      let reply: Promise<TaskReply>;
      try {
        reply = this.#piscina.run(message, { transferList: transferables(message.payload) });
      } catch (cause) {
        this.#error = cause;
        this.#ended();
        return;
      }
      reply.then(resolve, reject);
    }).finally(() => (this.#fail = undefined));
  }

  /** Ends the thread; only while no task runs. */
  async close(): Promise<void> {
    await this.#piscina.close();
  }

  #ended(): void {
    if (!this.#hasEnded) {
      this.#hasEnded = true;
      this.#onEnd(this);
    }
    // piscina first says that the thread is gone, then fails its task, unless the task still waits for the thread.
    setImmediate(() =>
      this.#fail?.(
        this.#isReady
          ? (this.#error ?? new Error("the thread is gone"))
          : new ThreadNotStarted("the thread did not start", { cause: this.#error }),
      ),
    );
  }
}
