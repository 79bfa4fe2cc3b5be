/** Looks at a job's pictures: which are line art, which are coloured, which cannot be read, and how large they are. */
import { createHash } from "node:crypto";
import { BatchProcessingError } from "../../../errors.js";
import { isFileFailure } from "../../../errors/facts.js";
import type { ImagePool } from "../../../core/batch-engine.js";
import { findResults } from "../../../core/input/earlier-results.js";
import type { PageSource, SourceEntry } from "../../../io/page-source.js";
import { mapConcurrent } from "../../../concurrency/map-concurrent.js";
import { openReference, referenceFiles, type JobInput } from "./input.js";
import { noPictures, type JobPaths, type StoredPicture, type StoredPictures } from "./stored.js";
import { sharp } from "../../../io/image/sharp.js";

export interface ScanOptions {
  readonly pool: ImagePool;
  readonly signal: AbortSignal;
  /** What was known before: what people said stays, and a picture that has not changed is not looked at again. */
  readonly before: StoredPictures;
  /** Told of the pictures known so far, again and again. */
  readonly onProgress: (pictures: StoredPictures) => void;
}

/** Where a picture comes from. */
interface Origin {
  readonly entry: SourceEntry;
  readonly name: string;
  readonly added: boolean;
  readonly file?: string;
}

/**
 * @param input undefined where there is none yet
 * @throws the signal's reason
 */
export async function scanPictures(
  input: JobInput | undefined,
  paths: JobPaths,
  { pool, signal, before, onProgress }: ScanOptions,
): Promise<StoredPictures> {
  const known = new Map(before.pictures.map((picture) => [picture.id, picture]));
  const found = noPictures();
  const open: PageSource[] = [];
  try {
    const origins: Origin[] = [];
    if (input !== undefined)
      try {
        const source = await input.open();
        open.push(source);
        const { settings } = input;
        const results = await findResults(source, "inputDir" in settings ? settings.inputDir : undefined);
        for (const entry of source.entries()) {
          if (results.isInside(entry.name)) continue;
          if (entry.kind === "image") origins.push({ entry, name: entry.name, added: false });
          else found.others++;
        }
        for (const { name, error } of source.faults)
          if (!results.isInside(name)) found.pictures.push(unusable(name, error, known));
      } catch (error) {
        found.fault = faultOf(error);
      }
    for (const file of await referenceFiles(paths))
      try {
        const source = await openReference(paths, file);
        open.push(source);
        const entries = source.entries().filter(({ kind }) => kind === "image");
        for (const entry of entries) {
          const name = source.entries().length > 1 ? `${file}/${entry.name}` : file;
          origins.push({ entry, added: true, file, name });
        }
        for (const { name, error } of source.faults)
          found.pictures.push(unusable(`${file}/${name}`, error, known, file));
      } catch (error) {
        found.pictures.push(unusable(file, error, known, file));
      }
    const looked = mapConcurrent(origins, (origin) => look(origin, pool, signal, known), {
      concurrency: pool.maxThreads,
      signal,
    });
    for await (const picture of looked) {
      found.pictures.push(picture);
      onProgress(found);
    }
    const place = new Map(origins.map((origin, index) => [idOf(origin), index]));
    found.pictures.sort((a, b) => (place.get(a.id) ?? Infinity) - (place.get(b.id) ?? Infinity) || 0);
    const ids = new Set<string>();
    found.pictures = found.pictures.filter(({ id }) => !ids.has(id) && ids.add(id));
    return found;
  } finally {
    for (const source of open) await source.close();
  }
}

async function look(
  origin: Origin,
  pool: ImagePool,
  signal: AbortSignal,
  known: ReadonlyMap<string, StoredPicture>,
): Promise<StoredPicture> {
  const { entry, name, added, file } = origin;
  const { version } = entry;
  const id = idOf(origin);
  const before = known.get(id);
  const facts = {
    id,
    name,
    added,
    ...(file === undefined ? {} : { file }),
    bytes: entry.sizeBytes,
    version,
    ...said(before),
  };
  const isSame = before?.bytes === entry.sizeBytes && before.version === version;
  if (before?.kind !== undefined && before.shown !== undefined && isSame) {
    const { kind, confidence, unsure, width, height, shown } = before;
    return { ...facts, kind, confidence, unsure, shown, ...(width === undefined ? {} : { width, height }) };
  }
  try {
    const bytes = await entry.read();
    const header = await headerOf(bytes);
    const { type, confidence, ambiguous } = await pool.classify(bytes, name, {
      decision: "calibrated",
      byHeader: true,
      signal,
    });
    return { ...facts, ...header, kind: type, confidence, unsure: ambiguous === true };
  } catch (error) {
    signal.throwIfAborted();
    if (!isFileFailure(error)) throw error;
    return { ...facts, confidence: 1, unsure: false, fault: faultOf(error) };
  }
}

async function headerOf(bytes: Uint8Array): Promise<Pick<StoredPicture, "width" | "height" | "shown">> {
  const metadata = await sharp(bytes, { limitInputPixels: false })
    .metadata()
    .catch(() => undefined); // what is wrong with it is said when it is classified
  if (metadata === undefined) return {};
  const { autoOrient, format, orientation = 1 } = metadata;
  const { width, height } = autoOrient;
  return { width, height, shown: format === "jpeg" || (orientation === 1 && format !== "tiff") };
}

/** What people said of a picture, and what it was when the job began. */
function said(before: StoredPicture | undefined): Pick<StoredPicture, "role" | "roleAtStart" | "settings"> {
  const { role, roleAtStart, settings } = before ?? {};
  return {
    ...(role === undefined ? {} : { role }),
    ...(roleAtStart === undefined ? {} : { roleAtStart }),
    ...(settings === undefined ? {} : { settings }),
  };
}

function unusable(
  name: string,
  error: unknown,
  known: ReadonlyMap<string, StoredPicture>,
  file?: string,
): StoredPicture {
  const added = file !== undefined;
  const id = idOf({ name, added, ...(added ? { file } : {}) });
  return {
    id,
    name,
    added,
    ...(added ? { file } : {}),
    bytes: 0,
    confidence: 1,
    unsure: false,
    fault: faultOf(error),
    ...said(known.get(id)),
  };
}

/** The same for the same picture at each scan. */
function idOf({ name, added, file = "" }: Pick<Origin, "name" | "added" | "file">): string {
  return createHash("sha256")
    .update(JSON.stringify([added, file, name]))
    .digest("hex")
    .slice(0, 16);
}

/** What is no error of the engine is a bug, and is thrown. */
function faultOf(error: unknown): NonNullable<StoredPicture["fault"]> {
  if (!(error instanceof BatchProcessingError)) throw error;
  return { code: error.code, message: error.message };
}
