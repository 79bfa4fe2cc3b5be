/**
 * What a run was asked for, kept with its output. In a work folder's journal paths are absolute; in an archive's
 * metadata they are relative to the archive, so that it does not give away where it was made.
 */
import { isAbsolute, relative, resolve } from "node:path";
import type { BatchEngine } from "../batch-engine.js";
import type { BatchConfig, PageConfig } from "../../config/batch-config.js";
import { unsafeOutput } from "./entry-schema.js";
import type { RunRecord } from "./entries.js";

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

/** The record for an archive's metadata: paths relative to its folder, and without the model's place. */
export function portableRecord(record: RunRecord, folder: string): RunRecord {
  const portable = mapPaths(record, (path) => relative(folder, path) || ".");
  return { ...portable, model: { ...record.model, directory: "" } };
}

/**
 * The record of an archive's metadata with absolute paths.
 * @param archive path of the archive
 * @throws ValidationError `ERR_OUTPUT_UNSAFE` for a path that is absolute already: no archive of this program has one
 */
export function absoluteRecord(record: RunRecord, archive: string, folder: string): RunRecord {
  return mapPaths(record, (path) => {
    if (isAbsolute(path)) throw unsafeOutput(archive, `its metadata names the absolute path ${path}`);
    return resolve(folder, path);
  });
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
