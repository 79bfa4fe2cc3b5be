/** Where a program keeps what belongs to its user, by the XDG Base Directory Specification. */
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

const NAME = "cobra-batch";

type Environment = Readonly<Record<string, string | undefined>>;

/** The folder for data of the user: `XDG_DATA_HOME`, by default `~/.local/share`. */
export function userDataFolder(env: Environment = process.env): string {
  return join(absolute(env["XDG_DATA_HOME"]) ?? join(env["HOME"] || homedir(), ".local/share"), NAME);
}

/** Folders for data that all users share, first the one that wins: `XDG_DATA_DIRS`. */
export function sharedDataFolders(env: Environment = process.env): string[] {
  return (env["XDG_DATA_DIRS"] || "/usr/local/share:/usr/share")
    .split(":")
    .flatMap((folder) => (isAbsolute(folder) ? [join(folder, NAME)] : []));
}

/** The specification has relative paths ignored. */
function absolute(path: string | undefined): string | undefined {
  return path !== undefined && isAbsolute(path) ? path : undefined;
}
