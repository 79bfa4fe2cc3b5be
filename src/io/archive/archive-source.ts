/**
 * A ZIP or CBZ archive as a page source, archives inside it included to one level. Entries are read straight from the
 * file.
 */
import { open, type FileHandle } from "node:fs/promises";
import { basename } from "node:path";
import { BatchProcessingError, messageOf, ValidationError, ZipExtractionError } from "../../errors.js";
import type { ArchiveLimits } from "./archive-limits.js";
import { FileRange, MemoryRange, type ByteSource } from "../files/byte-source.js";
import { isArchiveName, kindOfName } from "../names/entry-rules.js";
import { inputError } from "../files/file-errors.js";
import { compareNatural } from "../names/natural-order.js";
import type { PageSource, SourceEntry, SourceFault } from "../page-source.js";
import { uniqueName, ZipArchive, type ZipRecord } from "./zip-archive.js";

/**
 * Opens an archive and lists it. Rejects with `ERR_ZIP_FORMAT`, `ERR_ZIP_LIMIT` or, when no picture is left,
 * `ERR_INPUT_EMPTY`. Entries of an inner archive are named after it: `part2.cbz` gives `part2/001.png`.
 */
export async function openArchiveSource(path: string, limits: ArchiveLimits): Promise<PageSource> {
  const file = await open(path, "r").catch((cause: unknown) => Promise.reject(inputError(path, cause)));
  try {
    const source = new ArchiveSource(path, file, limits);
    await source.list();
    return source;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** An archive inside the archive. */
interface Inner {
  readonly label: string;
  readonly record: ZipRecord;
}

class ArchiveSource implements PageSource {
  readonly path: string;
  readonly faults: SourceFault[] = [];
  readonly #file: FileHandle;
  readonly #limits: ArchiveLimits;
  readonly #entries: SourceEntry[] = [];
  #archive!: ZipArchive;
  #closed = false;
  #held: { record: ZipRecord; bytes: Promise<ByteSource> } | undefined;

  constructor(path: string, file: FileHandle, limits: ArchiveLimits) {
    this.path = path;
    this.#file = file;
    this.#limits = limits;
  }

  async list(): Promise<void> {
    const label = basename(this.path);
    this.#archive = await ZipArchive.open(
      new FileRange(this.#file, 0, (await this.#file.stat()).size),
      label,
      this.#limits,
    );
    const taken = new Set<string>();
    this.#addFaults(this.#archive, "");
    for (const record of this.#archive.records) {
      if (isArchiveName(record.name)) await this.#addInner({ label: `${label}/${record.name}`, record }, taken);
      else this.#add(record.name, record.sizeBytes, taken, () => this.#archive.read(record));
    }
    this.#held = undefined;
    this.#entries.sort((a, b) => compareNatural(a.name, b.name));
    if (!this.#entries.some((entry) => entry.kind === "image")) throw this.#empty();
  }

  entries(): readonly SourceEntry[] {
    return this.#entries;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#held = undefined;
    await this.#file.close();
  }

  #add(name: string, sizeBytes: number, taken: Set<string>, read: () => Promise<Uint8Array<ArrayBuffer>>): void {
    const guarded = async (): Promise<Uint8Array<ArrayBuffer>> => {
      if (this.#closed)
        throw new BatchProcessingError("ERR_STATE", `${this.path} is closed; read "${name}" before close()`);
      return read();
    };
    this.#entries.push({ name: uniqueName(name, taken), kind: kindOfName(name), sizeBytes, read: guarded });
  }

  /** Lists an archive inside the archive; whatever is wrong with it is a fault and the rest goes on. */
  async #addInner(inner: Inner, taken: Set<string>): Promise<void> {
    const { label, record } = inner;
    const folder = record.name.slice(0, record.name.lastIndexOf("."));
    try {
      const archive = await ZipArchive.open(await this.#innerBytes(inner), label, this.#limits);
      this.#addFaults(archive, `${folder}/`);
      for (const page of archive.records) {
        const name = `${folder}/${page.name}`;
        if (isArchiveName(page.name)) {
          const error = new ZipExtractionError(
            "ERR_ZIP_ENTRY",
            `${label}: entry "${page.name}" is skipped: an archive in an archive in an archive; unpack one level first`,
            { entryName: page.name },
          );
          this.faults.push({ name, error });
        } else {
          this.#add(name, page.sizeBytes, taken, () => archive.read(page));
        }
      }
    } catch (error) {
      if (!(error instanceof BatchProcessingError)) throw error;
      this.faults.push({ name: record.name, error });
    }
  }

  /**
   * The inner archive's bytes: a part of the file when it is stored, otherwise unpacked to memory when they are asked
   * for.
   */
  async #innerBytes({ record, label }: Inner): Promise<ByteSource> {
    if (record.method === 0) return this.#archive.range(record);
    if (record.sizeBytes > this.#limits.maxNestedBytes) {
      throw new ZipExtractionError(
        "ERR_ZIP_LIMIT",
        `${label} unpacks to ${record.sizeBytes} bytes, more than the limit maxNestedBytes ${this.#limits.maxNestedBytes}; unpack the outer archive first`,
        { entryName: record.name },
      );
    }
    return {
      sizeBytes: record.sizeBytes,
      read: async (position, lengthBytes) => (await this.#unpack(record)).read(position, lengthBytes),
      readPair: async (position, firstBytes, secondBytes) =>
        (await this.#unpack(record)).readPair(position, firstBytes, secondBytes),
    };
  }

  /** One compressed inner archive is held unpacked at a time: its pages are asked for one after the other. */
  #unpack(record: ZipRecord): Promise<ByteSource> {
    if (this.#held?.record !== record)
      this.#held = { record, bytes: this.#archive.read(record).then((bytes) => new MemoryRange(bytes)) };
    return this.#held.bytes;
  }

  #addFaults(archive: ZipArchive, prefix: string): void {
    for (const error of archive.faults) this.faults.push({ name: prefix + (error.entryName ?? ""), error });
  }

  #empty(): ValidationError {
    const { length } = this.faults;
    const refused =
      length === 0
        ? ""
        : `; ${length} of its entries were refused, the first because: ${messageOf(this.faults[0]!.error)}`;
    const content =
      this.#archive.entryCount === 0 ? "is empty" : `holds no picture among its ${this.#archive.entryCount} entries`;
    return new ValidationError("ERR_INPUT_EMPTY", `${this.path} ${content}${refused}`);
  }
}
