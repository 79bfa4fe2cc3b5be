/**
 * Pages that a redo has done and that are not in the result: another page of the same redo failed, and the archive
 * stays as it is so that it keeps that one's picture. The pages that are done are then put into it alone; they are not
 * coloured again.
 */
import { STAYS_SINCE } from "../../../core/complete-run.js";
import { workFolder } from "../../../core/output/work-folder.js";
import { exists } from "../../../io/files/exists.js";
import type { JobEntry } from "./job-entry.js";
import { outputOf } from "./outcomes.js";

export interface Unpacked {
  /** Pages to be put into the result, by id. */
  readonly done: readonly string[];
  /** Pages whose pictures of before stay, by id. */
  readonly failed: readonly string[];
  /** What is to be said of these. */
  readonly warnings: readonly string[];
}

/** Of the run that has just ended. Undefined where all that it has done is in the result, or there is none yet. */
export async function unpackedPages(entry: JobEntry): Promise<Unpacked | undefined> {
  const { redo, did } = entry.run ?? {};
  const { output } = entry.stored;
  if (redo === undefined || did === undefined || output?.kind !== "archive") return undefined;
  const paths = outputOf(entry.paths.folder, output);
  if (!(await exists(paths.outputZip!)) || !(await exists(workFolder(paths)))) return undefined;
  const outcomes = await entry.outcomes();
  const names = new Map((await entry.pictures()).pictures.map(({ id, name }) => [id, name]));
  const ended = redo.pages.filter((id) => did.has(id)).map((id) => ({ id, name: names.get(id) ?? "" }));
  const done = ended.filter(({ name }) => outcomes.get(name)?.success !== undefined);
  const failed = ended.filter(({ name }) => outcomes.get(name)?.failure !== undefined);
  if (done.length === 0 || failed.length === 0) return undefined;
  return {
    done: done.map(({ id }) => id),
    failed: failed.map(({ id }) => id),
    warnings: failed.map(
      ({ name }) => `${name} could not be done again and stays as it was: ${outcomes.get(name)!.failure!.message}`,
    ),
  };
}

/** Without what a run said of an archive that is written after all. */
export function withoutKept(warnings: readonly string[]): string[] {
  return warnings.filter((text) => !text.includes(STAYS_SINCE));
}
