// Tests reach scripts and data beside them by path, which no compiler checks: every path that is written out is there.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";

const files = readdirSync("test", { recursive: true, encoding: "utf8" })
  .filter((name) => /\.(?:ts|mjs)$/u.test(name))
  .map((name) => join("test", name));

/** The paths in a test that are written out whole, as a module's address or as a fixture to run. */
function pathsIn(file: string): string[] {
  const text = readFileSync(file, "utf8");
  const beside = [...text.matchAll(/new URL\("([^"]+)",\s*import\.meta\.url\)/gu)].map((found) => join(dirname(file), found[1]!));
  const fixtures = [...text.matchAll(/runFixture\(\s*"([^"]+)"/gu)].map((found) => join("test", found[1]!));
  return [...beside, ...fixtures];
}

it("finds the paths", () => {
  expect(pathsIn("test/devices/memory.test.ts")).toEqual(["test/devices/fixtures/memory-figures.mjs"]);
  expect(files.flatMap((file) => pathsIn(file)).length).toBeGreaterThan(40);
});

it("names no file that is not there", () => {
  const missing = files.flatMap((file) =>
    pathsIn(file)
      .filter((path) => !existsSync(path))
      .map((path) => `${file}: ${path}`),
  );
  expect(missing).toEqual([]);
});
