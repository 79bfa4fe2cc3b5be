/** Paths as people type them: a name may be stored in a different Unicode form from the one that is typed. */
import { existsSync, readdirSync } from "node:fs";
import { dirname, join, parse, resolve } from "node:path";

/**
 * The path as it is stored. Where nothing has the typed path, each of its parts is looked for among the names that are
 * equal in form NFC; a path that leads nowhere is returned as it was typed.
 */
export function typedPath(path: string): string {
  if (path.normalize("NFC") === path && path.normalize("NFD") === path) return path; // has one form only
  return existsSync(path) ? path : (stored(resolve(path)) ?? path);
}

function stored(path: string): string | undefined {
  if (existsSync(path)) return path;
  if (parse(path).root === path) return undefined;
  const folder = stored(dirname(path));
  if (folder === undefined) return undefined;
  const wanted = parse(path).base.normalize("NFC");
  try {
    const name = readdirSync(folder).find((one) => one.normalize("NFC") === wanted);
    return name === undefined ? undefined : join(folder, name);
  } catch {
    return undefined; // not a folder, or not to be read: the original path says so
  }
}
