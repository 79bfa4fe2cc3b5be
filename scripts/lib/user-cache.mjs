// Resolves the user's cache folder as src/platform/user-folders.ts does; scripts run before it is compiled.
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

export function userCacheFolder() {
  const given = process.env["XDG_CACHE_HOME"];
  return join(given && isAbsolute(given) ? given : join(homedir(), ".cache"), "cobra-batch");
}
