/**
 * A folder of results as one archive that is made while it is sent. Its layout is known beforehand, so each part can be
 * sent alone and a download can be resumed; checksums are taken when they are needed, and kept.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { crc32 } from "node:zlib";
import { BatchProcessingError } from "../../../errors.js";
import { ZipWriter } from "../../../io/archive/zip-writer.js";
import { isJunkName } from "../../../io/names/entry-rules.js";
import { sortedNaturally } from "../../../io/names/natural-order.js";
import { FAILURES_NAME, METADATA_NAME } from "../../../io/names/output-rules.js";

/** A file that goes into the archive. */
interface Packed {
  readonly name: string;
  readonly path: string;
  readonly sizeBytes: number;
  readonly stamp: string;
  crc: number | undefined;
}

/** A part of the archive: bytes that are made, or a file. */
interface Part {
  readonly start: number;
  readonly end: number;
  chunks(from: number, to: number): AsyncIterable<Uint8Array>;
}

/** What is about a run and not of the chapter; it names places of this machine. */
const LEFT_OUT = new Set([METADATA_NAME, FAILURES_NAME]);

export class FolderArchive {
  readonly sizeBytes: number;
  readonly version: string;
  readonly #files: readonly Packed[];
  readonly #parts: readonly Part[];

  private constructor(files: readonly Packed[]) {
    this.#files = files;
    const parts: Part[] = [];
    let at = 0;
    const add = (bytes: number, chunks: Part["chunks"]): void => {
      parts.push({ start: at, end: (at += bytes), chunks });
    };
    const writer = new ZipWriter();
    for (const file of files) {
      const started = writer.start(file.name, file.sizeBytes);
      const { header } = started;
      started.complete(0);
      add(header.byteLength, async function* (from, to) {
        const bytes = Buffer.from(header);
        bytes.writeUInt32LE(await checksum(file), CRC_OFFSET);
        yield bytes.subarray(from, to);
      });
      add(file.sizeBytes, (from, to) => fileChunks(file, from, to));
    }
    const directory = sizeOf(writer.end());
    add(directory, (from, to) => this.#directory(from, to));
    this.#parts = parts;
    this.sizeBytes = at;
    this.version = createHash("sha256")
      .update(JSON.stringify(files.map(({ name, stamp }) => [name, stamp])))
      .digest("hex")
      .slice(0, 32);
  }

  /** Lists a folder; undefined where it holds no file. */
  static async of(folder: string): Promise<FolderArchive | undefined> {
    const found = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
    const files: Packed[] = [];
    for (const entry of found) {
      const path = join(entry.parentPath, entry.name);
      const name = relative(folder, path).split(sep).join("/");
      if (!entry.isFile() || isJunkName(name) || LEFT_OUT.has(name)) continue;
      const { size, stamp } = await factsOf(path);
      files.push({ name, path, sizeBytes: size, stamp, crc: undefined });
    }
    return files.length === 0 ? undefined : new FolderArchive(await sortedNaturally(files, ({ name }) => name));
  }

  /** The bytes from `start` up to, not including, `end`. */
  async *chunks(start = 0, end = this.sizeBytes): AsyncGenerator<Uint8Array> {
    for (const part of this.#parts) {
      if (part.end <= start || part.start >= end) continue;
      yield* part.chunks(Math.max(0, start - part.start), Math.min(end, part.end) - part.start);
    }
  }

  async *#directory(from: number, to: number): AsyncGenerator<Uint8Array> {
    const writer = new ZipWriter();
    for (const file of this.#files) writer.start(file.name, file.sizeBytes).complete(await checksum(file));
    yield Buffer.concat(writer.end()).subarray(from, to);
  }
}

/** Where a local header has its checksum. */
const CRC_OFFSET = 14;

async function checksum(file: Packed): Promise<number> {
  if (file.crc !== undefined) return file.crc;
  let crc = 0;
  for await (const chunk of fileChunks(file, 0, file.sizeBytes)) crc = crc32(chunk, crc);
  file.crc = crc;
  return crc;
}

async function* fileChunks(
  { path, name, sizeBytes, stamp }: Packed,
  from: number,
  to: number,
): AsyncGenerator<Uint8Array> {
  const changed = new BatchProcessingError(
    "ERR_STATE",
    `${name} has changed since the download began; begin the download again`,
  );
  if ((await factsOf(path).catch(() => undefined))?.stamp !== stamp) throw changed;
  if (to <= from || sizeBytes === 0) return;
  let left = to - from;
  for await (const chunk of createReadStream(path, { start: from, end: to - 1 })) {
    left -= (chunk as Buffer).byteLength;
    yield chunk as Buffer;
  }
  if (left !== 0) throw changed;
}

async function factsOf(path: string): Promise<{ size: number; stamp: string }> {
  const { size, mtimeNs, ino } = await stat(path, { bigint: true });
  return { size: Number(size), stamp: `${mtimeNs} ${size} ${ino}` };
}

function sizeOf(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, { byteLength }) => sum + byteLength, 0);
}
