/**
 * Colour that differs within a small neighbourhood, lightness aside: real colouring has it however faded it is; the
 * tint of paper, stains and print in one ink do not.
 */

/**
 * Levels of 8 bits by which colour differs inside of a block: the mean of all blocks, and the least of the most
 * coloured.
 */
export interface LocalColor {
  readonly localMean: number;
  /** Of the most coloured 2, 10 and 30 % of the blocks the least. */
  readonly localTop2: number;
  readonly localTop10: number;
  readonly localTop30: number;
}

export const NO_LOCAL_COLOR: LocalColor = { localMean: 0, localTop2: 0, localTop10: 0, localTop30: 0 };

/** @param spreads how far colour differs within each block; see `ColorFigures` */
export function localColor(spreads: Float64Array): LocalColor {
  if (spreads.length === 0) return NO_LOCAL_COLOR;
  const sorted = spreads.toSorted().reverse();
  const top = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
  return {
    localMean: spreads.reduce((sum, value) => sum + value, 0) / spreads.length,
    localTop2: top(0.02),
    localTop10: top(0.1),
    localTop30: top(0.3),
  };
}
