// The single modules of src/ as JavaScript, for scripts that reach below the public API: checks of a machine, and
// bundles that hold them. dist/ has a file for each in a clone; the published package has only those that it needs.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT, run } from "./steps.mjs";

/** A module that nothing published leads to. */
const SIGN = "convert/presets.js";

/** The folder of all modules, as the build leaves it beside dist/; compiled where it is gone. */
export function ensureModules() {
  const folder = join(ROOT, "build/modules");
  if (!existsSync(join(folder, SIGN))) {
    const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
    run(process.execPath, [tsc, "-p", "tsconfig.build.json", "--outDir", folder], { what: "compiling TypeScript" });
  }
  return folder;
}

/**
 * Loads a module by its path below src/, such as "convert/presets.js": in a clone of dist/, in a bundle of modules/.
 */
export async function loadModule(path) {
  const folder = ["dist", "modules"].map((name) => join(ROOT, name)).find((one) => existsSync(join(one, SIGN)));
  return import(pathToFileURL(join(folder ?? ensureModules(), path)).href);
}
