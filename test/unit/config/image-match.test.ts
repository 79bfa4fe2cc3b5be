/** Which entry of a configuration applies to an image: the matcher against a plain one, and the order of entries. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareSpecificity, ImageMatcher, imagePattern, matchImage } from "../../../src/config/image-match.js";

/** The rule written the plain way, with backtracking: for short texts alone. */
function plainMatch(glob: string, text: string, atStart = true): boolean {
  if (glob === "") return text === "";
  if (atStart && glob.startsWith("**/")) {
    if (plainMatch(glob.slice(3), text, true)) return true;
    const slash = text.indexOf("/");
    return slash >= 0 && plainMatch(glob, text.slice(slash + 1), true);
  }
  const stars = /^\*+/.exec(glob)?.[0] ?? "";
  if (stars !== "") {
    for (let length = 0; length <= text.length; length++) {
      if (stars === "*" && text.slice(0, length).includes("/")) break;
      if (plainMatch(glob.slice(stars.length), text.slice(length), false)) return true;
    }
    return false;
  }
  if (text === "" || (glob[0] === "?" ? text[0] === "/" : glob[0] !== text[0])) return false;
  return plainMatch(glob.slice(1), text.slice(1), glob[0] === "/");
}

const part = fc.constantFrom("a", "b", "/", "*", "**", "?", "**/");
const glob = fc
  .array(part, { minLength: 1, maxLength: 5 })
  .map((parts) => parts.join(""))
  .filter((text) => !/^\/|\/\/|\/$/.test(text));

const segment = fc.constantFrom("a", "b", "ab", "*", "?", "a*", "*b", "a?", "?*", "*a*", "**", "??", "a*b");
const wildcards = fc
  .array(segment, { minLength: 1, maxLength: 4 })
  .map((segments) => segments.join("/"))
  .filter((text) => imagePattern(text).kind === "glob");

/** Relative paths over two letters: names of up to two letters in up to two folders of as many. */
const WORDS = ["a", "b", "aa", "ab", "ba", "bb"];
const NAMES = [
  ...WORDS,
  ...WORDS.flatMap((folder) => WORDS.map((name) => `${folder}/${name}`)),
  ...WORDS.flatMap((one) => WORDS.flatMap((two) => WORDS.map((name) => `${one}/${two}/${name}`))),
  "aab",
  "abb",
  "aabb",
  "a/aab",
  "a/abab",
  "aab/b",
  "a/b/a/b",
];

const matched = (entry: string): boolean[] => {
  const pattern = imagePattern(entry);
  return NAMES.map((name) => matchImage(pattern, name) !== undefined);
};

it("matches what the plain rule matches", () => {
  fc.assert(
    fc.property(glob, fc.constantFrom(...NAMES), (entry, name) => {
      const label = name.slice(name.lastIndexOf("/") + 1);
      const expected = plainMatch(entry, entry.includes("/") ? name : label) || name === entry || label === entry;
      expect(matchImage(imagePattern(entry), name) !== undefined).toBe(expected);
    }),
    { numRuns: 3000, seed: 1 },
  );
});

it("answers at once for globs that make a backtracking matcher spin", () => {
  const name = `${"a".repeat(200)}b`;
  for (const entry of ["*a*a*a*a*a*c", `${"*a".repeat(50)}*c`, `${"**a".repeat(50)}**c`, `${"**/".repeat(50)}c`])
    expect(matchImage(imagePattern(entry), name)).toBeUndefined();
  expect(matchImage(imagePattern("*a*a*a*a*a*b"), name)).toBeDefined();
});

describe("the more specific entry", () => {
  /** Whether the first entry overrides the second for an image that both match. */
  const overrides = (first: string, second: string, name: string): boolean => {
    const [a, b] = [first, second].map((entry) => matchImage(imagePattern(entry), name));
    if (a === undefined || b === undefined) throw new Error(`${first} and ${second} do not both match ${name}`);
    return compareSpecificity(a, b) > 0;
  };

  it.each([
    ["a/001.png", "001.png", "a/001.png"],
    ["001.png", "a/*", "a/001.png"],
    ["001.png", "0*.png", "001.png"],
    ["a/*", "*.png", "a/001.png"],
    ["a/**", "*.png", "a/b/001.png"],
    ["a/b/*", "a/**", "a/b/001.png"],
    ["a/*", "a/**", "a/001.png"],
    ["a/0*", "a/*", "a/001.png"],
    ["a/*.png", "*/001*", "a/001.png"],
    ["00*.png", "*.png", "001.png"],
    ["00?.png", "00*.png", "001.png"],
    ["001.*", "00?.*", "001.png"],
    ["**/001.png", "a/*", "a/001.png"],
    ["**/001.png", "0*.png", "a/001.png"],
    ["a/*", "**/*.png", "a/001.png"],
    ["*.png", "**/*", "a/001.png"],
    ["*.png", "**", "a/001.png"],
  ])("%s overrides %s for %s", (first, second, name) => {
    expect(overrides(first, second, name)).toBe(true);
    expect(overrides(second, first, name)).toBe(false);
  });

  it("is the one that matches fewer images, wherever one matches a part of what the other matches", () => {
    fc.assert(
      fc.property(wildcards, wildcards, (first, second) => {
        const [a, b] = [matched(first), matched(second)];
        const both = NAMES.filter((_name, index) => a[index] && b[index]);
        const isPart = a.every((is, index) => !is || b[index]) && b.some((is, index) => is && !a[index]);
        fc.pre(isPart && both.length > 0);
        for (const name of both)
          expect(overrides(second, first, name), `${second} over ${first} for ${name}`).toBe(false);
      }),
      { numRuns: 400, seed: 1 },
    );
  });

  it("is the same in either form of Unicode", () => {
    for (const [entry, name] of [
      ["é*.png", "e\u0301 1.png"],
      ["e\u0301*.png", "é 1.png"],
      ["é.png", "x/e\u0301.png"],
    ] as const)
      expect(matchImage(imagePattern(entry), name)).toBeDefined();
  });
});

it("of many entries those match that match one by one, in their order", () => {
  const texts = ["a/001.png", "*.png", "./001.png", "001.png", "**/001.png", "a/*", "*", "b.png", "e\u0301.png"];
  const entries = [...texts, ...texts.map((text) => `./${text}`)];
  const matcher = new ImageMatcher(entries);
  for (const name of ["a/001.png", "001.png", "b/c/001.png", "b.png", "*.png", "a/*", "\u00e9.png", "none.jpg"]) {
    const expected = entries.flatMap((entry) => {
      const specificity = matchImage(imagePattern(entry), name);
      return specificity === undefined ? [] : [{ entry, specificity }];
    });
    expect(matcher.matching(name)).toEqual(expected);
  }
});
