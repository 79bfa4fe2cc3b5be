// Renders every help page of the compiled command into dist/ui/cli/help-texts.js.
import { renameSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Help pages by the command's words; "" is the program's own. */
function renderedPages(command, words = []) {
  let page = "";
  command.configureOutput({ writeOut: (text) => (page += text) }).outputHelp();
  return [
    [words.join(" "), page],
    ...command.commands.flatMap((child) => renderedPages(child, [...words, child.name()])),
  ];
}

/** Writes the pages. `dist`: URL of the compiled folder, with a slash at its end. */
export async function writeHelpTexts(dist) {
  const { createProgram } = await import(new URL("ui/cli/program.js", dist));
  const program = createProgram();
  const texts = Object.fromEntries(renderedPages(program));
  const path = fileURLToPath(new URL("ui/cli/help-texts.js", dist));
  const text = `export const HELP_TEXTS = ${JSON.stringify(texts, null, 1)};\nexport const VERSION_TEXT = ${JSON.stringify(`${program.version()}\n`)};\n`;
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}
