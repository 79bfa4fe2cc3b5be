/** Untrusted names in messages: on one line, shortened, and of very many the first. */
import { expect, it } from "vitest";
import { quotedName, shownLines, shownName } from "../../../src/text/shown.js";

it("keeps a name on its line and cuts a long one", () => {
  expect(shownName("a\nb\u001b[2J")).toBe("a b\\u001b[2J");
  expect(shownName("n".repeat(5000))).toBe(`${"n".repeat(200)}…`);
  expect(quotedName('a"\n')).toBe(String.raw`"a\"\n"`);
  expect(quotedName("n".repeat(5000))).toBe(`"${"n".repeat(200)}"…`);
});

it("lists the first thousand faults and counts the rest", () => {
  expect(shownLines(["a", "b"])).toBe("  a\n  b");
  const lines = shownLines(Array.from({ length: 200_000 }, (_, i) => `t${i}`)).split("\n");
  expect([lines.length, lines[999], lines[1000]]).toEqual([1001, "  t999", "  … and 199000 more"]);
});
