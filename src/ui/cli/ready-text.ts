/** Answers `--help` and `--version` from text that was rendered by the build, before the program is loaded. */

/** Columns of help pages; narrower terminals get them rendered for their width. */
export const HELP_COLUMNS = 80;

/**
 * The text to print; undefined if the program has to be loaded for it.
 * @param args the command line after the script
 * @param columns of standard output; undefined if it is not a terminal
 */
export async function readyText(args: readonly string[], columns: number | undefined): Promise<string | undefined> {
  const [flag, words] = [args.at(-1) ?? "", args.slice(0, -1)];
  if (words.length === 0 && (flag === "--version" || flag === "-V"))
    return (await import("./help-texts.js")).VERSION_TEXT;
  if ((flag !== "--help" && flag !== "-h") || (columns ?? HELP_COLUMNS) < HELP_COLUMNS) return undefined;
  const { HELP_TEXTS } = await import("./help-texts.js");
  const command = words.join(" ");
  return Object.hasOwn(HELP_TEXTS, command) ? HELP_TEXTS[command] : undefined;
}
