/** Counters and times of a worker pool, as a whole and for each task. */
import { Histogram, type HistogramSnapshot } from "../observe/histogram.js";

/** Counters of a pool. `queued + running + completed + failed + aborted` is the number of calls. */
export interface WorkerPoolStats {
  readonly queued: number;
  readonly running: number;
  readonly completed: number;
  readonly failed: number;
  /** Calls aborted by their signal or by `destroy`. */
  readonly aborted: number;
  /** By the task's name, once one of it has ended. */
  readonly tasks: Readonly<Record<string, TaskStats>>;
}

/** Counters and times of the calls of one task that have ended. */
export interface TaskStats {
  readonly completed: number;
  readonly failed: number;
  readonly aborted: number;
  /** How long calls waited for a thread. */
  readonly wait: HistogramSnapshot;
  /** How long they took from then on, the way to the thread and back included. */
  readonly run: HistogramSnapshot;
}

/** The counters of one task while they are counted. */
export class TaskCounts {
  completed = 0;
  failed = 0;
  aborted = 0;
  readonly wait = new Histogram();
  readonly run = new Histogram();

  snapshot(): TaskStats {
    const { completed, failed, aborted } = this;
    return { completed, failed, aborted, wait: this.wait.snapshot(), run: this.run.snapshot() };
  }
}
