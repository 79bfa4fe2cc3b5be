/** What docs/ has that is made from the code is as the code makes it. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { generatedDocs } from "../../../scripts/lib/docs/generated.mjs";

const docs = await generatedDocs();

it.each([...docs])("%s is what `npm run docs` writes", (path, text) => {
  expect(readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8")).toBe(text);
});
