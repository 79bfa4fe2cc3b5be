/** Reads what an archive of this product says of itself: what its pages were made from, and the run that made it. */
import { basename, dirname } from "node:path";
import { openStoredFiles } from "../../io/archive/stored-files.js";
import { METADATA_NAME, MAX_METADATA_BYTES } from "../../io/names/output-rules.js";
import { parseJson } from "../../text/parse-json.js";
import type { PageSuccess } from "../events.js";
import type { CarriedOrigins } from "../journal/entries.js";
import { archiveMetadata, throwIfUnsafe } from "../journal/entry-schema.js";
import { absoluteRun, type ArchivedRun } from "../journal/run-record.js";

/** What one picture was made of, as the metadata's `inputs` say it. */
export interface PageOrigin {
  readonly page: string;
  readonly fingerprint: string;
  readonly sha256: string;
  /** SHA-256 of the picture as it was written. */
  readonly picture?: string | undefined;
  /** The same of its layers, in the order of `LAYER_NAMES`. Archives of earlier versions have none. */
  readonly layers?: readonly string[] | undefined;
}

/** What an archive of this engine says about itself. */
export interface ArchiveMetadata {
  readonly inputs: readonly PageOrigin[];
  readonly pages: readonly PageSuccess[];
  readonly failures: readonly unknown[];
  /** Pages that were in colour already. */
  readonly in_color?: readonly string[] | undefined;
  /** What else it was made from; archives of version 0.1.0 do not say. */
  readonly carried?: CarriedOrigins | undefined;
  /** Paths are relative to the archive. */
  readonly run?: ArchivedRun;
}

/** The name that the archive's run was asked to write: without the number that it has where that was taken. */
export function wantedName({ run }: Pick<ArchiveMetadata, "run">): string | undefined {
  const path = run?.record.config.outputZip;
  return path === undefined ? undefined : basename(path);
}

/**
 * Whether a page of an archive, coloured or in colour already, is in an input neither by name nor by content under
 * another one.
 * @param names of the input's pages, those in colour too
 * @param hashes of all its files, as far as they are known
 */
export function hasMorePages(
  { inputs, in_color: inColor = [], carried }: Pick<ArchiveMetadata, "inputs" | "in_color" | "carried">,
  names: ReadonlySet<string>,
  hashes: ReadonlySet<string>,
): boolean {
  const copies = new Map(carried?.files.map(({ name, sha256: hash }) => [name, hash]));
  const pages = [
    ...inputs.map(({ page, sha256: hash }) => [page, hash]),
    ...inColor.map((page) => [page, copies.get(page)]),
  ];
  return pages.some(([page, hash]) => !names.has(page!) && (hash === undefined || !hashes.has(hash)));
}

/**
 * The metadata of an archive; undefined for one of somebody else and for what is no archive.
 * @throws ValidationError `ERR_OUTPUT_UNSAFE` for metadata that names files outside the archive
 */
export async function readArchiveMetadata(path: string): Promise<ArchiveMetadata | undefined> {
  const value = await readMetadata(path).catch(() => undefined);
  if (value === undefined) return undefined;
  const result = archiveMetadata.safeParse(value);
  if (result.success) {
    const metadata = result.data as unknown as ArchiveMetadata;
    // Refuses what is no relative path.
    if (metadata.run !== undefined) absoluteRun(metadata.run, path, dirname(path));
    return metadata;
  }
  throwIfUnsafe(result.error, value, `${path} (${METADATA_NAME})`);
  return undefined;
}

async function readMetadata(path: string): Promise<unknown> {
  // Not as an input: an archive of Photoshop documents holds no picture that could be one.
  const source = await openStoredFiles(path);
  try {
    const entry = source.files.find(({ name }) => name === METADATA_NAME);
    if (entry === undefined || entry.sizeBytes > MAX_METADATA_BYTES) return undefined;
    return parseJson(new TextDecoder().decode(await entry.read()), { maxLength: MAX_METADATA_BYTES });
  } finally {
    await source.close();
  }
}
