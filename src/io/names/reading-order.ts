/** Checks that pages under new names sort as under their old ones, in every program that may show them. */
import { turn } from "../../concurrency/take-turns.js";
import { compareText, naturalKey } from "./natural-order.js";
import { sortInTurns } from "./sort-in-turns.js";

/** Names turned once into texts that are compared. */
interface Order {
  readonly keyOf: (name: string) => string;
  readonly compare: (a: string, b: string) => number;
}

/** What ends a run of other characters: a run sorts before one that it begins. */
const RUN_END = "\u0000";

/** Runs of digits by value, all else by code, the extension a part of the name as any other. */
const PLAIN_NATURAL: Order = {
  keyOf: (name) =>
    name.replace(/\d+|\D+/gu, (run) => {
      if (!/^\d/u.test(run)) return run + RUN_END;
      const digits = valueOf(run);
      return `0${String.fromCharCode(digits.length)}${digits}`;
    }),
  compare: compareText,
};

/** A number as programs read it, which cannot tell very large ones apart. */
function valueOf(digits: string): string {
  const value = Number(digits);
  return Number.isFinite(value) ? BigInt(value).toString() : "9".repeat(400);
}

/** Each byte of the name as a character. */
const BYTES: Order = { keyOf: (name) => Buffer.from(name).toString("latin1"), compare: compareText };
const NATURAL: Order = { keyOf: naturalKey, compare: compareText };
const COLLATED: Order = { keyOf: (name) => name, compare: new Intl.Collator("en", { numeric: true }).compare };

/**
 * Whether pages are in the same order under their new names, for readers of comics, file managers and the web. Any of
 * them may keep its own name: which pictures of an archive are pages, and which stay as they are, is not known when
 * names are planned.
 * @param names the pages' own names
 * @param renamed their new names, in the same order
 */
export async function keepsReadingOrder(names: readonly string[], renamed: readonly string[]): Promise<boolean> {
  for (const order of [NATURAL, BYTES, PLAIN_NATURAL, COLLATED])
    if (!(await keeps(order, names, renamed))) return false;
  return true;
}

async function keeps(
  { keyOf, compare }: Order,
  names: readonly string[],
  renamed: readonly string[],
): Promise<boolean> {
  const indices = await sortInTurns([...names.keys()], (index) => keyOf(names[index]!), compare);
  let before: string | undefined;
  for (const index of indices) {
    await turn();
    const [name, other] = [keyOf(names[index]!), keyOf(renamed[index]!)];
    const [low, high] = compare(name, other) <= 0 ? [name, other] : [other, name];
    if (before !== undefined && compare(before, low) >= 0) return false;
    before = high;
  }
  return true;
}
