/**
 * The request of a run, kept with its output. In a work folder's journal paths are absolute; in an archive's metadata
 * they are relative to the archive, so that it does not give away where it was made.
 */
import { isAbsolute, relative, resolve } from "node:path";
import type { BatchEngine } from "../batch-engine.js";
import type { BatchConfig, PageConfig } from "../../config/batch-config.js";
import { unsafeOutput } from "./entry-schema.js";
import type { Adjustments, RunRecord } from "./entries.js";
import type { Place } from "./place.js";

const PATH_KEYS = ["inputDir", "inputZip", "outputDir", "outputZip"] as const;

/** The record of a batch, its paths absolute. */
export function runRecord(
  engine: Pick<BatchEngine, "model" | "sessionOptions" | "laneOptions">,
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
    ...(engine.laneOptions === undefined ? {} : { lanes: engine.laneOptions }),
  };
  return mapPaths(record, (path) => resolve(path));
}

/** Settings whose paths do not depend on the folder that this process runs in. */
export function absoluteConfig(config: BatchConfig): BatchConfig {
  return mapSettings(config, (path) => resolve(path));
}

/** What an archive's metadata says of its run. */
export interface ArchivedRun {
  readonly record: RunRecord;
  readonly adjustments: Adjustments;
  /** Of the archive's folder; absent if the record was taken over from elsewhere. */
  readonly place?: Place | undefined;
}

/** A run for an archive's metadata: paths relative to the archive's folder, and without the model's place. */
export function portableRun({ record, adjustments, place }: ArchivedRun, folder: string): ArchivedRun {
  const portable = (path: string): string => relative(folder, path) || ".";
  const mapped = mapPaths(record, portable);
  return {
    record: { ...mapped, model: { ...record.model, directory: "" } },
    adjustments: mapAdjustments(adjustments, portable),
    ...(place && { place }),
  };
}

/**
 * The run of an archive's metadata with absolute paths.
 * @param archive path of the archive
 * @param folder what the paths are relative to
 * @throws ValidationError `ERR_OUTPUT_UNSAFE` for a path that is absolute already: no archive of this program has one
 */
export function absoluteRun({ record, adjustments, place }: ArchivedRun, archive: string, folder: string): ArchivedRun {
  const absolute = (path: string): string => {
    if (isAbsolute(path)) throw unsafeOutput(archive, `its metadata names the absolute path ${path}`);
    return resolve(folder, path);
  };
  return {
    record: mapPaths(record, absolute),
    adjustments: mapAdjustments(adjustments, absolute),
    ...(place && { place }),
  };
}

type PathMap = (path: string) => string;

/** Settings of a batch or of a page with other paths. */
function mapSettings<T extends object>(settings: T, map: PathMap): T {
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
}

function mapPages(pages: Readonly<Record<string, PageConfig>>, map: PathMap): Record<string, PageConfig> {
  return Object.fromEntries(Object.entries(pages).map(([page, settings]) => [page, mapSettings(settings, map)]));
}

function mapAdjustments({ all, pages }: Adjustments, map: PathMap): Adjustments {
  return { all: mapSettings(all, map), pages: mapPages(pages, map) };
}

function mapPaths(record: RunRecord, map: PathMap): RunRecord {
  const { added } = record;
  return {
    ...record,
    config: mapSettings(record.config, map),
    pageConfigs: mapPages(record.pageConfigs, map),
    ...(added && {
      added: added.map((one) => (one.config === undefined ? one : { ...one, config: mapSettings(one.config, map) })),
    }),
    model: { ...record.model, directory: record.model.directory && map(record.model.directory) },
  };
}
