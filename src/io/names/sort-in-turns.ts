/** Sorting that leaves the event loop room, however many items there are. */
import { turn } from "../../concurrency/take-turns.js";

/** What the language's own sort is given at once: a few milliseconds, also for keys of some kilobytes. */
const RUN_LENGTH = 512;

interface Keyed<T, Key> {
  readonly item: T;
  readonly key: Key;
}

/**
 * The items in the order of their keys; items of equal keys stay in their order.
 * @param keyOf called once for each item
 */
export async function sortInTurns<T, Key>(
  items: readonly T[],
  keyOf: (item: T) => Key,
  compare: (a: Key, b: Key) => number,
): Promise<T[]> {
  const keyed: Keyed<T, Key>[] = [];
  for (const item of items) {
    await turn();
    keyed.push({ item, key: keyOf(item) });
  }
  let runs: Keyed<T, Key>[][] = [];
  for (let start = 0; start < keyed.length; start += RUN_LENGTH) {
    await turn();
    runs.push(keyed.slice(start, start + RUN_LENGTH).sort((a, b) => compare(a.key, b.key)));
  }
  while (runs.length > 1) {
    const merged: Keyed<T, Key>[][] = [];
    for (let at = 0; at < runs.length; at += 2) merged.push(await merge(runs[at]!, runs[at + 1] ?? [], compare));
    runs = merged;
  }
  return (runs[0] ?? []).map(({ item }) => item);
}

async function merge<T, Key>(
  left: readonly Keyed<T, Key>[],
  right: readonly Keyed<T, Key>[],
  compare: (a: Key, b: Key) => number,
): Promise<Keyed<T, Key>[]> {
  const merged: Keyed<T, Key>[] = [];
  let [i, j] = [0, 0];
  while (i < left.length && j < right.length) {
    await turn();
    merged.push(compare(left[i]!.key, right[j]!.key) <= 0 ? left[i++]! : right[j++]!);
  }
  return merged.concat(left.slice(i), right.slice(j));
}
