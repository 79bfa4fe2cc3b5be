/** JSON of others: the values of `JSON.parse`, the place of a fault, names given twice, limits. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { JsonFault, parseJson } from "../../../src/text/parse-json.js";

describe("parseJson", () => {
  it("gives the values of JSON.parse", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 8 }), fc.constantFrom(undefined, 2, "\t"), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        expect(parseJson(text)).toEqual(JSON.parse(text));
      }),
      { seed: 7 },
    );
  });

  it("accepts what JSON.parse accepts and nothing else", () => {
    const pieces = [
      "{",
      "}",
      "[",
      "]",
      ",",
      ":",
      '"a"',
      '"\\u0061"',
      '"b"',
      "1",
      "-0.5e3",
      "01",
      "true",
      "nul",
      " ",
      "\n",
    ];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 9 }), (parts) => {
        const text = parts.join("");
        let expected: unknown;
        try {
          expected = JSON.parse(text);
        } catch {
          expect(() => parseJson(text)).toThrow(JsonFault);
          return;
        }
        let found: unknown;
        try {
          found = parseJson(text);
        } catch (error) {
          expect((error as JsonFault).reason).toMatch(/given twice/);
          return;
        }
        expect(found).toEqual(expected);
      }),
      { seed: 11, numRuns: 3000 },
    );
  });

  it.each([
    ['{"seed":"bad","seed":2}', 1, 15, 'the name "seed" is given twice'],
    ['{"seed":1,\n "s\\u0065ed":2}', 2, 2, 'the name "seed" is given twice'],
    ['{"a":{},"a":{}}', 1, 9, 'the name "a" is given twice'],
    ["[1,\n2,,3]", 2, 3, '"," cannot stand here'],
    ["[1", 1, 3, "the text ends here"],
    ["", 1, 1, "the text ends here"],
    ["NaN", 1, 1, '"N" cannot stand here'],
    ["[] []", 1, 4, '"[" cannot stand here'],
  ])("%j", (text, line, column, reason) => {
    expect(() => parseJson(text)).toThrow(expect.objectContaining({ line, column, reason }));
    expect(() => parseJson(text)).toThrow(`line ${line}, column ${column}: ${reason}`);
  });

  it("allows a name in several objects", () => {
    expect(parseJson('[{"a":1},{"a":{"a":2}}]')).toEqual([{ a: 1 }, { a: { a: 2 } }]);
  });

  it("keeps __proto__ as a name like any other", () => {
    const value = parseJson('{"__proto__":{"polluted":true},"toString":1}') as Record<string, unknown>;
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.keys(value)).toEqual(["__proto__", "toString"]);
    expect(() => parseJson('{"__proto__":1,"__proto__":2}')).toThrow(/given twice/);
  });

  it("limits depth and length, whatever they are", () => {
    expect(parseJson(`${"[".repeat(64)}${"]".repeat(64)}`)).toBeDefined();
    expect(() => parseJson(`${"[".repeat(65)}${"]".repeat(65)}`)).toThrow(/nested deeper than 64/);
    expect(() => parseJson("[".repeat(5_000_000))).toThrow(/nested deeper than 64/);
    expect(() => parseJson('{"a":'.repeat(1_000_000), { maxDepth: 10 })).toThrow(/nested deeper than 10/);
    expect(parseJson(`${"[".repeat(100_000)}${"]".repeat(100_000)}`, { maxDepth: 100_000 })).toBeDefined();
    expect(() => parseJson("[1, 2]", { maxLength: 5 })).toThrow(/has 6 characters; at most 5/);
  });

  it("reads Python's numbers where it is asked to", () => {
    const text = '{"a":-Infinity,"b":[Infinity,NaN]}';
    expect(parseJson(text, { pythonNumbers: true })).toEqual({ a: -Infinity, b: [Infinity, NaN] });
    expect(() => parseJson(text)).toThrow(JsonFault);
    expect(() => parseJson("[Infinityx]", { pythonNumbers: true })).toThrow(JsonFault);
  });

  it("reads strings of any length and escape", () => {
    for (const value of ["\\", '\\"', '"\\\\', `${"\\".repeat(9)}"`, "a\u2028b", "x".repeat(20_000_000)])
      expect(parseJson(JSON.stringify([value]))).toEqual([value]);
    for (const text of ['"\\"', '"a\nb"', '"\\x"', '"\\u12"', '"']) expect(() => parseJson(text)).toThrow(JsonFault);
  });

  it("skips a byte order mark", () => {
    expect(parseJson("\uFEFF{}")).toEqual({});
  });
});
