/** Help that the build has rendered is the help that the program renders. */
import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { createProgram } from "../../../../src/ui/cli/program.js";

const DIST = new URL("../../../../dist/ui/cli/", import.meta.url).href;
const { HELP_TEXTS, VERSION_TEXT } = (await import(
  `${DIST}help-texts.js`
)) as typeof import("../../../../src/ui/cli/help-texts.js");
const { readyText } = (await import(`${DIST}ready-text.js`)) as typeof import("../../../../src/ui/cli/ready-text.js");

function pages(command: Command, words: readonly string[] = []): [string, string][] {
  let text = "";
  command.configureOutput({ writeOut: (part) => (text += part), getOutHasColors: () => false }).outputHelp();
  return [[words.join(" "), text], ...command.commands.flatMap((child) => pages(child, [...words, child.name()]))];
}

describe("ready help", () => {
  it("is the program's own, for every command", () => {
    expect(Object.entries(HELP_TEXTS)).toEqual(pages(createProgram()));
  });

  it("is given for a command alone, on a terminal that is wide enough or none", async () => {
    const help = HELP_TEXTS["model import"];
    expect(help).toContain("--pixart");
    expect(await readyText(["model", "import", "--help"], undefined)).toBe(help);
    expect(await readyText(["model", "import", "-h"], 80)).toBe(help);
    expect(await readyText(["model", "import", "--help"], 79)).toBeUndefined();
    expect(await readyText(["model import", "--out", "--help"], undefined)).toBeUndefined();
    expect(await readyText(["toString", "--help"], undefined)).toBeUndefined();
    expect(await readyText(["colorize"], undefined)).toBeUndefined();
    expect(await readyText([], undefined)).toBeUndefined();
  });

  it("knows the version", async () => {
    expect(VERSION_TEXT).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(await readyText(["--version"], undefined)).toBe(VERSION_TEXT);
    expect(await readyText(["colorize", "--version"], undefined)).toBeUndefined();
  });
});
