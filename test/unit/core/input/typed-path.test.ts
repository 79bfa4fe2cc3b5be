/** Paths that are stored in another Unicode form than the one that is typed. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { typedPath } from "../../../../src/core/input/typed-path.js";

const root = mkdtempSync(join(tmpdir(), "cobra-typed-path-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

it("finds each part of a path in the form in which it is stored", () => {
  mkdirSync(join(root, "Cafe\u0301"));
  writeFileSync(join(root, "Cafe\u0301", "プロローグ.png".normalize("NFD")), "");
  const stored = join(root, "Cafe\u0301", "プロローグ.png".normalize("NFD"));
  expect(typedPath(join(root, "Café", "プロローグ.png".normalize("NFC")))).toBe(stored);
  expect(typedPath(stored)).toBe(stored);
});

it("leaves a path alone that exists as it is typed, or that leads nowhere", () => {
  writeFileSync(join(root, "é"), "");
  writeFileSync(join(root, "e\u0301"), "");
  for (const name of ["é", "e\u0301", "à", "é/inside", "plain"])
    expect(typedPath(join(root, name))).toBe(join(root, name));
});
