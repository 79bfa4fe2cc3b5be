/** Completions for each command, from commander's own definitions. */
import type { Argument, Command, Option } from "commander";

/** What stands after a flag, or as an argument. */
export type Value =
  | { readonly kind: "none" | "text" | "file" | "folder" }
  | { readonly kind: "choice"; readonly choices: readonly string[] };

export interface FlagWord {
  /** "--steps", "-h". */
  readonly names: readonly string[];
  readonly description: string;
  readonly value: Value;
}

export interface CommandWords {
  /** "" for the program itself, "config check" for a command of a command. */
  readonly path: string;
  readonly description: string;
  /** Names of the commands below it. */
  readonly commands: readonly string[];
  readonly flags: readonly FlagWord[];
  /** Of the first argument. */
  readonly argument: Value;
}

/** The program and all commands below it, parents first. */
export function describeCommands(command: Command, path = ""): CommandWords[] {
  const children = command
    .createHelp()
    .visibleCommands(command)
    .filter((child) => child.name() !== "help");
  const words: CommandWords = {
    path,
    description: command.summary() || command.description(),
    commands: children.map((child) => child.name()),
    flags: command.createHelp().visibleOptions(command).map(describeFlag),
    argument: valueOf(command.registeredArguments[0]),
  };
  return [words, ...children.flatMap((child) => describeCommands(child, `${path} ${child.name()}`.trim()))];
}

function describeFlag(option: Option): FlagWord {
  const names = [option.long, option.short].filter((name) => name != null);
  return {
    names,
    description: option.description,
    value: option.required || option.optional ? valueOf(option) : { kind: "none" },
  };
}

/** The placeholder says what it is: `<dir>`, `<file>`, `<path>`; an input is a file. */
function valueOf(definition: Option | Argument | undefined): Value {
  if (definition === undefined) return { kind: "none" };
  if (definition.argChoices !== undefined) return { kind: "choice", choices: definition.argChoices };
  const placeholder = "flags" in definition ? definition.flags : definition.name();
  if (/\bdir\b/.test(placeholder.replace(/^\S+/, (word) => ("flags" in definition ? "" : word))))
    return { kind: "folder" };
  return { kind: /file|path|input|output/.test(placeholder.replace(/^--\S+/, "")) ? "file" : "text" };
}
