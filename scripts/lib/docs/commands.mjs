// The table of commands in docs/cli.md, from the program itself.
import { table } from "./table.mjs";

/** @param program of `createProgram()` @returns the sections of the page by name */
export function commandTable(program) {
  const rows = (command, words = []) => [
    ...(command.commands.length === 0 || command.registeredArguments.length > 0
      ? [[`\`${[...words, ...command.registeredArguments.map(usage)].join(" ")}\``, command.summary()]]
      : []),
    ...command.commands.flatMap((child) => rows(child, [...words, child.name()])),
  ];
  return { commands: table(["command", "does"], rows(program)) };
}

function usage(argument) {
  const name = argument.name().toUpperCase() + (argument.variadic ? "…" : "");
  return argument.required ? name : `[${name}]`;
}
