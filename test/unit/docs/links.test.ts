/** Relative links of the pages lead somewhere, their anchors too. */
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const { brokenLinks, checkLinks } = (await import(
  new URL("../../../scripts/lib/links.mjs", import.meta.url).href
)) as { brokenLinks: (path: string, text: string) => string[]; checkLinks: () => string[] };
const README = fileURLToPath(new URL("../../../README.md", import.meta.url));

it("holds for all pages", () => expect(checkLinks()).toEqual([]));

it("names a missing file and a missing heading, and nothing else", () => {
  const text =
    "# The one\n[a](docs/none.md) [b](#the-one) [c](#two) [d](docs/cli.md#names) [e](docs/cli.md#nope) [f](https://example.org/x)";
  expect(brokenLinks(README, text)).toEqual([
    "README.md: docs/none.md leads to no file",
    "README.md: #two leads to no heading",
    "README.md: docs/cli.md#nope leads to no heading",
  ]);
});
