/** A bounded pool of worker threads for everything that keeps a CPU core busy. The worker file knows the tasks. */
import { availableParallelism } from "node:os";
import { onAbort } from "../concurrency/on-abort.js";
import { BatchProcessingError, ValidationError } from "../errors.js";
import { isError } from "../errors/facts.js";
import { logContext, logSettings, writeLogRecords, type LogContext } from "../logging.js";
import { CHANNELS, type TaskRun } from "../observe/channels.js";
import { errorFromData } from "./error-transfer.js";
import type { TaskMessage } from "./serve-tasks.js";
import { TaskCounts, type WorkerPoolStats } from "./task-counts.js";
import type { TaskPayload, TaskResult, TaskTable } from "./task-table.js";
import { TaskThread, ThreadNotStarted } from "./task-thread.js";
import { threadError } from "./thread-error.js";

/**
 * How long calls wait for busy threads before there are more of them. Starting a thread costs as much as dozens of
 * tasks with small pictures.
 */
const GROW_AFTER_MS = 100;

/** The same once the system has refused a thread. */
const GROW_AFTER_REFUSAL_MS = 2_000;

export interface WorkerPoolOptions {
  /** Threads at most, and so tasks at once. Default: `os.availableParallelism()`. */
  readonly maxThreads?: number;
  /** Threads kept while idle. Default 0: all end after `idleTimeoutMs`, so an idle pool costs nothing. */
  readonly minThreads?: number;
  /** How long an idle thread lives. Default 5,000. */
  readonly idleTimeoutMs?: number;
  /** The compiled file that does the tasks; its default export is what `serveTasks` gives. */
  readonly workerFile: string;
  /** What messages call what its user closed. Default "the worker pool". */
  readonly owner?: string;
}

/** Options of one call of a worker pool. */
export interface CallOptions {
  /**
   * Gives up: the call rejects at once with the signal's reason. A waiting task is never started; a running one ends in
   * its thread, its result is dropped (a thread is never killed for it, decoders do not bear that).
   */
  readonly signal?: AbortSignal | undefined;
  /** Goes before all calls that are not urgent, such as what a device waits for. Default false. */
  readonly urgent?: boolean | undefined;
}

/** One call from its start to its one settling, by the task's outcome or by being aborted. */
class Call {
  #settled = false;
  readonly queuedMs = performance.now();
  /** When it went to a thread; undefined while it waits. */
  startedMs: number | undefined;
  /** Of the caller. */
  readonly context: LogContext = logContext();
  readonly #forgetSignal: () => void;

  constructor(
    readonly message: TaskMessage,
    readonly resolve: (value: never) => void,
    readonly reject: (reason: unknown) => void,
    readonly signal: AbortSignal | undefined,
    readonly isUrgent: boolean,
    giveUp: (call: Call, reason: unknown) => void,
  ) {
    this.#forgetSignal = onAbort(signal, () => giveUp(this, signal?.reason));
  }

  get isSettled(): boolean {
    return this.#settled;
  }

  /** True the first time. */
  settle(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    this.#forgetSignal();
    return true;
  }
}

/**
 * Threads are shared by all tasks, first come first served, urgent ones first. The first starts with the first task;
 * their number doubles, up to `maxThreads`, whenever calls have waited for busy threads. Dispose with `close()` or
 * `destroy()`. `Tasks` is what the worker file does.
 */
export class WorkerPool<Tasks extends TaskTable> {
  readonly maxThreads: number;
  readonly #minThreads: number;
  readonly #idleTimeoutMs: number;
  readonly #workerFile: string;
  readonly #owner: string;
  readonly #threads: TaskThread[] = [];
  /** Calls that may run at once, and so threads that may be there. */
  #openThreads = 1;
  /** Whether the system gave no thread when it was last asked. */
  #wasRefused = false;
  #growing: NodeJS.Timeout | undefined;
  readonly #waiting = new Set<Call>();
  /** Those of `#waiting` that go first. */
  readonly #urgent = new Set<Call>();
  readonly #running = new Set<Call>();
  #completed = 0;
  #failed = 0;
  #aborted = 0;
  readonly #tasks = new Map<string, TaskCounts>();
  #closed = false;
  #idle: (() => void)[] = [];
  #end: Promise<void> | undefined;

  /** @throws ValidationError `ERR_ARGUMENT` for a number of threads below 1 */
  constructor(options: WorkerPoolOptions) {
    const { maxThreads = availableParallelism(), minThreads = 0, idleTimeoutMs = 5_000, workerFile } = options;
    if (!Number.isInteger(maxThreads) || maxThreads < 1)
      throw new ValidationError("ERR_ARGUMENT", `maxThreads is ${maxThreads}; it must be a whole number above 0`);
    this.maxThreads = maxThreads;
    this.#minThreads = Math.min(minThreads, maxThreads);
    this.#idleTimeoutMs = idleTimeoutMs;
    this.#workerFile = workerFile;
    this.#owner = options.owner ?? "the worker pool";
    this.#openThreads = Math.max(1, this.#minThreads);
  }

  /**
   * Runs any task of the worker file. Typed arrays of the payload move to the worker when they are all of their buffer
   * (then they are empty here), and are copied otherwise. Rejects with the task's error, the signal's reason,
   * `ERR_STATE` (closed pool), `ERR_OUT_OF_MEMORY` (the system gives no thread, or one died of that) or
   * `ERR_WORKER_THREAD` (a thread ended). While there are other threads, a call whose thread cannot start waits for
   * them.
   */
  run<Name extends keyof Tasks & string>(
    task: Name,
    payload: TaskPayload<Tasks, Name>,
    { signal, urgent = false }: CallOptions = {},
  ): Promise<TaskResult<Tasks, Name>> {
    if (this.#closed)
      return Promise.reject(
        new BatchProcessingError("ERR_STATE", `${this.#owner} is closed; the task "${task}" cannot start`, {
          remedy: "open another one",
        }),
      );
    if (signal?.aborted === true) {
      this.#aborted++;
      return Promise.reject(signal.reason);
    }
    return new Promise((resolve, reject) => {
      const call = new Call({ task, payload, log: logSettings() }, resolve, reject, signal, urgent, (given, reason) =>
        this.#giveUp(given, reason),
      );
      this.#waiting.add(call);
      if (urgent) this.#urgent.add(call);
      this.#next();
    });
  }

  stats(): WorkerPoolStats {
    return {
      queued: this.#waiting.size,
      running: this.#running.size,
      completed: this.#completed,
      failed: this.#failed,
      aborted: this.#aborted,
      tasks: Object.fromEntries([...this.#tasks].map(([task, counts]) => [task, counts.snapshot()])),
    };
  }

  /** Takes nothing new, waits for all tasks, ends the threads. May be called twice. */
  close(): Promise<void> {
    this.#closed = true;
    this.#end ??= this.#drained().then(() => this.#closeThreads());
    return this.#end;
  }

  /** Rejects all tasks with `reason`, waits for the running ones to leave their threads, ends the threads. */
  destroy(reason: unknown = new BatchProcessingError("ERR_STATE", `${this.#owner} was destroyed`)): Promise<void> {
    this.#closed = true;
    for (const call of this.#waiting) this.#giveUp(call, reason);
    for (const call of this.#running) this.#giveUp(call, reason);
    return this.close();
  }

  #next(): void {
    while (this.#waiting.size > 0) {
      if (this.#running.size >= this.#openThreads) {
        if (this.#openThreads < this.maxThreads) this.#growing ??= this.#growSoon();
        return;
      }
      const [call] = this.#urgent.size > 0 ? this.#urgent : this.#waiting;
      if (call === undefined) break;
      this.#waiting.delete(call);
      this.#urgent.delete(call);
      this.#running.add(call);
      call.startedMs = performance.now();
      void this.#execute(call);
    }
    clearTimeout(this.#growing);
    this.#growing = undefined;
    if (this.#running.size === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** Threads that are still starting, and those that have just started, get their time first. */
  #growSoon(wereReady = false): NodeJS.Timeout {
    return setTimeout(
      () => {
        const ready = this.#threads.every(({ isReady }) => isReady);
        if (!ready || !wereReady) {
          this.#growing = this.#growSoon(ready);
          return;
        }
        this.#growing = undefined;
        this.#openThreads = Math.min(this.maxThreads, this.#openThreads * 2);
        this.#next();
      },
      this.#wasRefused ? GROW_AFTER_REFUSAL_MS : GROW_AFTER_MS,
    );
  }

  /** One without a task, or a new one. */
  #freeThread(): TaskThread {
    const free = this.#threads.find(({ isBusy }) => !isBusy);
    if (free !== undefined) return free;
    const thread = new TaskThread({
      workerFile: this.#workerFile,
      idleTimeoutMs: this.#threads.length < this.#minThreads ? Infinity : this.#idleTimeoutMs,
      onEnd: (ended) => {
        this.#threads.splice(this.#threads.indexOf(ended), 1);
        this.#openThreads = Math.max(1, this.#threads.length);
      },
    });
    this.#threads.push(thread);
    return thread;
  }

  async #closeThreads(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.close()));
  }

  async #drained(): Promise<void> {
    if (this.#running.size > 0 || this.#waiting.size > 0)
      await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #giveUp(call: Call, reason: unknown): void {
    if (!call.settle()) return;
    this.#waiting.delete(call);
    this.#urgent.delete(call);
    this.#aborted++;
    this.#publish(call, "aborted");
    call.reject(reason);
  }

  async #execute(call: Call): Promise<void> {
    const outcome = await this.#post(call.message);
    this.#running.delete(call);
    if (outcome === "no thread") {
      if (!call.isSettled) this.#waitAgain(call);
    } else if (call.settle()) {
      if ("error" in outcome) {
        this.#failed++;
        this.#publish(call, "failed");
        call.reject(outcome.error);
      } else {
        this.#completed++;
        this.#publish(call, "completed");
        call.resolve(outcome.value as never);
      }
    }
    this.#next();
  }

  /** Before all others of its kind. */
  #waitAgain(call: Call): void {
    call.startedMs = undefined;
    for (const line of call.isUrgent ? [this.#waiting, this.#urgent] : [this.#waiting]) {
      const others = [...line];
      line.clear();
      for (const one of [call, ...others]) line.add(one);
    }
  }

  /** Counts a settled call, and publishes it. */
  #publish({ message: { task }, queuedMs, startedMs, context }: Call, outcome: TaskRun["outcome"]): void {
    const now = performance.now();
    const waitMs = (startedMs ?? now) - queuedMs;
    const runMs = startedMs === undefined ? 0 : now - startedMs;
    let counts = this.#tasks.get(task);
    if (counts === undefined) this.#tasks.set(task, (counts = new TaskCounts()));
    counts[outcome]++;
    counts.wait.record(waitMs);
    if (startedMs !== undefined) counts.run.record(runMs);
    if (CHANNELS.task.isWatched) CHANNELS.task.publish({ task, outcome, waitMs, runMs, ...context });
  }

  /** "no thread": the task has not begun, and there are threads to wait for. */
  async #post(message: TaskMessage): Promise<{ value: unknown } | { error: Error } | "no thread"> {
    try {
      const reply = await this.#freeThread().run(message);
      this.#wasRefused = false;
      if (reply.logRecords !== undefined) writeLogRecords(reply.logRecords);
      return "error" in reply ? { error: errorFromData(reply.error) } : reply;
    } catch (cause) {
      if (isError(cause) && cause.name === "DataCloneError") {
        return {
          error: new ValidationError(
            "ERR_ARGUMENT",
            `the payload of the task "${message.task}" cannot be transferred to a worker (${cause.message})`,
            { cause, remedy: "pass cloneable data whose buffers have not been transferred already" },
          ),
        };
      }
      this.#wasRefused = cause instanceof ThreadNotStarted;
      return this.#wasRefused && this.#threads.length > 0 ? "no thread" : { error: threadError(message.task, cause) };
    }
  }
}
