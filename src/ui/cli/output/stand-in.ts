/** Says that the embedded model is a stand-in for Cobra's own weights. */
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { embeddedModelDirectory } from "../../../model/default-model.js";
import { makeFoldersNow } from "../../../platform/folders.js";
import { userCacheFolder } from "../../../platform/user-folders.js";

/** The command that installs Cobra's own weights. */
export const REAL_MODEL_COMMAND = "cobra-batch model install cobra";

/** What a person should know who colours with the embedded model. */
export const STAND_IN = `using the small embedded model. For full quality install Cobra's own weights: ${REAL_MODEL_COMMAND}`;

/** Whether a model package is the one that comes with the program. */
export function isEmbedded(directory: string): boolean {
  return resolve(directory) === embeddedModelDirectory();
}

/** Whether a note is shown for the first time; remembered in the cache folder. Where that cannot be written: never. */
export function isFirstTime(note: string, env: NodeJS.ProcessEnv): boolean {
  try {
    makeFoldersNow(userCacheFolder(env));
    writeFileSync(join(userCacheFolder(env), `${note}-shown`), "", { flag: "wx" });
    return true;
  } catch {
    return false;
  }
}
