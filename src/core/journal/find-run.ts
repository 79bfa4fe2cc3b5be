/** A run found again from the path of its output. */
import { readdir } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { parseBatchConfig } from "../../config/batch-config.js";
import { BatchProcessingError, messageOf } from "../../errors.js";
import { numberIn } from "../../io/names/output-names.js";
import { readArchiveMetadata, wantedName, type ArchiveMetadata } from "../output/archive-metadata.js";
import { outputOfWorkFolder, outputPath, WORK_NAME, workFolder, type OutputPaths } from "../output/work-folder.js";
import type { RunRecord } from "./entries.js";
import { failedEntries } from "./entry-schema.js";
import { RunHistory } from "./history.js";
import { journalState, readJournal, type ParsedJournal } from "./journal.js";
import { JOURNAL_NAME } from "./locked-journal.js";
import { isPlace } from "./place.js";
import { absoluteRun } from "./run-record.js";
import { isThere } from "../../io/files/exists.js";
import { fileVersion } from "../../io/files/file-version.js";
import { fileBehindLink, identity } from "../../io/files/real-path.js";

/** A run that was found by its output. */
export interface StoredRun {
  /** What it was asked for; the output where it is now. */
  readonly record: RunRecord;
  readonly history: RunHistory;
  /** The folder or archive. */
  readonly output: string;
  /** Whether the record was written where it lies now, and so by a run of this machine. */
  readonly isFromHere: boolean;
  /** Of the journal or the archive that tells of it: another one once somebody has changed that. */
  readonly state: string;
  /** The archive that describes the run if no journal is left. */
  readonly archive?: { readonly path: string; readonly metadata: ArchiveMetadata };
}

const COLORIZE_AGAIN = "run the colorize command again instead";

/**
 * Finds the run that has written an output, or is writing it.
 * @param output the folder or the archive; its work folder does as well
 * @throws BatchProcessingError `ERR_RUN_NOT_FOUND`; ValidationError `ERR_OUTPUT_UNSAFE`
 */
export async function findRun(output: string): Promise<StoredRun> {
  const path = await fileBehindLink(resolve(output));
  for (const paths of await candidates(path)) {
    const journal = join(workFolder(paths), JOURNAL_NAME);
    const parsed = await readJournal(journal);
    if (parsed === undefined || isEmpty(parsed)) continue;
    const history = new RunHistory(parsed.entries);
    if (history.record === undefined)
      throw notFound(
        output,
        `its journal ${journal} does not say what was asked for (it is of an earlier version, or damaged)`,
        COLORIZE_AGAIN,
      );
    const isFromHere = await isPlace(history.place, workFolder(paths));
    return {
      record: trusted(recordAt(history.record, paths), isFromHere),
      history,
      output: outputPath(paths),
      isFromHere,
      state: journalState(parsed),
    };
  }
  const state = await archiveState(path); // before it is read: who changes it meanwhile is noticed
  const metadata = await readArchiveMetadata(path);
  if (metadata?.run === undefined) {
    if (!(await isThere(path))) throw notFound(output, "there is no such folder or archive", "check the path");
    throw metadata === undefined
      ? notFound(
          output,
          "it holds no journal and no valid processing_metadata.json",
          "give the folder or archive that a colorize command has written",
        )
      : notFound(output, "its processing_metadata.json does not say what was asked for", COLORIZE_AGAIN);
  }
  const { record, adjustments, place } = absoluteRun(metadata.run, path, dirname(path));
  const isFromHere = await isPlace(place, dirname(path));
  const history = new RunHistory([
    { type: "run", job: "", at: "", record },
    { type: "adjust", settings: adjustments.all },
    ...Object.entries(adjustments.pages).map(([page, settings]) => ({ type: "adjust" as const, page, settings })),
    ...failedEntries(metadata.failures),
  ]);
  return {
    record: recordAt(record, { outputZip: isFromHere ? await wantedPath(path, metadata) : path }),
    history,
    output: path,
    isFromHere,
    state,
    archive: { path, metadata },
  };
}

/** Another one once the archive was changed or replaced. */
export async function archiveState(path: string): Promise<string> {
  const info = await identity(path);
  return info === undefined ? "" : `archive ${fileVersion(info)}`;
}

/** A journal that was begun and says nothing: a kill has left it, and what is beside it counts. */
function isEmpty({ entries, damaged }: ParsedJournal): boolean {
  return entries.length === 0 && damaged === 0;
}

/** Outputs that a path may mean. `x_1.cbz` may belong to the work folder of `x.cbz`. */
async function candidates(path: string): Promise<OutputPaths[]> {
  const own = outputOfWorkFolder(path);
  if (own !== undefined) return [own];
  const found: OutputPaths[] = [{ outputDir: path }, { outputZip: path }];
  for (const name of await readdir(dirname(path)).catch(() => [])) {
    if (!name.endsWith(WORK_NAME) || name === WORK_NAME) continue;
    const paths = { outputZip: join(dirname(path), name.slice(0, -WORK_NAME.length)) };
    const parsed = await readJournal(join(workFolder(paths), JOURNAL_NAME)).catch(() => undefined);
    const isNamed = parsed?.entries.some((entry) => entry.type === "archive" && entry.name === basename(path)) === true;
    if (isNamed && (await isResultOf(path, paths.outputZip))) found.push(paths);
  }
  return found;
}

/** Whether an archive may be a run's result: it does not say of itself that it was to have another name. */
async function isResultOf(path: string, output: string): Promise<boolean> {
  const metadata = await readArchiveMetadata(path).catch(() => undefined);
  return metadata?.run === undefined || wantedName(metadata) === basename(output);
}

/**
 * The path that a run was asked to write where it found that name taken, so that its result got a number. One lease is
 * for the name and its numbers. A result belongs to that name no more where another run is under way there.
 */
async function wantedPath(path: string, metadata: ArchiveMetadata): Promise<string> {
  const wanted = join(dirname(path), wantedName(metadata)!);
  if ((numberIn(path, wanted) ?? 0) === 0) return path;
  const parsed = await readJournal(join(workFolder({ outputZip: wanted }), JOURNAL_NAME)).catch(() => undefined);
  return parsed === undefined || isEmpty(parsed) ? wanted : path;
}

/** A record from elsewhere does not say which folder a model is opened from. */
function trusted(record: RunRecord, isFromHere: boolean): RunRecord {
  return isFromHere ? record : { ...record, model: { ...record.model, directory: "" } };
}

/** The record for an output that may have been moved since. */
function recordAt(record: RunRecord, paths: OutputPaths): RunRecord {
  const { outputDir: _dir, outputZip: _zip, ...settings } = record.config;
  const output = paths.outputZip === undefined ? { outputDir: outputPath(paths) } : { outputZip: paths.outputZip };
  try {
    return { ...record, config: parseBatchConfig({ ...settings, ...output }).config };
  } catch (error) {
    throw notFound(
      outputPath(paths),
      `what it says of its settings is not valid (${messageOf(error)})`,
      COLORIZE_AGAIN,
    );
  }
}

function notFound(output: string, why: string, remedy: string): BatchProcessingError {
  return new BatchProcessingError("ERR_RUN_NOT_FOUND", `no run was found at ${output}: ${why}`, { remedy });
}
