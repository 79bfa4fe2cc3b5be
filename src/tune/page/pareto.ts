/** The Pareto front of speed and memory. */

/** Settings that nothing beats in both: the fastest first. */
export function paretoFront<T extends { readonly rate: number; readonly memory: number }>(all: readonly T[]): T[] {
  return [...all]
    .sort((a, b) => a.memory - b.memory || b.rate - a.rate)
    .reduce<T[]>((front, one) => (one.rate > (front.at(-1)?.rate ?? -Infinity) ? [...front, one] : front), []);
}
