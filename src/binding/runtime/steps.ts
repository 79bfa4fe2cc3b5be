/** A loop of bound runs as one job of the device, such as the denoising of a batch. */
import { AsyncResource } from "node:async_hooks";
import { guarded } from "../faults.js";
import type { TensorData } from "../types.js";
import type { Binding } from "./binding.js";
import { runJob } from "./jobs.js";
import { loadRuntime } from "./runtime.js";
import type { Tensor } from "./tensor.js";

/** What changes with the steps: a tensor of `Tensor.alloc` that is bound, and its contents, a row for each step. */
export interface StepTable {
  readonly tensor: Tensor;
  readonly rows: TensorData;
}

/** A loop. */
export interface StepsOptions {
  /**
   * The bindings of a step, in order, all on one device. Steps take the rounds in turn: with two, results of one step
   * can be what the next one reads.
   */
  readonly rounds: readonly (readonly Binding[])[];
  readonly tables: readonly StepTable[];
  /** Number of steps; every table has as many rows. */
  readonly steps: number;
  /** Number of the first step, which decides its round. Default 0. */
  readonly first?: number;
  /** Fail with `ERR_MODEL_OUTPUT` if a float output on the host holds a NaN or an infinity. Default false. */
  readonly finite?: boolean;
  /** Ends the loop after a step when other work waits for the device. Default false. */
  readonly yields?: boolean;
  /** Told after each step how many are done. */
  readonly onStep?: (done: number) => void;
  /** Aborting ends the step in progress and rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** A loop in progress. */
export interface Steps {
  /**
   * How many steps were done when the loop ended: all, or fewer after `stop`.
   * @throws InferenceError `ERR_RUN`, `ERR_MODEL_OUTPUT`, `ERR_DEVICE_LOST`; ResourceError `ERR_OUT_OF_MEMORY`;
   * `ERR_DISPOSED`; the signal's reason. `onStep` has told how many steps were done before.
   */
  readonly done: Promise<number>;
  /** Lets the loop end after the step in progress, or before the first one where the job still waits. */
  stop(): void;
}

/** Starts a loop. @throws ValidationError `ERR_ARGUMENT`, `ERR_TENSOR_DIMS`; `ERR_DISPOSED` */
export function runSteps(options: StepsOptions): Steps {
  const { rounds, tables, steps, first = 0, finite = false, yields = false, onStep, signal } = options;
  const addon = loadRuntime();
  const bindings = rounds.map((round) => round.map((binding) => binding.native()));
  const tensors = tables.map(({ tensor }) => tensor.native("steps"));
  const rows = tables.map((table) => table.rows);
  const listener = onStep === undefined ? undefined : AsyncResource.bind(onStep); // with the caller's log context
  let job: number | undefined;
  const done = runJob<number>((settle) => {
    job = guarded(() => addon.runSteps(bindings, tensors, rows, first, steps, finite, yields, listener, settle));
    return job;
  }, signal);
  return {
    done,
    stop: () => {
      if (job !== undefined) addon.stopSoon(job);
    },
  };
}
