/** A program can name every type that a public signature names. */
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { unexportedTypes } from "../../support/public-types.js";

it("exports every type that public declarations name", () => {
  expect(unexportedTypes(fileURLToPath(new URL("../../../dist/index.d.ts", import.meta.url)))).toEqual([]);
});
