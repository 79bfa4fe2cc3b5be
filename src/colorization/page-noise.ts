/**
 * Which random numbers a page uses, and where they come from. A seed gives what Cobra gives on CUDA (Philox), with one
 * stated difference: a reference's latent is the mean of its posterior, because the original draws it anew for every page
 * and a cache shared by pages cannot depend on the page.
 */
import { NoiseGenerator } from "./noise.js";

/** Normal noise for one page; each method is called at most once a page, `reference` once a place. */
export interface PageNoise {
  /** Start of the denoising: `count` values. */
  start(count: number): Float32Array;
  /** Sampling of the line picture's latent. */
  line(count: number): Float32Array;
  /** Sampling of a reference's latent at rank `rank` of a quadrant; undefined: take the mean, which pages can share. */
  reference(quadrant: number, rank: number, count: number): Float32Array | undefined;
  /** Sampling of the hint picture's latent. */
  hint(count: number): Float32Array;
  /** Sampling of the colour latent in the guided upsampler. */
  upsampler(count: number): Float32Array;
}

/**
 * The noise of a seed, in the original's order of draws: a generator of its own gives the start noise; the global one, with
 * the same seed, gives page, references (one call), hint, upsampler. So start noise and the page's sampling noise are equal.
 * @param referenceCount values of the references' call, which is drawn past and not used
 */
export function seededNoise(seed: number, referenceCount: number): PageNoise {
  const own = new NoiseGenerator(seed);
  const global = new NoiseGenerator(seed);
  let passedReferences = false;
  const passReferences = (): void => {
    if (!passedReferences && referenceCount > 0) global.skip(referenceCount);
    passedReferences = true;
  };
  return {
    start: (count) => own.normal(count),
    line: (count) => global.normal(count),
    reference: () => undefined,
    hint(count) {
      passReferences();
      return global.normal(count);
    },
    upsampler: (count) => global.normal(count),
  };
}
