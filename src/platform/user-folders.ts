/** Resolves the user's data and cache folders by the XDG Base Directory Specification. */
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

const NAME = "cobra-batch";

type Environment = Readonly<Record<string, string | undefined>>;

/** The folder for data of the user: `XDG_DATA_HOME`, by default `~/.local/share`. */
export function userDataFolder(env: Environment = process.env): string {
  return join(absolute(env["XDG_DATA_HOME"]) ?? join(home(env), ".local/share"), NAME);
}

/** The folder for what can be made again: `XDG_CACHE_HOME`, by default `~/.cache`. */
export function userCacheFolder(env: Environment = process.env): string {
  return join(cacheHome(env), NAME);
}

/** The folder that holds the caches of all programs. */
export function cacheHome(env: Environment = process.env): string {
  return absolute(env["XDG_CACHE_HOME"]) ?? join(home(env), ".cache");
}

/** Folders for data that all users share, first the one that wins: `XDG_DATA_DIRS`. */
export function sharedDataFolders(env: Environment = process.env): string[] {
  return (env["XDG_DATA_DIRS"] || "/usr/local/share:/usr/share")
    .split(":")
    .flatMap((folder) => (isAbsolute(folder) ? [join(folder, NAME)] : []));
}

function home(env: Environment): string {
  return env["HOME"] || homedir();
}

/** The specification requires that relative paths are ignored. */
function absolute(path: string | undefined): string | undefined {
  return path !== undefined && isAbsolute(path) ? path : undefined;
}
