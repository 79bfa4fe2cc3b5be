/** A loop of bound runs as one job of the device, such as the denoising of a batch. */
import { AsyncResource } from "node:async_hooks";
import { guarded } from "../faults.js";
import type { NativeHostSolver, TensorData } from "../types.js";
import type { Binding } from "./binding.js";
import { runJob } from "./jobs.js";
import { loadRuntime } from "./runtime.js";
import type { Tensor } from "./tensor.js";

/** What changes with the steps: a tensor of `Tensor.alloc` that is bound, and its contents, a row for each step. */
export interface StepTable {
  readonly tensor: Tensor;
  readonly rows: TensorData;
}

/**
 * The denoising solver on the host, which ends a step in one pass: the formulas of `colorization/cobra/solver-graph.ts`
 * in double precision, without a session. Tensors of `Tensor.alloc` or of a session on the CPU.
 */
export interface HostSolver {
  readonly prediction: "epsilon" | "sample";
  /** float32 [B, …], as all latents: what the step begins with. */
  readonly latent: Tensor;
  /** What the network predicts. */
  readonly output: Tensor;
  /** The clean latents of the step before. */
  readonly previous: Tensor;
  /** float64 [5, B, …]. */
  readonly coefficients: Tensor;
  /** int32 [B]. */
  readonly choice: Tensor;
  /** Where the next latents go. */
  readonly next: Tensor;
  /** Where the clean latents go. */
  readonly clean: Tensor;
}

/** A loop. */
export interface StepsOptions {
  /**
   * The bindings of a step, in order, all on one device. Steps take the rounds in turn: with two, results of one step
   * can be what the next one reads.
   */
  readonly rounds: readonly (readonly Binding[])[];
  /** The solver that ends a step, one for each round. Default: none. */
  readonly solvers?: readonly HostSolver[] | undefined;
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
  const { rounds, solvers, tables, steps, first = 0, finite = false, yields = false, onStep, signal } = options;
  const addon = loadRuntime();
  const bindings = rounds.map((round) => round.map((binding) => binding.native()));
  const hostSolvers = solvers?.map(nativeSolver);
  const tensors = tables.map(({ tensor }) => tensor.native("steps"));
  const rows = tables.map((table) => table.rows);
  const listener = onStep === undefined ? undefined : AsyncResource.bind(onStep); // with the caller's log context
  let job: number | undefined;
  const done = runJob<number>((settle) => {
    job = guarded(() =>
      addon.runSteps(bindings, hostSolvers, tensors, rows, first, steps, finite, yields, listener, settle),
    );
    return job;
  }, signal);
  return {
    done,
    stop: () => {
      if (job !== undefined) addon.stopSoon(job);
    },
  };
}

function nativeSolver(solver: HostSolver): NativeHostSolver {
  const { prediction, latent, output, previous, coefficients, choice, next, clean } = solver;
  const native = (tensor: Tensor): NativeHostSolver["latent"] => tensor.native("steps");
  return {
    prediction,
    latent: native(latent),
    output: native(output),
    previous: native(previous),
    coefficients: native(coefficients),
    choice: native(choice),
    next: native(next),
    clean: native(clean),
  };
}
