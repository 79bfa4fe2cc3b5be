/** Which model package is opened when none is named. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { ModelError } from "../errors.js";
import { packagePath } from "../platform/package-files.js";
import { MANIFEST_FILE } from "./manifest.js";

/** Folder of the embedded model inside this package. */
export function embeddedModelDirectory(): string {
  return packagePath("models/default");
}

/**
 * The folder named by `COBRA_MODEL`, else the embedded model.
 * @throws ModelError `ERR_MODEL_NOT_FOUND` when neither is there
 */
export function defaultModelDirectory(): string {
  const named = process.env["COBRA_MODEL"];
  if (named) return resolve(named);
  const embedded = embeddedModelDirectory();
  if (existsSync(join(embedded, MANIFEST_FILE))) return embedded;
  throw new ModelError(
    "ERR_MODEL_NOT_FOUND",
    "no model was named and this version has no embedded one; name a model package with --model or COBRA_MODEL, or build one with random weights to try the pipeline: cobra-batch model untrained --out DIR",
  );
}
