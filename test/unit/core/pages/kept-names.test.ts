// Names that results keep from an earlier run.
import { describe, expect, it } from "vitest";
import { keptNames } from "../../../../src/core/pages/kept-names.js";

const planned = new Map([
  ["a/1.png", "a_1_colorized.png"],
  ["b/1.png", "b_1_colorized.png"],
  ["2.png", "2.png"],
]);

function names(before: Record<string, string>, only?: readonly string[]): Record<string, string> {
  const kept = keptNames(planned, (page) => before[page], only && new Set(only));
  return Object.fromEntries([...planned].map(([page, name]) => [page, kept.get(page) ?? name]));
}

describe("a run of all pages", () => {
  it("keeps a name only where `_colorized` alone would change", () => {
    expect(names({ "a/1.png": "1_colorized.png", "2.png": "2_colorized.png" })).toEqual({
      "a/1.png": "a_1_colorized.png",
      "b/1.png": "b_1_colorized.png",
      "2.png": "2_colorized.png",
    });
  });
});

describe("a run of single pages", () => {
  it("keeps every name that a page has", () => {
    expect(names({ "a/1.png": "1_colorized.png", "2.png": "2_colorized.png" }, ["a/1.png"])).toEqual({
      "a/1.png": "1_colorized.png",
      "b/1.png": "b_1_colorized.png",
      "2.png": "2_colorized.png",
    });
  });

  it("gives a page without one a free name", () => {
    expect(names({ "a/1.png": "B_1_colorized.png", "2.png": "2.png" }, ["b/1.png"])).toEqual({
      "a/1.png": "B_1_colorized.png",
      "b/1.png": "b_1_colorized_1.png",
      "2.png": "2.png",
    });
  });

  it("changes the extension of the pages that are done, where another format is asked for, and of no others", () => {
    expect(names({ "a/1.png": "1_colorized.jpg", "b/1.png": "1_1_colorized.jpg" }, ["a/1.png"])).toMatchObject({
      "a/1.png": "a_1_colorized.png",
      "b/1.png": "1_1_colorized.jpg",
    });
  });
});
