// docs/architecture.md is the map: every file and folder that its tables name is there, and so is every module.
import { existsSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { expect, it } from "vitest";

const page = await readFile("docs/architecture.md", "utf8");

/** The rows of the table below a heading, or of the first table of a section. */
function rowsBelow(heading: string): [string, string][] {
  const section = page.slice(page.indexOf(`## ${heading}`) + 3).split("\n## ")[0]!;
  const rows = [...section.matchAll(/^\| ([^|]+) \| ([^|]+) \|$/gmu)];
  return rows.map((row) => [row[1]!, row[2]!]);
}

/** What a cell names in code style and looks like a path. */
function namesIn(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/gu)].map((found) => found[1]!).filter((name) => /[/.]/u.test(name));
}

/** Whether a path is there; `*` stands for anything in a file's name. */
function isThere(path: string): boolean {
  if (!path.includes("*")) return existsSync(path);
  const pattern = new RegExp(`^${path.slice(dirname(path).length + 1).replaceAll(".", "\\.").replaceAll("*", ".*")}$`, "u");
  return existsSync(dirname(path)) && readdirSync(dirname(path)).some((name) => pattern.test(name));
}

/** A bare name counts from the folder that was named before it in the same cell. */
function pathsIn(cell: string): string[] {
  let folder = "";
  return namesIn(cell).map((name) => {
    const isWhole = /^(?:src|native|docs|models|test|scripts)\//u.test(name);
    if (isWhole) folder = name.endsWith("/") ? name.slice(0, -1) : dirname(name);
    return isWhole ? name : `${folder}/${name}`;
  });
}

const rows = ["I want to add", "Where is"].flatMap((heading) => rowsBelow(heading));

it("has rows that name files", () => {
  expect(rows.length).toBeGreaterThan(12);
  expect(rows.filter(([, cell]) => namesIn(cell).length === 0)).toEqual([]);
});

it.each(rows)("%s: the files are there", (_what, cell) => {
  expect(pathsIn(cell).filter((path) => !isThere(path))).toEqual([]);
});

it("names every module of src/, and none that is gone", () => {
  const named = rowsBelow("Layers").flatMap(([cell]) => namesIn(cell));
  expect(named.filter((path) => !existsSync(path))).toEqual([]);
  const modules = readdirSync("src", { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const missing = modules.filter(({ name }) => !named.some((path) => `${path}/`.startsWith(`src/${name}/`)));
  expect(missing.map(({ name }) => name)).toEqual([]);
});
