/** JSON of configuration files: keys given twice, nesting, and that nothing valid is refused. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseJsonText } from "../../../src/config/json-text.js";

describe("a key that is given twice", () => {
  it.each([
    ['{"seed": "bad", "seed": 2}', "1:17", "seed"],
    ['{\n  "a": {"b": 1, "c": [], "b": 1}\n}', "2:26", "b"],
    ['[{"a": 1}, {"a": 1, "\\u0061": 2}]', "1:21", "a"],
    ['{"": 1, "": 1}', "1:9", ""],
    ['{"__proto__": 1, "__proto__": 2}', "1:18", "__proto__"],
  ])("is an error with its place: %s", (text, place, key) => {
    expect(() => parseJsonText(text, "f.json")).toThrow(
      `f.json:${place}: the key ${JSON.stringify(key)} is given twice; leave one of them out`,
    );
  });

  it("is found wherever it stands, and is no error in two objects", () => {
    const key = fc.string({ maxLength: 3 });
    fc.assert(
      fc.property(fc.uniqueArray(key, { minLength: 1 }), fc.nat(), fc.json({ maxDepth: 2 }), (keys, which, value) => {
        const members = keys.map((one) => `${JSON.stringify(one)}: ${value}`);
        expect(parseJsonText(`{${members.join(",")}}`, "f")).toEqual(JSON.parse(`{${members.join(",")}}`));
        const twice = [...members, members[which % members.length]!];
        expect(() => parseJsonText(`{"x": [{${twice.join(",")}}]}`, "f")).toThrow(/is given twice/);
      }),
    );
  });
});

it("is at most 64 deep; a deeper text is an error and no overflow", () => {
  const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
  expect(parseJsonText(nested(64), "f")).toEqual(JSON.parse(nested(64)));
  expect(() => parseJsonText(nested(65), "f")).toThrow("f:1:65: more than 64 objects and lists inside one another");
  expect(() => parseJsonText('{"a":'.repeat(100_000), "f")).toThrow(/more than 64/);
});
