/** What docs/ has that is made from the code is as the code makes it, and every public name has a docstring. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { apiPage } from "../../../scripts/lib/docs/api.mjs";
import { generatedDocs } from "../../../scripts/lib/docs/generated.mjs";

const docs = await generatedDocs();

it.each([...docs])("%s is what `npm run docs` writes", (path, text) => {
  expect(readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8")).toBe(text);
});

it("every public name and method has a docstring", () => {
  expect(apiPage().undocumented).toEqual([]);
});
