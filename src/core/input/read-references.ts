/** Reads references: finds their files, decodes them, and warns about those that cannot be read. */
import type { RasterImage } from "../../binding/raster.js";
import type { ReferenceFile } from "../../colorization/reference-store.js";
import { type BatchProcessingError, ConfigurationError, ValidationError } from "../../errors.js";
import { isFileFailure } from "../../errors/facts.js";
import { openPageSource } from "../../io/open-source.js";
import type { PageSource, SourceEntry } from "../../io/page-source.js";
import { sha256 } from "../../platform/sha256.js";
import { mapConcurrent } from "../../concurrency/map-concurrent.js";
import type { ImagePool } from "../batch-engine.js";
import { noticeOf, type Notice } from "../../errors/notice.js";
import { shownNames } from "../../text/shown.js";

/** By how many levels the channels of a gray pixel may differ, as they do in scans and lossy files. */
const GRAY_LEVELS = 16;
/** About how many pixels are sampled, spread over the picture. */
const SAMPLED_PIXELS = 50_000;

/** A reference that was read: its file by hash, and its picture. */
export type DecodedReference = ReferenceFile & { readonly image: RasterImage };

/**
 * Decodes references; with warnings about those that cannot be read.
 * @param from paths of pictures, folders and archives, or an open source
 * @param recursive whether folders inside folders are read too
 * @throws ConfigurationError `ERR_NO_REFERENCES` when none can; errors that are about no reference, such as
 * `ERR_OUT_OF_MEMORY` and the `ERR_STATE` of a closed pool
 */
export async function readReferences(
  pool: ImagePool,
  from: readonly string[] | PageSource,
  signal: AbortSignal,
  recursive = false,
): Promise<{ references: DecodedReference[]; warnings: Notice[] }> {
  const references: DecodedReference[] = [];
  const warnings: Notice[] = [];
  const readFrom = async (
    source: PageSource,
    readAgain: (entry: SourceEntry) => Promise<Uint8Array>,
  ): Promise<void> => {
    warnings.push(...(source.warnings ?? []).map(({ message, remedy }) => noticeOf(message, remedy)));
    for (const { name, error } of source.faults) warnings.push(leftOut(name, error));
    const images = source.entries().filter(({ kind }) => kind === "image");
    const decoded = mapConcurrent(images, (entry) => decodeOrError(pool, entry, () => readAgain(entry), signal), {
      concurrency: pool.maxThreads,
      signal,
    });
    for await (const one of decoded) {
      if ("error" in one) warnings.push(leftOut(one.name, one.error));
      else references.push(one);
    }
  };
  if ("entries" in from && !Array.isArray(from)) await readFrom(from as PageSource, (entry) => entry.read());
  else
    for (const path of from as readonly string[]) {
      const source = await openPageSource(path, { recursive });
      try {
        await readFrom(source, ({ name }) => readEntry(path, name, recursive));
      } finally {
        await source.close();
      }
    }
  if (references.length === 0) {
    const where = Array.isArray(from) ? from.join(", ") : (from as PageSource).path;
    throw new ConfigurationError(
      "ERR_NO_REFERENCES",
      `none of the references in ${where} can be read${warnings.length > 0 ? `: ${warnings.map(({ message }) => message).join("; ")}` : ""}`,
    );
  }
  return { references, warnings };
}

function leftOut(name: string, error: BatchProcessingError): Notice {
  return { message: `reference ${name} is left out: ${error.message}` };
}

async function decodeOrError(
  pool: ImagePool,
  entry: SourceEntry,
  read: () => Promise<Uint8Array>,
  signal: AbortSignal,
): Promise<DecodedReference | { name: string; error: BatchProcessingError }> {
  try {
    return await decodeReference(pool, entry, read, signal);
  } catch (error) {
    if (!signal.aborted && isFileFailure(error)) return { name: entry.name, error };
    throw error;
  }
}

/** @param read reads the file again, when the entry's source may be closed */
export async function decodeReference(
  pool: ImagePool,
  entry: SourceEntry,
  read: () => Promise<Uint8Array>,
  signal: AbortSignal,
): Promise<DecodedReference> {
  const bytes = await entry.read();
  const hash = await sha256(bytes);
  const { name } = entry;
  return { name, hash, read, image: (await pool.decode(bytes, name, { signal })).image };
}

/** One file of a source that is closed. */
async function readEntry(path: string, name: string, recursive: boolean): Promise<Uint8Array> {
  const source = await openPageSource(path, { recursive });
  try {
    const entry = source.entries().find((one) => one.name === name);
    if (entry === undefined)
      throw new ValidationError("ERR_INPUT_NOT_FOUND", `the reference ${name} of ${path} is gone`, {
        remedy: "put it back",
      });
    return await entry.read();
  } finally {
    await source.close();
  }
}

/** A warning when no reference has any colour. */
export function grayWarning(references: readonly DecodedReference[]): Notice[] {
  if (references.some(({ image }) => !isNearlyGray(image))) return [];
  const names = shownNames(references.map(({ name }) => name));
  return [{ message: `no reference has a colour to give (${names}): they are all gray`, remedy: "name coloured ones" }];
}

/** Whether a picture has hardly any colour. Unlike `isGray` of the kernels, it allows for the noise of scans. */
function isNearlyGray({ width, height, channels, data }: RasterImage): boolean {
  if (channels === 1) return true;
  const step = 3 * Math.max(1, Math.floor((width * height) / SAMPLED_PIXELS));
  for (let i = 0; i + 2 < data.length; i += step) {
    const [r, g, b] = [data[i]!, data[i + 1]!, data[i + 2]!];
    if (Math.max(r, g, b) - Math.min(r, g, b) > GRAY_LEVELS) return false;
  }
  return true;
}
