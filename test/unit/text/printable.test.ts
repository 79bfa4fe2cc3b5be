/** What may go to a terminal of a foreign text. */
import { expect, it } from "vitest";
import { printable, printableLine } from "../../../src/text/printable.js";

it.each([
  ["plain, é, 頁, 🙂", "plain, é, 頁, 🙂"],
  ["\u001b[31mred\u001b[0m", "\\u001b[31mred\\u001b[0m"],
  ["\u009b31m bell\u0007", "\\u009b31m bell\\u0007"],
  ["a\u2028b\u2029c", "a\\u2028b\\u2029c"],
  ["gpj\u202e.exe\u2066", "gpj\\u202e.exe\\u2066"],
  ["back\rfront", "back\\u000dfront"],
  ["two\r\nlines\tand more", "two\nlines and more"],
])("printable(%j)", (text, shown) => {
  expect(printable(text)).toBe(shown);
});

it("one line is one line", () => {
  expect(printableLine("a\r\n\tb\nc\u001b")).toBe("a b c\\u001b");
});
