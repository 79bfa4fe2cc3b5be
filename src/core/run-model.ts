/** Finds the model package of a continued run, and checks that it is the one it was begun with. */
import { ConfigurationError } from "../errors.js";
import type { RunRecord } from "./journal/entries.js";

/** A model as an engine has it open. */
export interface OpenedModel {
  /** Folder of the package. */
  readonly directory: string;
  /** Hash of the package's files. */
  readonly hash: string;
}

/**
 * The folder of the model to open: the named one, else the run's own. Undefined if neither is known, as for an archive
 * whose work folder is gone: then it is the default model.
 */
export function modelFolderOf({ model }: Pick<RunRecord, "model">, named?: string): string | undefined {
  return named ?? (model.directory || undefined);
}

/**
 * Compares the model that was opened with the run's own, by hash.
 * @param isNamed whether someone has named the opened model: another one is then allowed
 * @returns a warning; undefined if the models are the same
 * @throws ConfigurationError `ERR_CONFIG` for another model that nobody has named
 */
export function checkModelOfRun(
  { model }: Pick<RunRecord, "model">,
  opened: OpenedModel,
  isNamed: boolean,
): string | undefined {
  if (model.hash === opened.hash) return undefined;
  const text = `the run used the model "${model.name}" (${model.hash.slice(0, 12)}), not the one in ${opened.directory}`;
  if (!isNamed) throw new ConfigurationError("ERR_CONFIG", text, { remedy: "name its model with --model" });
  return text;
}
