/**
 * Reads the records of a ZIP archive's central directory, one after the other. What is wrong inside a record costs its
 * entry alone: the next record is found all the same.
 */
import type { ByteSource } from "../files/byte-source.js";

/** One entry as the directory states it; nothing is checked yet. */
export interface DirectoryEntry {
  readonly rawName: Uint8Array;
  readonly flags: number;
  readonly method: number;
  readonly crc32: number;
  readonly compressedBytes: number;
  readonly sizeBytes: number;
  readonly headerOffset: number;
  readonly externalFileAttributes: number;
  readonly extraFields: readonly ExtraField[];
}

interface ExtraField {
  readonly id: number;
  readonly data: Uint8Array;
}

const RECORD_SIGNATURE = 0x02014b50;
/** Of a record without its name, extra field and comment. */
const RECORD_BYTES = 46;
const ZIP64_FIELD = 1;
/** Said of a figure that the ZIP64 field has. */
const IN_ZIP64_FIELD = 0xffff_ffff;
const WINDOW_BYTES = 64 * 1024;

/** Records of an archive, read through a window, since they are small and lie side by side. */
export class ZipRecords {
  readonly #archive: ByteSource;
  #window: Uint8Array = new Uint8Array(0);
  #windowStart = 0;

  constructor(archive: ByteSource) {
    this.#archive = archive;
  }

  /** Whether a record stands at `offset`. */
  async isAt(offset: number): Promise<boolean> {
    if (offset + 4 > this.#archive.sizeBytes) return false;
    return viewOf(await this.#read(offset, 4)).getUint32(0, true) === RECORD_SIGNATURE;
  }

  /** The entry of the record at `offset`, and where the next record begins. Rejects where there is none. */
  async read(offset: number): Promise<{ entry: DirectoryEntry; next: number }> {
    const head = viewOf(await this.#read(offset, RECORD_BYTES));
    const signature = head.getUint32(0, true);
    if (signature !== RECORD_SIGNATURE)
      throw new Error(`there is no record at byte ${offset}, but 0x${signature.toString(16).padStart(8, "0")}`);
    const [nameBytes, extraBytes] = [head.getUint16(28, true), head.getUint16(30, true)];
    const next = offset + RECORD_BYTES + nameBytes + extraBytes + head.getUint16(32, true);
    const rest = await this.#read(offset + RECORD_BYTES, next - offset - RECORD_BYTES);
    const extraFields = fieldsOf(rest.subarray(nameBytes, nameBytes + extraBytes));
    const figures = [head.getUint32(24, true), head.getUint32(20, true), head.getUint32(42, true)];
    const [sizeBytes, compressedBytes, headerOffset] = largeFigures(figures, extraFields) as [number, number, number];
    const entry = {
      rawName: rest.slice(0, nameBytes),
      flags: head.getUint16(8, true),
      method: head.getUint16(10, true),
      crc32: head.getUint32(16, true),
      compressedBytes,
      sizeBytes,
      headerOffset,
      externalFileAttributes: head.getUint32(38, true),
      extraFields,
    };
    return { entry, next };
  }

  async #read(offset: number, lengthBytes: number): Promise<Uint8Array> {
    const start = offset - this.#windowStart;
    if (start < 0 || start + lengthBytes > this.#window.byteLength) {
      const room = Math.min(WINDOW_BYTES, this.#archive.sizeBytes - offset);
      this.#window = await this.#archive.read(offset, Math.max(lengthBytes, room));
      this.#windowStart = offset;
    }
    const from = offset - this.#windowStart;
    return this.#window.subarray(from, from + lengthBytes);
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** The fields up to the first that reaches past their end. */
function fieldsOf(bytes: Uint8Array): ExtraField[] {
  const fields: ExtraField[] = [];
  const view = viewOf(bytes);
  for (let at = 0; at + 4 <= bytes.byteLength;) {
    const end = at + 4 + view.getUint16(at + 2, true);
    if (end > bytes.byteLength) break;
    fields.push({ id: view.getUint16(at, true), data: bytes.slice(at + 4, end) });
    at = end;
  }
  return fields;
}

/** Takes from the ZIP64 field the figures that are said to be there; one that is not stays, and fits no file. */
function largeFigures(figures: readonly number[], fields: readonly ExtraField[]): number[] {
  const field = fields.find(({ id }) => id === ZIP64_FIELD);
  if (field === undefined) return [...figures];
  const view = viewOf(field.data);
  let at = 0;
  return figures.map((figure) => {
    if (figure !== IN_ZIP64_FIELD || at + 8 > view.byteLength) return figure;
    at += 8;
    return Number(view.getBigUint64(at - 8, true));
  });
}
