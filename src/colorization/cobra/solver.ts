/**
 * The denoising solver: DPM-Solver++ 2M, midpoint (Lu et al., arXiv 2211.01095; diffusers'
 * `DPMSolverMultistepScheduler` as PixArt sets it): linear betas, timesteps by "linspace", final sigma 0. The initial
 * noise is not scaled.
 */
import { BatchProcessingError, ValidationError } from "../../errors.js";

/** Settings of the noise schedule; the defaults are Cobra's. */
interface SolverOptions {
  /** What the network predicts: the noise ("epsilon", default) or the clean latents ("sample"). */
  predictionType?: "epsilon" | "sample";
  /** Steps of the training schedule. Default 1000. */
  trainSteps?: number;
  /** First beta of the linear schedule. Default 0.0001. */
  betaStart?: number;
  /** Last beta. Default 0.02. */
  betaEnd?: number;
}

/** Rounds to the nearest whole number, halves to the even one. */
export function roundHalfEven(value: number): number {
  const low = Math.floor(value);
  const rest = value - low;
  if (rest !== 0.5) return rest < 0.5 ? low : low + 1;
  return low % 2 === 0 ? low : low + 1;
}

/**
 * The timesteps of n steps, descending: t_k = roundHalfEven(k * (999 / n)) for k = n..1, with 999 / n computed first.
 * @throws ValidationError `ERR_ARGUMENT` unless 1 <= steps < trainSteps (with more, timesteps would repeat)
 */
export function solverTimesteps(steps: number, trainSteps = 1000): Int32Array {
  if (!Number.isInteger(steps) || steps < 1 || steps >= trainSteps) {
    throw new ValidationError(
      "ERR_ARGUMENT",
      `the number of steps must be a whole number from 1 to ${trainSteps - 1}, got ${steps}`,
    );
  }
  const spacing = (trainSteps - 1) / steps;
  return Int32Array.from({ length: steps }, (_, i) => roundHalfEven((steps - i) * spacing));
}

/** alpha-bar of every training step: the running product of 1 - beta, as float32. */
export function alphasCumprod(options: SolverOptions = {}): Float32Array {
  const { trainSteps = 1000, betaStart = 0.0001, betaEnd = 0.02 } = options;
  const table = new Float32Array(trainSteps);
  let product = 1;
  for (let t = 0; t < trainSteps; t++) {
    product *= 1 - (trainSteps === 1 ? betaStart : betaStart + ((betaEnd - betaStart) * t) / (trainSteps - 1));
    table[t] = product;
  }
  return table;
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
  constructor(steps: number, options: SolverOptions = {}) {
    this.timesteps = solverTimesteps(steps, options.trainSteps);
    this.#predictionType = options.predictionType ?? "epsilon";
    const table = alphasCumprod(options);
    this.sigmas = new Float32Array(steps + 1);
    this.timesteps.forEach((t, i) => (this.sigmas[i] = Math.sqrt((1 - table[t]!) / table[t]!)));
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

/** a = 1 / sqrt(sigma^2 + 1), s = sigma * a, lambda = ln a - ln s = -ln sigma. */
function alphaSigma(sigma: number): { a: number; s: number; lambda: number } {
  const a = 1 / Math.sqrt(sigma * sigma + 1);
  return { a, s: sigma * a, lambda: -Math.log(sigma) };
}
