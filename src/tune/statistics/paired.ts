/**
 * Compares two settings. Both are measured in pairs, in random order within each pair. If there is no difference, each
 * pair's ratio could as well be turned round: the test counts how many of all ways to turn the pairs give a sum as far
 * from zero (an exact sign-flip test, which assumes no distribution).
 *
 * Looking again and again finds a difference by chance. So it is planned before the first pair how many looks there
 * are, by the time there is, and each look has an equal part of the error rate: over all looks together, a difference
 * is claimed where there is none in at most `FALSE_RATE` of the comparisons (Bonferroni's bound). Running out of time
 * is a look in the place of the next. The time of a pair is the same whichever of the two is which, so that it says
 * nothing.
 */
import { pairedEstimate, type Estimate } from "./bootstrap.js";
import { Random } from "./random.js";

/** Share of comparisons of two equal settings that may find a difference. */
export const FALSE_RATE = 0.05;
/** What all looks of a comparison may use of it together; the rest is room for what is not planned. */
export const SPENT_RATE = 0.04;

/** Pairs after which there is a look, the longest plan that the time allows; the last look ends the comparison. */
const PLANS: readonly (readonly number[])[] = [[8, 12, 18, 27], [8, 16], [11]];

/**
 * The looks of a comparison for which there is time for about so many pairs. The first look of each plan is late enough
 * to be sure enough of anything, but for the shortest, whose only look is where time is up.
 */
export function planLooks(affordablePairs: number): readonly number[] {
  return PLANS.find((looks) => looks.at(-2) !== undefined && affordablePairs >= looks.at(-2)! + 2) ?? PLANS.at(-1)!;
}

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
  readonly #plan: readonly number[];
  readonly #logRatios: number[] = [];
  #looks = 0;
  #found: Omit<Comparison, "ratio"> | undefined;

  /** @param affordablePairs how many pairs there is about time for */
  constructor(affordablePairs = Infinity) {
    this.#plan = planLooks(affordablePairs);
  }

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
    if (this.#logRatios.length === this.#plan[this.#looks]) this.#look(this.#looks === this.#plan.length - 1);
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
    if (p <= SPENT_RATE / this.#plan.length) this.#found = { ...found, verdict: sum > 0 ? "better" : "worse" };
    else if (isLast) this.#found = { ...found, verdict: "no difference" };
  }
}
