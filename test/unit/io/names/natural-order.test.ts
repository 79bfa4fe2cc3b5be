/** Natural order by keys is what a comparison label by label gives, and sorting many names lets the event loop run. */
import * as fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { compareNatural, sortedNaturally } from "../../../../src/io/names/natural-order.js";
import { planOutputNames } from "../../../../src/io/names/output-names.js";
import { sortInTurns } from "../../../../src/io/names/sort-in-turns.js";

/** The definition: label by label, runs of digits by value and before all else. */
function compareLabels(a: string, b: string): number {
  const [left, right] = [a.split("/"), b.split("/")];
  for (let i = 0; i < Math.min(left.length, right.length) - 1; i++) {
    const order = compareRuns(left[i]!, right[i]!) || compareText(left[i]!, right[i]!);
    if (order !== 0) return order;
  }
  if (left.length !== right.length) return left.length - right.length;
  const [x, y] = [left.at(-1)!, right.at(-1)!].map((base) => {
    const dot = base.lastIndexOf(".") > 0 ? base.lastIndexOf(".") : base.length;
    return [base.slice(0, dot), base.slice(dot)] as const;
  });
  return compareRuns(x![0], y![0]) || compareRuns(x![1], y![1]) || compareText(left.at(-1)!, right.at(-1)!);
}

function compareRuns(a: string, b: string): number {
  const runs = (text: string): string[] => text.toLowerCase().match(/\d+|\D+/gu) ?? [];
  const [left, right] = [runs(a), runs(b)];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const [x, y] = [left[i]!, right[i]!];
    const [m, n] = [x, y].map((run) => (/^\d/u.test(run) ? BigInt(run) : undefined));
    if ((m === undefined) !== (n === undefined)) return m === undefined ? 1 : -1;
    const order = m === undefined ? compareText(x, y) : m < n! ? -1 : m > n! ? 1 : 0;
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

function compareText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

describe("natural order", () => {
  it("is by folders, then by the name's stem, runs of digits by value", () => {
    const path = fc.string({
      unit: fc.constantFrom("0", "1", "9", "a", "A", "b", ".", "/", " ", "-", "é", "頁", ..."\u0000\u0001\u0002\u0003"),
      maxLength: 12,
    });
    fc.assert(
      fc.property(path, path, (a, b) => {
        expect(Math.sign(compareNatural(a, b))).toBe(Math.sign(compareLabels(a, b)));
      }),
      {
        numRuns: 5000,
        examples: [
          ["a/b", "a\u0002/b"],
          ["p1", "p1\u0000"],
          ["p\u0001", "p1"],
          ["a", "a/b"],
        ],
      },
    );
  });

  it("tells numbers of more digits than a code unit counts apart", () => {
    const digits = "1".repeat(70_000);
    const inOrder = ["9", "9".repeat(65_534), "1".repeat(65_535), "1".repeat(65_536), digits, `${digits}1`];
    expect(inOrder.toReversed().sort(compareNatural)).toEqual(inOrder);
  });
});

describe("sorting in turns", () => {
  it("is stable and gives what the language's sort gives, for any number of items", async () => {
    for (const length of [0, 1, 511, 512, 513, 1024, 2500]) {
      const items = Array.from({ length }, (_, index) => ({ key: (index * 7919) % 97, index }));
      const sorted = await sortInTurns(
        items,
        ({ key }) => key,
        (a, b) => a - b,
      );
      expect(sorted).toEqual(items.toSorted((a, b) => a.key - b.key));
    }
  });

  afterEach(() => vi.restoreAllMocks());

  it("of thousands of names and their results' gives the event loop its turns throughout", async () => {
    // A clock that moves on by a millisecond at each look: what is held is that every loop looks, not its speed.
    let time = performance.now();
    vi.spyOn(performance, "now").mockImplementation(() => time++);
    let turnsTaken = 0;
    let isDone = false;
    const count = (): void => {
      turnsTaken++;
      if (!isDone) setImmediate(count);
    };
    setImmediate(count);
    const names = Array.from({ length: 5000 }, (_, index) => `ch ${index % 300}/p ${(index * 7919) % 5000}.png`);
    const sorted = await sortedNaturally(names, (name) => name);
    const whileSorting = turnsTaken;
    await planOutputNames(sorted, { archive: true });
    isDone = true;
    expect(sorted).toEqual(names.toSorted(compareNatural));
    // keys, and four levels of merging, each a look a name, one in twenty of which at least gives a turn
    expect(whileSorting).toBeGreaterThan((5000 * 5) / 20);
    expect(turnsTaken - whileSorting).toBeGreaterThan((4 * 5000 * 2) / 20);
  });
});

describe("compareNatural", () => {
  it("orders pages as a person does", () => {
    const pages = [
      "p10.png",
      "p2.png",
      "p1 extra.png",
      "p1.png",
      "b/1.png",
      "a/10.png",
      "a/9.png",
      "a/b/1.png",
      "P3.png",
      "001.png",
      "cover.png",
    ];
    expect(pages.sort(compareNatural)).toEqual([
      "001.png",
      "cover.png",
      "p1.png",
      "p1 extra.png",
      "p2.png",
      "P3.png",
      "p10.png",
      "a/9.png",
      "a/10.png",
      "a/b/1.png",
      "b/1.png",
    ]);
  });

  it("is a total order over any names, folder by folder", () => {
    const path = fc
      .array(fc.stringMatching(/^[a-cA-C0-29. ]{1,4}$/u), { minLength: 1, maxLength: 3 })
      .map((parts) => parts.join("/"));
    fc.assert(
      fc.property(path, path, path, (a, b, c) => {
        expect(Math.sign(compareNatural(a, b))).toBe(-Math.sign(compareNatural(b, a)) + 0);
        expect(compareNatural(a, b) === 0).toBe(a === b);
        if (compareNatural(a, b) <= 0 && compareNatural(b, c) <= 0) expect(compareNatural(a, c)).toBeLessThanOrEqual(0);
      }),
      { numRuns: 2000 },
    );
  });

  it("compares numbers of any length by value", () => {
    expect(["9".repeat(40), "1".repeat(41), "8".repeat(40)].sort(compareNatural)).toEqual([
      "8".repeat(40),
      "9".repeat(40),
      "1".repeat(41),
    ]);
  });
});
