/** `--hint` and `--hints`: what they take, what they refuse, and which page they mean. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { gatherSettings } from "../../../../src/ui/cli/actions/gather-settings.js";
import { flagFaults } from "../../../../src/ui/cli/flags/flag-values.js";
import {
  readDot,
  withHintFlags,
  withNamedHintFlags,
  type NamedHintFlags,
} from "../../../../src/ui/cli/flags/hint-flags.js";

const texts = (flags: object): string[] => flagFaults(flags).map(({ message }) => message);

const parse = (command: Command, args: readonly string[]): object =>
  command.exitOverride().parse(args, { from: "user" }).opts();
const many = (...args: string[]): NamedHintFlags => parse(withNamedHintFlags(new Command()), args);
const one = (...args: string[]): object => parse(withHintFlags(new Command()), args);

describe("a dot", () => {
  it.each([
    ["410,220=#c03028", { x: 410, y: 220, color: "#c03028" }],
    ["0,0.5=#FFF", { x: 0, y: 0.5, color: "#FFFFFF" }],
    ["1,2,12=#000000", { x: 1, y: 2, color: "#000000", radius: 12 }],
  ])("%s", (text, dot) => {
    expect(readDot(text)).toEqual(dot);
  });

  it.each(["410,220", "410=#c03028", "-1,2=#c03028", "1,2=red", "1,2=#c0302", "1,2=#c03028 ", "1,2,3,4=#000000", ""])(
    "is not %j",
    (text) => {
      expect(readDot(text)).toBeUndefined();
      expect(texts(one("--hint", text))).toEqual([expect.stringContaining(`not ${JSON.stringify(text)}`)]);
    },
  );
});

it("may be given several times; one that is wrong is reported, whatever comes before and after", () => {
  expect(one("--hint", "1,2=#000", "--hint", "3,4=#fff")).toEqual({
    hint: [
      { x: 1, y: 2, color: "#000000" },
      { x: 3, y: 4, color: "#ffffff" },
    ],
  });
  expect(texts(one("--hint", "1,2=#000", "--hint", "x", "--hint", "3,4=#fff"))).toHaveLength(1);
  expect(texts(many("--hint", "1,2=#000"))).toEqual([expect.stringContaining("must be PAGE:X,Y=#RRGGBB")]);
  expect(texts(many("--hints", "strokes.png"))).toEqual([expect.stringContaining("must be PAGE:FILE")]);
});

describe("of a chapter", () => {
  const settingsOf = (flags: NamedHintFlags & { config?: string }): ReturnType<typeof gatherSettings> =>
    gatherSettings("chapter.cbz", { ...flags }, {});

  it("means a page by its path, its name, or that without its extension, in either form of Unicode", async () => {
    for (const [typed, page] of [
      ["a/003.png", "a/003.png"],
      ["003.png", "a/003.png"],
      ["003", "a/003.png"],
      ["a:b.png", "a:b.png"],
      ["é.png", "e\u0301.png"],
    ] as const) {
      const { pageConfig, lateWarnings } = await settingsOf(many("--hint", `${typed}:1,2=#000000`));
      expect(pageConfig("other.png")).toEqual({});
      expect(pageConfig(page), typed).toEqual({ colorHints: [{ x: 1, y: 2, color: "#000000" }] });
      expect(lateWarnings()).toEqual([]);
    }
  });

  it("warns of a page that the input does not have", async () => {
    const { pageConfig, lateWarnings } = await settingsOf(many("--hint", "004.png:1,2=#000", "--hints", "zz:s.png"));
    for (const page of ["003.png", "014.png"]) pageConfig(page);
    expect(lateWarnings()).toEqual([
      { message: 'the hint for "004.png" matches no picture of the input', remedy: 'did you mean "003.png"?' },
      { message: 'the hint for "zz" matches no picture of the input' },
    ]);
  });

  it("warns of entries of the file in the same way", async () => {
    const root = mkdtempSync(join(tmpdir(), "cobra-entries-"));
    try {
      const images = { "003.png": { seed: 1 }, "a/*": { seed: 2 }, "01.png": { seed: 3 } };
      writeFileSync(join(root, "c.json"), JSON.stringify({ images }));
      const { pageConfig, lateWarnings, given } = await settingsOf({ config: join(root, "c.json") });
      for (const page of ["003.png", "001.png"]) pageConfig(page);
      expect(lateWarnings()).toEqual([
        { message: 'images["a/*"] matches no picture of the input' },
        { message: 'images["01.png"] matches no picture of the input', remedy: 'did you mean "001.png"?' },
      ]);
      expect(given).toContainEqual({ key: "seed", label: 'images["003.png"].seed' });
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });
});
