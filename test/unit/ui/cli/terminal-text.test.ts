/** Widths, cutting, colours and durations of terminal text. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  duration,
  fitWidth,
  oneLine,
  painter,
  roughly,
  textWidth,
  wantsColor,
} from "../../../../src/ui/cli/output/terminal-text.js";

describe("width", () => {
  it("counts wide letters twice, marks and colours not at all", () => {
    expect(["page", "頁.png", "e\u0301", painter(true)("red", "red")].map(textWidth)).toEqual([4, 6, 1, 3]);
  });

  it("never goes over the columns, and leaves what fits", () => {
    expect(fitWidth("12345", 5)).toBe("12345");
    expect(fitWidth("123456", 5)).toBe("1234…");
    expect(fitWidth("頁頁頁", 4)).toBe("頁…");
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("a", "頁", "é", "👍", " ") }),
        fc.integer({ min: 0, max: 20 }),
        (text, columns) => {
          expect(textWidth(fitWidth(text, columns))).toBeLessThanOrEqual(columns);
        },
      ),
    );
  });
});

describe("foreign text", () => {
  it("cannot steer the terminal or begin a line", () => {
    expect(oneLine("a\u001b[31mb\r\nc\u202ed")).toBe("a\\u001b[31mb c\\u202ed");
  });
});

describe("colour", () => {
  it.each([
    [true, {}, true],
    [false, {}, false],
    [true, { NO_COLOR: "1" }, false],
    [true, { NO_COLOR: "" }, true],
    [true, { TERM: "dumb" }, false],
    [false, { FORCE_COLOR: "1" }, true],
    [true, { FORCE_COLOR: "0" }, false],
    [false, { FORCE_COLOR: "1", NO_COLOR: "1" }, true],
  ])("terminal %s with %o: %s", (isTTY, env, colored) => {
    expect(wantsColor({ isTTY }, env)).toBe(colored);
  });
});

describe("durations", () => {
  it("read as people say them", () => {
    expect([0, 4210, 59_940, 59_960, 61_000, 3_599_600, 3_600_000, 7_500_000].map(duration)).toEqual([
      "0.0 s",
      "4.2 s",
      "59.9 s",
      "1 min",
      "1 min 1 s",
      "1 h",
      "1 h",
      "2 h 5 min",
    ]);
    expect([100, 4210, 65_400, 754_000].map(roughly)).toEqual(["1 s", "4 s", "1 min 5 s", "13 min"]);
  });
});
