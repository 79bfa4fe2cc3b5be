/** Whether pages sort under new names as they did under their own, for every program that may show them. */
import { compareNatural } from "./natural-order.js";

/** The orders in which readers of comics show the entries of an archive. */
const ORDERS: readonly ((names: readonly string[]) => (a: string, b: string) => number)[] = [
  () => compareNatural,
  () => naturalByBytes,
  (names) => {
    const bytes = new Map(names.map((name) => [name, Buffer.from(name)]));
    return (a, b) => Buffer.compare(bytes.get(a)!, bytes.get(b)!);
  },
  () => new Intl.Collator("en", { numeric: true }).compare,
];

const CHUNKS = /\d+|\D+/gu;

/** Runs of digits by value, all else by code, the extension a part of the name as any other. */
function naturalByBytes(a: string, b: string): number {
  const left = a.match(CHUNKS) ?? [];
  const right = b.match(CHUNKS) ?? [];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const [x, y] = [left[i]!, right[i]!];
    if (x === y) continue;
    const both = /^\d/u.test(x) && /^\d/u.test(y);
    const order = both ? Number(x) - Number(y) : 0;
    if (order !== 0) return order;
    return x < y ? -1 : 1;
  }
  return left.length - right.length;
}

/**
 * Whether pages are in the same order under their new names. Any of them may keep its own name: which pictures of an
 * archive are pages, and which stay as they are, is not known when names are planned.
 * @param names the pages' own names
 * @param renamed their new names, in the same order
 */
export function keepsReadingOrder(names: readonly string[], renamed: readonly string[]): boolean {
  return ORDERS.every((orderOf) => {
    const compare = orderOf([...names, ...renamed]);
    const pairs = names
      .map((name, index) => ({ name, other: renamed[index]! }))
      .sort((a, b) => compare(a.name, b.name))
      .map(({ name, other }) => (compare(name, other) <= 0 ? [name, other] : [other, name]) as [string, string]);
    return pairs.every(([low], index) => index === 0 || compare(pairs[index - 1]![1], low) < 0);
  });
}
