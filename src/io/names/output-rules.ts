/** Rules of every sink: names, and the metadata file. */
import { messageOf, ValidationError } from "../../errors.js";
import { nameFault, printableName } from "./safe-name.js";

/** Name of the file that `finish(metadata)` writes. */
export const METADATA_NAME = "processing_metadata.json";

/** Name of the file that says which pages failed. */
export const FAILURES_NAME = "failures.json";

/** Larger ones are not read: it is far above what a batch of 100,000 pages has. */
export const MAX_METADATA_BYTES = 512 * 2 ** 20;

/** What describes a run; written as JSON. */
export type SinkMetadata = Readonly<Record<string, unknown>>;

/** Throws `ERR_ARGUMENT` for a name that is no safe relative path. */
export function checkOutputName(name: string): void {
  const fault = nameFault(name) ?? (name.endsWith("/") ? "its name is a folder's" : undefined);
  if (fault !== undefined)
    throw new ValidationError(
      "ERR_ARGUMENT",
      `the output "${printableName(name)}" is refused: ${fault}; a relative path inside the output is needed`,
    );
}

/**
 * The metadata as it is written: JSON, two spaces, a newline at the end. Throws `ERR_ARGUMENT` for what JSON cannot
 * say.
 */
export function metadataBytes(metadata: SinkMetadata): Uint8Array {
  let text: string;
  try {
    text = JSON.stringify(metadata, null, 2);
  } catch (cause) {
    throw new ValidationError("ERR_ARGUMENT", `the metadata cannot be written as JSON: ${messageOf(cause)}`, { cause });
  }
  return new TextEncoder().encode(`${text}\n`);
}
