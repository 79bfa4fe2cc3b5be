/**
 * The denoising solver: DPM-Solver++ 2M, midpoint (Lu et al., arXiv 2211.01095; diffusers'
 * `DPMSolverMultistepScheduler` as PixArt sets it): linear betas, timesteps by "linspace", final sigma 0. The initial
 * noise is not scaled.
 */
import { ValidationError } from "../../errors.js";

/** Settings of the noise schedule; the defaults are Cobra's. */
export interface SolverOptions {
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

/** What one step does to a page, as numbers of the formulas in `solver-graph.ts`. */
export interface SolverStep {
  readonly timestep: number;
  /** Signal and noise shares of the latents at the step: x = a * clean + s * noise. */
  readonly a: number;
  readonly s: number;
  /** next = keep * x + gain * clean + slope * (clean - previous clean). */
  readonly keep: number;
  readonly gain: number;
  readonly slope: number;
  /** The first step has no previous clean latents. */
  readonly isFirst: boolean;
  /** After the last step the clean latents are the result. */
  readonly isLast: boolean;
}

/**
 * The steps from noise to clean latents: first order on the first one, then second order with the slope of the clean
 * latents.
 * @param steps 1 gives the predicted clean latents (where Cobra itself fails)
 * @throws ValidationError `ERR_ARGUMENT` as `solverTimesteps`
 */
export function solverSteps(steps: number, options: SolverOptions = {}): SolverStep[] {
  const timesteps = solverTimesteps(steps, options.trainSteps);
  const sigmas = solverSigmas(timesteps, options);
  return Array.from(timesteps, (timestep, index) => {
    const here = alphaSigma(sigmas[index]!);
    const isFirst = index === 0;
    const isLast = index === timesteps.length - 1;
    const step = { timestep, a: here.a, s: here.s, isFirst, isLast };
    if (isLast) return { ...step, keep: 0, gain: 1, slope: 0 };
    const there = alphaSigma(sigmas[index + 1]!);
    const h = there.lambda - here.lambda;
    const gain = -there.a * Math.expm1(-h);
    const slope = isFirst ? 0 : (0.5 * gain * h) / (here.lambda - alphaSigma(sigmas[index - 1]!).lambda);
    return { ...step, keep: there.s / here.s, gain, slope };
  });
}

/** sigma of each step and a final 0, as float32: steps + 1 values. */
export function solverSigmas(timesteps: Int32Array, options: SolverOptions = {}): Float32Array {
  const table = alphasCumprod(options);
  const sigmas = new Float32Array(timesteps.length + 1);
  timesteps.forEach((t, i) => (sigmas[i] = Math.sqrt((1 - table[t]!) / table[t]!)));
  return sigmas;
}

/** a = 1 / sqrt(sigma^2 + 1), s = sigma * a, lambda = ln a - ln s = -ln sigma. */
export function alphaSigma(sigma: number): { a: number; s: number; lambda: number } {
  const a = 1 / Math.sqrt(sigma * sigma + 1);
  return { a, s: sigma * a, lambda: -Math.log(sigma) };
}
