/** Whether pages under new names sort as they did under their old ones, in every program that may show them. */
import { compareNaturalKeys, naturalKey, type NaturalKey } from "./natural-order.js";

/** Names turned once into what is compared. */
interface Order<Key> {
  readonly keyOf: (name: string) => Key;
  readonly compare: (a: Key, b: Key) => number;
}

const CHUNKS = /\d+|\D+/gu;

/** Runs of digits by value, all else by code, the extension a part of the name as any other. */
const PLAIN_NATURAL: Order<readonly (string | number)[]> = {
  keyOf: (name) => (name.match(CHUNKS) ?? []).map((chunk) => (/^\d/u.test(chunk) ? Number(chunk) : chunk)),
  compare: (a, b) => {
    for (let i = 0; i < Math.min(a.length, b.length); i++) {
      const [x, y] = [a[i]!, b[i]!];
      if (x === y) continue;
      if (typeof x === typeof y) return x < y ? -1 : 1;
      return typeof x === "number" ? compareText("0", y as string) : compareText(x, "0");
    }
    return a.length - b.length;
  },
};

function compareText(a: string, b: string): number {
  return a < b ? -1 : 1;
}

const BYTES: Order<Buffer> = { keyOf: (name) => Buffer.from(name), compare: Buffer.compare };
const NATURAL: Order<NaturalKey> = { keyOf: naturalKey, compare: compareNaturalKeys };
const COLLATED: Order<string> = {
  keyOf: (name) => name,
  compare: new Intl.Collator("en", { numeric: true }).compare,
};

/**
 * Whether pages are in the same order under their new names, for readers of comics, file managers and the web. Any of
 * them may keep its own name: which pictures of an archive are pages, and which stay as they are, is not known when
 * names are planned.
 * @param names the pages' own names
 * @param renamed their new names, in the same order
 */
export function keepsReadingOrder(names: readonly string[], renamed: readonly string[]): boolean {
  return (
    keeps(NATURAL, names, renamed) &&
    keeps(BYTES, names, renamed) &&
    keeps(PLAIN_NATURAL, names, renamed) &&
    keeps(COLLATED, names, renamed)
  );
}

function keeps<Key>({ keyOf, compare }: Order<Key>, names: readonly string[], renamed: readonly string[]): boolean {
  const pairs = names
    .map((name, index) => ({ name: keyOf(name), other: keyOf(renamed[index]!) }))
    .sort((a, b) => compare(a.name, b.name))
    .map(({ name, other }) => (compare(name, other) <= 0 ? { low: name, high: other } : { low: other, high: name }));
  return pairs.every(({ low }, index) => index === 0 || compare(pairs[index - 1]!.high, low) < 0);
}
