/** The denoising solver written plainly, step by step in double precision: what the solver's graph is held against. */
import { alphaSigma, solverSigmas, solverTimesteps, type SolverOptions } from "../../src/colorization/cobra/solver.js";
import { BatchProcessingError, ValidationError } from "../../src/errors.js";

interface PlainSolverOptions extends SolverOptions {
  /** What the network predicts: the noise ("epsilon", default) or the clean latents ("sample"). */
  predictionType?: "epsilon" | "sample";
}

/**
 * Takes one page from noise to clean latents. Keeps the last predicted clean latents between steps; one instance per
 * page.
 */
export class Solver {
  /** Timesteps to feed the network, in order. */
  readonly timesteps: Int32Array;
  /** sigma of each step and a final 0: steps + 1 values. */
  readonly sigmas: Float32Array;
  readonly #predictionType: "epsilon" | "sample";
  #previous: Float32Array | undefined;
  #next = 0;

  /** @param steps number of denoising steps; 1 gives the predicted clean latents (where Cobra itself fails) */
  constructor(steps: number, options: PlainSolverOptions = {}) {
    this.timesteps = solverTimesteps(steps, options.trainSteps);
    this.#predictionType = options.predictionType ?? "epsilon";
    this.sigmas = solverSigmas(this.timesteps, options);
  }

  /** The step that comes next, 0-based; equal to the number of timesteps when done. */
  get nextIndex(): number {
    return this.#next;
  }

  /**
   * The clean latents that a network output stands for: (x - s * epsilon) / a, or the output itself for "sample".
   * @param index 0-based step
   */
  predictClean(sample: Float32Array, modelOutput: Float32Array, index: number): Float32Array {
    if (this.#predictionType === "sample") return modelOutput.slice();
    const { a, s } = alphaSigma(this.sigmas[index]!);
    return sample.map((x, i) => (x - s * modelOutput[i]!) / a);
  }

  /**
   * One step: the latents at the next noise level. Steps are taken in order 0, 1, 2, …
   * @param sample latents at `timesteps[index]`
   * @param modelOutput the network's output there, same length
   * @returns new array of float32
   * @throws BatchProcessingError `ERR_STATE` when `index` is not the next step; ValidationError `ERR_ARGUMENT` for
   * unequal lengths
   */
  step(sample: Float32Array, modelOutput: Float32Array, index: number): Float32Array {
    if (index !== this.#next || index >= this.timesteps.length) {
      const next = this.#next < this.timesteps.length ? `step ${this.#next} comes next` : "all steps are done";
      throw new BatchProcessingError(
        "ERR_STATE",
        `step ${index} of ${this.timesteps.length} was asked for, but ${next}; make another solver to begin again`,
      );
    }
    if (modelOutput.length !== sample.length || (this.#previous && this.#previous.length !== sample.length)) {
      throw new ValidationError(
        "ERR_ARGUMENT",
        `latents of ${sample.length} values do not fit an output of ${modelOutput.length}; all steps need one length`,
      );
    }
    const clean = this.predictClean(sample, modelOutput, index);
    const result = index === this.timesteps.length - 1 ? clean.slice() : this.#advance(sample, clean, index);
    this.#previous = clean;
    this.#next = index + 1;
    return result;
  }

  /**
   * From step `index` to `index + 1`: first order on the first step, then second order with the slope of the clean
   * latents.
   */
  #advance(sample: Float32Array, clean: Float32Array, index: number): Float32Array {
    const here = alphaSigma(this.sigmas[index]!);
    const there = alphaSigma(this.sigmas[index + 1]!);
    const h = there.lambda - here.lambda;
    const keep = there.s / here.s;
    const gain = -there.a * Math.expm1(-h);
    const previous = this.#previous;
    if (!previous) return sample.map((x, i) => keep * x + gain * clean[i]!);
    const slope = (0.5 * gain * h) / (here.lambda - alphaSigma(this.sigmas[index - 1]!).lambda);
    return sample.map((x, i) => keep * x + gain * clean[i]! + slope * (clean[i]! - previous[i]!));
  }
}
