/** Finds and loads the native addon. The only file that touches `cobra_batch.node`. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, resolve } from "node:path";
import { messageOf, ResourceError } from "../errors.js";
import { EXHAUSTED_REMEDY, isExhausted } from "../errors/exhausted.js";
import { packagePath } from "../platform/package-files.js";
import type { NativeAddon } from "./types.js";

let loaded: { addon: NativeAddon; directory: string } | undefined;

function candidates(): string[] {
  const named = process.env["COBRA_ADDON"];
  return [
    ...(named ? [resolve(named)] : []),
    packagePath("build/Release/cobra_batch.node"),
    packagePath("prebuilds/linux-x64/cobra_batch.node"),
  ];
}

/** What to do without an addon: a clone builds it, an installed package came with it. */
function remedy(): string {
  if (existsSync(packagePath("CMakeLists.txt"))) return "build it with: npm run build";
  return "the package ships it for Linux on x64 with glibc 2.34 and libstdc++ of GCC 12 or newer; install the package again, or build the addon in a clone of the project and name the file with COBRA_ADDON";
}

/**
 * The addon of this process, loaded once: `COBRA_ADDON` (a path), then the local build, then a prebuilt one.
 * @throws ResourceError `ERR_ADDON_LOAD` when none is there or it cannot be loaded, `ERR_OUT_OF_MEMORY` when that is
 * for want of memory
 */
export function loadAddon(): { addon: NativeAddon; directory: string } {
  if (loaded) return loaded;
  const tried = candidates();
  const path = tried.find((candidate) => existsSync(candidate));
  if (!path) {
    throw new ResourceError("ERR_ADDON_LOAD", `the native addon was not found; looked for ${tried.join(", ")}`, {
      remedy: remedy(),
    });
  }
  try {
    loaded = { addon: createRequire(import.meta.url)(path) as NativeAddon, directory: dirname(path) };
  } catch (error) {
    const noMemory = isExhausted(error);
    throw new ResourceError(
      noMemory ? "ERR_OUT_OF_MEMORY" : "ERR_ADDON_LOAD",
      `the native addon ${path} cannot be loaded: ${messageOf(error)}`,
      { cause: error, remedy: noMemory ? EXHAUSTED_REMEDY : remedy() },
    );
  }
  return loaded;
}
