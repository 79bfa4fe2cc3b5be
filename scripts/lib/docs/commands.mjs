// The table of commands in docs/cli.md, from the program itself.
import { table } from "./table.mjs";

/** @param program of `createProgram()` @returns the sections of the page by name */
export function commandTable(program) {
  const leaves = (command, words = []) =>
    command.commands.length > 0
      ? command.commands.flatMap((child) => leaves(child, [...words, child.name()]))
      : [[`\`${[...words, ...command.registeredArguments.map(usage)].join(" ")}\``, command.summary()]];
  return { commands: table(["command", "does"], leaves(program)) };
}

function usage(argument) {
  const name = argument.name().toUpperCase() + (argument.variadic ? "…" : "");
  return argument.required ? name : `[${name}]`;
}
