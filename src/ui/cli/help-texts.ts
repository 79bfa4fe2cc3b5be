/**
 * The help pages as commander renders them, by command, and the version. Empty here: the build puts them into the
 * compiled file, so that help is printed without loading the program. Without them the program renders its help itself.
 */

/** Help pages by the command's words, such as "model import"; "" is the program's own. */
export const HELP_TEXTS: Readonly<Record<string, string>> = {};
/** What `--version` prints. */
export const VERSION_TEXT: string | undefined = undefined;
