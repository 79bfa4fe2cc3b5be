/**
 * Compares two settings. Both are measured in pairs, in random order within each pair. If there is no difference, each
 * pair's ratio could as well be turned round: the test counts how many of all ways to turn the pairs give a sum as far
 * from zero (an exact sign-flip test, which assumes no distribution).
 *
 * Looking again and again finds a difference by chance. So the pairs are looked at a fixed number of times, and each
 * look has an equal part of the error rate: over all looks together, a difference is claimed where there is none in at
 * most `FALSE_RATE` of the comparisons (Bonferroni's bound). Running out of time is one more look, in the place of the
 * next.
 */
import { pairedEstimate, type Estimate } from "./bootstrap.js";
import { Random } from "./random.js";

/** Share of comparisons of two equal settings that may find a difference. */
export const FALSE_RATE = 0.05;
/** Pairs after which the comparison is looked at. With fewer than the first, no result could be sure enough. */
export const LOOKS: readonly number[] = [8, 12, 18, 27];
/** The part of the error rate that one look has. */
export const LOOK_RATE = FALSE_RATE / LOOKS.length;
/** Up to so many pairs all ways to turn them are counted; above, so many random ones. */
const EXACT_PAIRS = 14;
const DRAWS = 4095;

/** What a comparison has found. */
export type Verdict = "better" | "worse" | "no difference";

/** A comparison's result. */
export interface Comparison {
  readonly verdict: Verdict;
  /** How many times the other setting this one is; above 1 is better. */
  readonly ratio: Estimate;
  readonly pairs: number;
  /** Probability of such pairs where there is no difference. */
  readonly p: number;
}

/** Probability of a sum as far from 0 as these have, where each could as well have the other sign. */
export function signFlipP(values: readonly number[], seed = 1): number {
  const given = Float64Array.from(values);
  const least = Math.abs(turnedSum(given, 0)) * (1 - 1e-12);
  if (given.length <= EXACT_PAIRS) {
    const ways = 2 ** given.length;
    let extreme = 0;
    for (let way = 0; way < ways; way++) if (Math.abs(turnedSum(given, way)) >= least) extreme++;
    return extreme / ways;
  }
  const random = new Random(seed);
  let extreme = 1; // the way that was measured is one of them
  for (let draw = 0; draw < DRAWS; draw++) if (Math.abs(turnedSum(given, random.word())) >= least) extreme++;
  return extreme / (DRAWS + 1);
}

/** The sum with the signs turned that have a bit in `way`. There are never more pairs than bits. */
function turnedSum(values: Float64Array, way: number): number {
  let sum = 0;
  for (let index = 0; index < values.length; index++) sum += (way >>> index) & 1 ? -values[index]! : values[index]!;
  return sum;
}

/** Collects pairs and says when enough is known. Figures are scores: higher is better. */
export class PairedComparison {
  readonly #logRatios: number[] = [];
  #looks = 0;
  #found: Omit<Comparison, "ratio"> | undefined;

  get pairs(): number {
    return this.#logRatios.length;
  }

  /** What was found; undefined while more pairs are wanted. */
  get result(): Comparison | undefined {
    return this.#found && { ...this.#found, ratio: pairedEstimate(this.#logRatios) };
  }

  /** The verdict alone, which costs no resampling. */
  get verdict(): Verdict | undefined {
    return this.#found?.verdict;
  }

  /** Whether no more pairs are wanted. */
  get isDecided(): boolean {
    return this.#found !== undefined;
  }

  /** Adds a pair. Looks at all pairs where it is time to. */
  add(score: number, peerScore: number): void {
    if (this.isDecided) return;
    this.#logRatios.push(Math.log(score / peerScore));
    if (this.#logRatios.length === LOOKS[this.#looks]) this.#look(this.#looks === LOOKS.length - 1);
  }

  /** No more pairs come. */
  end(): Comparison | undefined {
    if (!this.isDecided && this.#logRatios.length > 0) this.#look(true);
    return this.result;
  }

  #look(isLast: boolean): void {
    this.#looks++;
    const p = signFlipP(this.#logRatios);
    const sum = this.#logRatios.reduce((total, value) => total + value, 0);
    const found = { pairs: this.#logRatios.length, p };
    if (p <= LOOK_RATE) this.#found = { ...found, verdict: sum > 0 ? "better" : "worse" };
    else if (isLast) this.#found = { ...found, verdict: "no difference" };
  }
}
