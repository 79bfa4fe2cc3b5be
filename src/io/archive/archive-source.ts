/**
 * A ZIP or CBZ archive as a page source, archives inside it included to one level. Entries are read straight from the
 * file.
 */
import type { FileHandle } from "node:fs/promises";
import { basename } from "node:path";
import { BatchProcessingError, messageOf, ValidationError, ZipExtractionError } from "../../errors.js";
import { overLimit, type ArchiveLimits, type ArchiveUse } from "./archive-limits.js";
import { contentKind } from "../content-kind.js";
import { eachConcurrent } from "../files/each-concurrent.js";
import { FileRange, MemoryRange, type ByteSource } from "../files/byte-source.js";
import { sniffFormat, type ImageFormat, type SniffedFormat } from "../image/headers/image-format.js";
import { isArchiveName, type EntryKind } from "../names/entry-rules.js";
import { inputError } from "../files/file-errors.js";
import { openFile } from "../files/read-file.js";
import { sortedNaturally } from "../names/natural-order.js";
import type { PageSource, SourceEntry, SourceFault, SourceNotice } from "../page-source.js";
import { ZipArchive } from "./zip-archive.js";
import type { ZipRecord } from "./zip-contents.js";
import { entryNames } from "./zip-rules.js";
import { printableName } from "../names/safe-name.js";
import { turn } from "../../concurrency/take-turns.js";

/** Entries whose first bytes are read at once. */
const HEADS_AT_ONCE = 8;

/**
 * Opens an archive and lists it. Rejects with `ERR_ZIP_FORMAT`, `ERR_ZIP_LIMIT` or, when no picture is left,
 * `ERR_INPUT_EMPTY`. Entries of an inner archive are named after it: `part2.cbz` gives `part2/001.png`.
 */
export async function openArchiveSource(path: string, limits: ArchiveLimits): Promise<PageSource> {
  const file = await openFile(path).catch((cause: unknown) => Promise.reject(inputError(path, cause)));
  try {
    const source = new ArchiveSource(path, file, limits);
    await source.list();
    return source;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** For a file that is called an archive and is something else that is known. */
export function notAnArchive(
  path: string,
  { description, remedy }: SniffedFormat,
  cause: BatchProcessingError,
): BatchProcessingError {
  if (/no known picture format|plain text|empty file|ZIP archive/u.test(description)) return cause;
  return new ZipExtractionError("ERR_ZIP_FORMAT", `${path} is called a ZIP or CBZ archive, but it is ${description}`, {
    cause,
    remedy,
  });
}

/** An archive inside the archive. */
interface Inner {
  readonly label: string;
  /** What its first bytes say, for messages. */
  readonly content: SniffedFormat;
  readonly record: ZipRecord;
}

/** A file that is listed, before it has its name. */
type Listed = Omit<SourceEntry, "name"> & { name: string };
type Fault = SourceFault & { readonly file?: Listed };

class ArchiveSource implements PageSource {
  readonly path: string;
  readonly faults: SourceFault[] = [];
  readonly warnings: SourceNotice[] = [];
  /** Files of faults. */
  readonly #copied: Listed[] = [];
  readonly #file: FileHandle;
  readonly #limits: ArchiveLimits;
  readonly #use: ArchiveUse = { entries: 0, folders: 0, bytes: 0 };
  #entries: readonly SourceEntry[] = [];
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
      this.#use,
    );
    this.#addFaults(this.#archive, "");
    this.warnings.push(...this.#archive.warnings);
    const inner = new Map<string, SniffedFormat>();
    for (const record of this.#archive.records) {
      await turn();
      if (!isArchiveName(record.name)) continue;
      const content = sniffFormat((await this.#archive.head(record)) ?? new Uint8Array(), record);
      if (!content.isPicture) inner.set(record.name, content);
    }
    const own = new Map<string, Listed>();
    for (const file of await this.#filesOf(this.#archive, (record) => !inner.has(record.name))) {
      await turn();
      own.set(file.name, file);
    }
    const files: Listed[] = [];
    for (const record of this.#archive.records) {
      await turn();
      const content = inner.get(record.name);
      if (content !== undefined)
        files.push(...(await this.#inner({ label: `${label}/${record.name}`, content, record })));
      else if (own.has(record.name)) files.push(own.get(record.name)!);
    }
    this.#held = undefined;
    const names = await entryNames(files);
    for (const file of [...files, ...this.#copied]) {
      await turn();
      file.name = names.take(file.name);
    }
    this.#entries = await sortedNaturally(files, ({ name }) => name);
    if (!this.#entries.some((entry) => entry.kind === "image")) throw this.#empty();
  }

  /** The archive's comment. */
  get comment(): Uint8Array | undefined {
    return this.#archive.comment.byteLength === 0 ? undefined : this.#archive.comment;
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

  /** The files of an archive by what their first bytes say: junk is left out, pictures that are not read are faults. */
  async #filesOf(archive: ZipArchive, isFile: (record: ZipRecord) => boolean, prefix = ""): Promise<Listed[]> {
    const records: ZipRecord[] = [];
    for (const record of archive.records) {
      await turn();
      if (isFile(record)) records.push(record);
    }
    const found: (Listed | Fault | undefined)[] = Array.from({ length: records.length });
    const warnings: (SourceNotice | undefined)[] = [];
    await eachConcurrent(records, HEADS_AT_ONCE, async (record, index) => {
      await turn(); // neighbours are read together, so most heads are there without a wait
      const { sizeBytes } = record;
      const name = prefix + record.name;
      const content = contentKind({ name, sizeBytes }, await archive.head(record));
      if ("junk" in content) return;
      if ("unsupported" in content) {
        found[index] = { name, error: content.unsupported, file: this.#listed(archive, record, prefix, "other") };
        return;
      }
      const { kind, format, warning } = content;
      warnings[index] = warning;
      found[index] = this.#listed(archive, record, prefix, kind, format);
    });
    const files: Listed[] = [];
    for (const [index, one] of found.entries()) {
      await turn();
      if (warnings[index] !== undefined) this.warnings.push(warnings[index]);
      if (one === undefined) continue;
      if ("error" in one) this.#addFault(one);
      else files.push(one);
    }
    return files;
  }

  #listed(archive: ZipArchive, record: ZipRecord, prefix: string, kind: EntryKind, format?: ImageFormat): Listed {
    const name = prefix + record.name;
    return {
      name,
      kind,
      format,
      sizeBytes: record.sizeBytes,
      version: String(record.crc32),
      read: async () => (this.#assertOpen(name), archive.read(record)),
      chunks: () => (this.#assertOpen(name), archive.chunks(record)),
    };
  }

  #addFault(fault: Fault): void {
    this.faults.push(fault);
    if (fault.file !== undefined) this.#copied.push(fault.file);
  }

  #assertOpen(name: string): void {
    if (this.#closed)
      throw new BatchProcessingError("ERR_STATE", `${this.path} is closed; read "${name}" before close()`);
  }

  /** The files of an archive inside the archive; whatever is wrong with it is a fault and the rest goes on. */
  async #inner(inner: Inner): Promise<Listed[]> {
    const { label, record } = inner;
    const folder = record.name.slice(0, record.name.lastIndexOf("."));
    try {
      const archive = await ZipArchive.open(await this.#innerBytes(inner), label, this.#limits, this.#use);
      this.#addFaults(archive, `${folder}/`);
      this.warnings.push(...archive.warnings);
      for (const page of archive.records) {
        if (!isArchiveName(page.name)) continue;
        const error = new ZipExtractionError(
          "ERR_ZIP_ENTRY",
          `${label}: entry "${page.name}" was skipped: archives nested more than one level deep are not read`,
          { entryName: page.name, remedy: "unpack one level first" },
        );
        const file = this.#listed(archive, page, `${folder}/`, "other");
        this.#addFault({ name: `${folder}/${page.name}`, error, file });
      }
      return await this.#filesOf(archive, (page) => !isArchiveName(page.name), `${folder}/`);
    } catch (error) {
      if (!(error instanceof BatchProcessingError)) throw error;
      if (error.code === "ERR_ZIP_FORMAT")
        this.#addFault({
          name: record.name,
          error: notAnArchive(label, inner.content, error),
          file: this.#listed(this.#archive, record, "", "other"),
        });
      else this.#addFault({ name: record.name, error });
      return [];
    }
  }

  /**
   * The inner archive's bytes: a part of the file when it is stored, otherwise unpacked to memory when they are asked
   * for.
   */
  async #innerBytes({ record, label }: Inner): Promise<ByteSource> {
    if (record.method === 0) return this.#archive.range(record);
    if (record.sizeBytes > this.#limits.maxNestedBytes) {
      const { message, remedy } = overLimit(
        `${label} unpacks to ${record.sizeBytes} bytes`,
        "maxNestedBytes",
        this.#limits,
      );
      throw new ZipExtractionError("ERR_ZIP_LIMIT", message, { entryName: record.name, remedy });
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
    // A fault of the archive itself has the archive's name.
    const own = prefix === "" ? printableName(basename(this.path)) : prefix.slice(0, -1);
    for (const error of archive.faults)
      this.faults.push({ name: error.entryName === undefined ? own : prefix + error.entryName, error });
  }

  #empty(): ValidationError {
    const { length } = this.faults;
    const refused =
      length === 0
        ? ""
        : `; ${length} of its entries were refused, the first because: ${messageOf(this.faults[0]!.error)}`;
    const { entryCount } = this.#archive;
    const content =
      entryCount === 0
        ? "is empty"
        : `holds no picture among its ${entryCount} ${entryCount === 1 ? "entry" : "entries"}`;
    return new ValidationError("ERR_INPUT_EMPTY", `${this.path} ${content}${refused}`);
  }
}
