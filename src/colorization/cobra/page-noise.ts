/**
 * Random numbers of a page. A seed gives what Cobra gives on CUDA (Philox), with one stated difference: a reference's
 * latent is the mean of its posterior, because the original samples it again for every page and a cache shared by
 * pages cannot depend on the page.
 */
import { NoiseGenerator } from "./noise.js";

/** How many values each draw of a page has. */
export interface NoiseCounts {
  /** The page's latent: 4 x H/8 x W/8. */
  latent: number;
  /** All references' latents together, which are drawn past and not used. */
  references: number;
  /** The upsampler's latent; 0 without an upsampler. */
  upsampler: number;
}

/** Standard normal noise for one page, flat in the latents' shapes. */
export interface PageNoise {
  /** Start of the denoising. */
  start: Float32Array;
  /** Sampling of the line picture's latent. */
  line: Float32Array;
  /** Sampling of the hint picture's latent. */
  hint: Float32Array;
  /** Sampling of the colour latent in the guided upsampler. */
  upsampler: Float32Array;
  /** Sampling of each chosen reference's latent, in quadrant order; absent: the mean, which pages can share. */
  references?: readonly Float32Array[];
}

/**
 * The noise of a seed, in the original's order of draws: one generator gives the start noise; the global one,
 * with the same seed, gives page, references (one call), hint, upsampler. So start noise and the page's sampling noise
 * are equal.
 */
export function seededNoise({ seed, counts }: { seed: number; counts: NoiseCounts }): PageNoise {
  const global = new NoiseGenerator(seed);
  const line = global.normal(counts.latent);
  if (counts.references > 0) global.skip(counts.references);
  const hint = global.normal(counts.latent);
  return { start: line.slice(), line, hint, upsampler: global.normal(counts.upsampler) };
}
