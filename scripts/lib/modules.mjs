// The single modules of src/ as JavaScript, for scripts that reach below the public API: bundles, benchmarks and checks
// of a machine. Where dist/ holds them, they are taken from there; else they are compiled beside it, once.
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { hashInputs, isFresh, ROOT, run, writeStamp } from "./steps.mjs";

/** A module that no bundler keeps as a file of its own. */
const SIGN = "convert/presets.js";
/** Where the modules may be, best first; a bundle for other machines has the second. */
const FOLDERS = [join(ROOT, "dist"), join(ROOT, "modules"), join(ROOT, "build/modules")];

/** Compiles the modules where dist/ has none. @returns the folder that holds them */
export function ensureModules() {
  const [dist, shipped, compiled] = FOLDERS;
  const found = [dist, shipped].find((folder) => existsSync(join(folder, SIGN)));
  if (found !== undefined) return found;
  const stamp = join(compiled, ".cobra-stamp");
  const value = hashInputs(["src", "tsconfig.json", "tsconfig.build.json"], [], "src/ui/web/page");
  if (!isFresh(stamp, value)) {
    rmSync(compiled, { recursive: true, force: true });
    const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
    run(process.execPath, [tsc, "-p", "tsconfig.build.json", "--outDir", compiled], { what: "compiling TypeScript" });
    writeStamp(stamp, value);
  }
  return compiled;
}

/**
 * Loads a module by its path below src/, such as "convert/presets.js". Modules outside dist/ find the addon where
 * `COBRA_ADDON` says.
 */
export async function loadModule(path) {
  const folder = FOLDERS.find((one) => existsSync(join(one, SIGN))) ?? ensureModules();
  process.env.COBRA_ADDON ||= ["build/Release", "prebuilds/linux-x64"]
    .map((place) => join(ROOT, place, "cobra_batch.node"))
    .find((file) => existsSync(file));
  return import(pathToFileURL(join(folder, path)).href);
}
