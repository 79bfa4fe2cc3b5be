/** The version of this package. */
import { readFileSync } from "node:fs";
import { packagePath } from "../platform/package-files.js";

/** As in package.json. */
export const VERSION: string = (JSON.parse(readFileSync(packagePath("package.json"), "utf8")) as { version: string })
  .version;
