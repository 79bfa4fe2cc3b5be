/** The help of every command: examples that use flags there are, and lines that fit a terminal of 80 columns. */
import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { createProgram } from "../../../../src/ui/cli/program.js";
import { textWidth } from "../../../../src/ui/cli/output/terminal-text.js";

function all(command: Command, name = command.name()): [string, Command][] {
  return [[name, command], ...command.commands.flatMap((child) => all(child, `${name} ${child.name()}`))];
}

function helpOf(command: Command): string {
  let text = "";
  command.configureOutput({
    writeOut: (part) => (text += part),
    getOutHelpWidth: () => 80,
    getOutHasColors: () => false,
  });
  command.outputHelp();
  return text;
}

const program = createProgram();
const commands = new Map(all(program));

describe.each([...commands])("%s --help", (name, command) => {
  const help = helpOf(command);

  it("fits 80 columns", () => {
    expect(help.split("\n").filter((line) => textWidth(line) > 80)).toEqual([]);
  });

  it.runIf(command.commands.length === 0)("says what the command does, and shows examples", () => {
    expect(help).toMatch(/\n\nExamples:\n {2}\S/);
    expect(command.summary()).not.toBe("");
  });

  it("shows only commands and flags that there are", () => {
    for (const example of (help.split("Examples:")[1]?.match(/^ {2}.*cobra-batch [^&|>)\n]*/gm) ?? []).map((line) =>
      line.slice(line.indexOf("cobra-batch")),
    )) {
      const words = example.split(" ");
      const path = [3, 2].map((length) => words.slice(0, length).join(" ")).find((path) => commands.has(path));
      const used = path === undefined ? undefined : commands.get(path);
      expect(used, `${name}: ${example}`).toBeDefined();
      for (const flag of words.filter((word) => word.startsWith("--") && word !== "--help"))
        expect(
          used!.options.map(({ long }) => long),
          `${name}: ${example}`,
        ).toContain(flag);
    }
  });
});

it("lists all commands", () => {
  expect(program.commands.map((command) => command.name())).toEqual(
    expect.arrayContaining(["colorize", "classify", "approve", "reject", "retry", "redo", "config", "model", "doctor"]),
  );
});

it("has the flags that users rely on", () => {
  const flags = commands.get("cobra-batch colorize")!.options.map(({ long }) => long);
  expect(flags).toEqual(
    expect.arrayContaining([
      ..."--input-dir --input-zip --output-dir --output-zip --reference-dir --style --seed --steps --top-k --recursive --overwrite --preview --config --verbose --quiet".split(
        " ",
      ),
      "--json",
    ]),
  );
});
