/**
 * What a run was asked for, kept with its output, and found again from the output's path. In a work folder's journal
 * paths are absolute; in an archive's metadata they are relative to the archive, so that it tells nobody where on a
 * machine it was made.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import type { BatchEngine } from "../batch-engine.js";
import { parseBatchConfig, type BatchConfig, type PageConfig } from "../../config/batch-config.js";
import { BatchProcessingError } from "../../errors.js";
import { readArchiveMetadata, type ArchiveMetadata } from "../output/finished-archive.js";
import type { RunRecord } from "./entries.js";
import { parseJournal } from "./journal.js";
import { JOURNAL_NAME } from "./locked-journal.js";
import { RunHistory } from "./history.js";
import { outputOfWorkFolder, outputPath, WORK_NAME, workFolder, type OutputPaths } from "../output/work-folder.js";

const PATH_KEYS = ["inputDir", "inputZip", "outputDir", "outputZip"] as const;

/** The record of a batch, its paths absolute. */
export function runRecord(
  engine: Pick<BatchEngine, "model" | "sessionOptions">,
  config: BatchConfig,
  pageConfigs: Readonly<Record<string, PageConfig>>,
  added?: RunRecord["added"],
): RunRecord {
  const { directory, hash, manifest } = engine.model;
  const { zipOutputName: _used, ...settings } = config; // the output is named in full
  const record = {
    config: settings,
    pageConfigs,
    ...(added === undefined ? {} : { added }),
    model: { directory, name: manifest.name, hash },
    session: engine.sessionOptions,
  };
  return mapPaths(record, (path) => resolve(path));
}

/** The same record with paths from a folder on and no word of where the model was, for what goes on a journey. */
export function portableRecord(record: RunRecord, folder: string): RunRecord {
  const portable = mapPaths(record, (path) => relative(folder, path) || ".");
  return { ...portable, model: { ...record.model, directory: "" } };
}

/** The same record with its paths taken from a folder on. */
export function absoluteRecord(record: RunRecord, folder: string): RunRecord {
  return mapPaths(record, (path) => resolve(folder, path));
}

function mapPaths(record: RunRecord, map: (path: string) => string): RunRecord {
  const withPaths = <T extends object>(settings: T): T => {
    const { referenceImages, colorHints } = settings as PageConfig;
    const own = PATH_KEYS.flatMap((key) =>
      key in settings ? [[key, (settings as Record<string, unknown>)[key]] as const] : [],
    );
    return {
      ...settings,
      ...Object.fromEntries(own.map(([key, path]) => [key, typeof path === "string" ? map(path) : path])),
      ...(referenceImages === undefined ? {} : { referenceImages: referenceImages.map(map) }),
      ...(typeof colorHints === "string" ? { colorHints: map(colorHints) } : {}),
    };
  };
  return {
    ...record,
    config: withPaths(record.config),
    pageConfigs: Object.fromEntries(
      Object.entries(record.pageConfigs).map(([page, settings]) => [page, withPaths(settings)]),
    ),
    model: { ...record.model, directory: record.model.directory && map(record.model.directory) },
  };
}

/** A run that was found by its output. */
export interface StoredRun {
  /** What it was asked for; the output where it is now. */
  readonly record: RunRecord;
  readonly history: RunHistory;
  /** The archive that tells of the run where no journal is left. */
  readonly archive?: { readonly path: string; readonly metadata: ArchiveMetadata };
}

/**
 * Finds the run that has written an output, or is writing it.
 * @param output the folder or the archive; its work folder does as well
 * @throws BatchProcessingError `ERR_RUN_NOT_FOUND`
 */
export async function findRun(output: string): Promise<StoredRun> {
  const path = resolve(output);
  for (const paths of await candidates(path)) {
    const journal = join(workFolder(paths), JOURNAL_NAME);
    const bytes = await readFile(journal).catch(() => undefined);
    if (bytes === undefined) continue;
    const history = new RunHistory(parseJournal(bytes).entries);
    if (history.record === undefined)
      throw notFound(
        output,
        `its journal ${journal} does not say what was asked for (it is of an earlier version, or damaged); run the colorize command again instead`,
      );
    return { record: at(history.record, paths), history };
  }
  const metadata = await readArchiveMetadata(path);
  if (metadata?.run === undefined)
    throw notFound(
      output,
      (await exists(path))
        ? "it holds no journal; give the folder or archive that a colorize command has written"
        : "there is no such folder or archive; check the path",
    );
  const { record, adjustments } = metadata.run;
  const history = new RunHistory([
    { type: "run", job: "", at: "", record },
    { type: "adjust", settings: adjustments.all },
    ...Object.entries(adjustments.pages).map(([page, settings]) => ({ type: "adjust" as const, page, settings })),
  ]);
  return {
    record: at(absoluteRecord(record, dirname(path)), { outputZip: path }),
    history,
    archive: { path, metadata },
  };
}

/** Outputs that a path may mean. An archive that got a number belongs to the work folder of its name without. */
async function candidates(path: string): Promise<OutputPaths[]> {
  const own = outputOfWorkFolder(path);
  if (own !== undefined) return [own];
  const found: OutputPaths[] = [{ outputDir: path }, { outputZip: path }];
  for (const name of await readdir(dirname(path)).catch(() => [])) {
    if (!name.endsWith(WORK_NAME) || name === WORK_NAME) continue;
    const paths = { outputZip: join(dirname(path), name.slice(0, -WORK_NAME.length)) };
    const bytes = await readFile(join(workFolder(paths), JOURNAL_NAME)).catch(() => undefined);
    if (bytes !== undefined && new RunHistory(parseJournal(bytes).entries).archiveName === basename(path))
      found.push(paths);
  }
  return found;
}

/** The record for an output that may have been moved since. */
function at(record: RunRecord, paths: OutputPaths): RunRecord {
  const { outputDir: _dir, outputZip: _zip, ...settings } = record.config;
  const output = paths.outputZip === undefined ? { outputDir: outputPath(paths) } : { outputZip: paths.outputZip };
  return { ...record, config: parseBatchConfig({ ...settings, ...output }).config };
}

function notFound(output: string, why: string): BatchProcessingError {
  return new BatchProcessingError("ERR_RUN_NOT_FOUND", `no run was found at ${output}: ${why}`);
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
