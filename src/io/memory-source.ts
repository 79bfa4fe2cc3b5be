/** Pictures in memory as a page source. */
import { types } from "node:util";
import { ValidationError } from "../errors.js";
import { checkBytes, checkList, forgetPromise } from "../errors/arguments.js";
import { nameFault, printableName } from "./names/safe-name.js";
import { contentKind } from "./content-kind.js";
import type { ImageFormat } from "./image/headers/image-format.js";
import type { EntryKind } from "./names/entry-rules.js";
import { compareText, naturalKey } from "./names/natural-order.js";
import type { PageSource, SourceEntry, SourceFault, SourceNotice } from "./page-source.js";

/** As much of a file as says what it is. */
const HEAD_BYTES = 4096;

/** A file in memory. */
export interface MemoryFile {
  /** Relative path with forward slashes. */
  readonly name: string;
  /** The file's bytes; they are copied when they are read, and so stay. */
  readonly bytes: Uint8Array;
}

/**
 * A source of files in memory, in natural order of their names. It needs no closing.
 * @throws ValidationError `ERR_ARGUMENT` for a name that is no safe relative path or is given twice, and for bytes that
 * are none; `ERR_INPUT_EMPTY` without any picture
 */
export function memorySource(files: Iterable<MemoryFile>): PageSource {
  if (typeof (files as Partial<Iterable<MemoryFile>> | undefined)?.[Symbol.iterator] !== "function")
    throw new ValidationError("ERR_ARGUMENT", `memorySource takes a list of { name, bytes }, not ${typeof files}`);
  checkList("the list of files in memory", files);
  const entries: SourceEntry[] = [];
  const faults: SourceFault[] = [];
  const warnings: SourceNotice[] = [];
  for (const [index, given] of [...files].entries()) {
    const file = checked(given, index);
    const content = contentKind(
      { name: file.name, sizeBytes: file.bytes.byteLength },
      file.bytes.subarray(0, HEAD_BYTES),
    );
    if ("unsupported" in content)
      faults.push({ name: file.name, error: content.unsupported, file: entryOf(file, "other", undefined) });
    if (!("kind" in content)) continue;
    if (content.warning !== undefined) warnings.push(content.warning);
    entries.push(entryOf(file, content.kind, content.format));
  }
  const keys = new Map(entries.map(({ name }) => [name, naturalKey(name)]));
  entries.sort((a, b) => compareText(keys.get(a.name)!, keys.get(b.name)!));
  const twice = entries.find(({ name }, index) => entries[index + 1]?.name === name);
  if (twice !== undefined)
    throw new ValidationError(
      "ERR_ARGUMENT",
      `the name "${printableName(twice.name)}" is given twice; names are unique`,
    );
  if (!entries.some(({ kind }) => kind === "image"))
    throw new ValidationError(
      "ERR_INPUT_EMPTY",
      "there is no picture in memory; PNG, JPEG, WebP, TIFF, AVIF and GIF are read",
    );
  return { path: "memory", entries: () => entries, faults, warnings, close: async () => {} };
}

function entryOf({ name, bytes }: MemoryFile, kind: EntryKind, format: ImageFormat | undefined): SourceEntry {
  const read = async (): Promise<Uint8Array<ArrayBuffer>> => {
    checkBytes(`the bytes of "${printableName(name)}" in memory`, bytes);
    return new Uint8Array(bytes);
  };
  return { name, kind, format, sizeBytes: bytes.byteLength, read };
}

function checked(file: MemoryFile, index: number): MemoryFile {
  const { name, bytes } = (file ?? {}) as Partial<MemoryFile>;
  forgetPromise(bytes);
  if (typeof name !== "string" || !types.isUint8Array(bytes))
    throw new ValidationError(
      "ERR_ARGUMENT",
      `file ${index} in memory is not { name, bytes }: the name must be text and the bytes a Uint8Array or Buffer`,
    );
  checkBytes(`the bytes of "${printableName(name)}" in memory`, bytes);
  const fault = nameFault(name);
  if (fault !== undefined || name === "")
    throw new ValidationError(
      "ERR_ARGUMENT",
      `the name "${printableName(name)}" in memory is refused: ${fault ?? "it is empty"}`,
    );
  return { name, bytes };
}
