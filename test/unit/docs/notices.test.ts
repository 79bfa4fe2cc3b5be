// THIRD_PARTY_NOTICES names every package that is installed with this one, under the licence that the package states.
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

interface Locked {
  readonly license?: string;
  readonly dev?: boolean;
  /** Files for one system of a package that is named itself. */
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
}

it("names all packages that are used at run time, by licence, and no others", () => {
  const lock = JSON.parse(readFileSync("package-lock.json", "utf8")) as { packages: Record<string, Locked> };
  const used = Object.entries(lock.packages)
    .filter(([path, { dev, os, cpu }]) => path !== "" && dev !== true && os === undefined && cpu === undefined)
    .map(([path, { license }]) => `${license}: ${path.split("node_modules/").at(-1)}`);
  const notices = readFileSync("THIRD_PARTY_NOTICES", "utf8");
  const named = [...notices.matchAll(/^ {2}([\w. -]+):\n((?: {4}.+\n)+)/gmu)].flatMap(([, licence, names]) =>
    names!
      .split(/[\s,]+/u)
      .filter((name) => name !== "")
      .map((name) => `${licence}: ${name}`),
  );
  expect(named.toSorted()).toEqual([...new Set(used)].toSorted());
});
