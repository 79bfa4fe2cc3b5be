// The rule over first comments, and that the sources keep it.
import { expect, it } from "vitest";
import { checkFirstComments, firstComment } from "../../../scripts/lib/first-comments.mjs";

it.each([
  ["/** Parses names. */\n", "Parses names. */"],
  ["/**\n * What a thing is.\n */", "What a thing is."],
  ["#!/usr/bin/env node\n// Prints help.\n", "Prints help."],
  ["// Kernels.\n#pragma once", "Kernels."],
  ['import x from "x";\n// Where x is.', undefined],
])("finds the first comment of %j", (text, expected) => {
  expect(firstComment(text)).toBe(expected);
});

it("begins with no question word in any source", () => {
  expect(checkFirstComments()).toEqual([]);
});
