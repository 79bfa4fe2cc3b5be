/**
 * The journal of a run: an append-only file with a line an entry, each with a checksum and synced before `append`
 * resolves. A last line that was cut off by a kill is normal and is dropped; a damaged line elsewhere is skipped.
 */
import { writeSync, type Stats } from "node:fs";
import { open, stat, type FileHandle } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { writeFully } from "../../io/files/atomic-file.js";
import { outputError } from "../../io/files/file-errors.js";
import type { JournalEntry } from "./entries.js";

const LINE = /^\{"crc":"([0-9a-f]{8})","entry":(\{.*\})\}$/;

/** An entry as a line of NDJSON: `{"crc":"…","entry":{…}}`, the CRC-32 being that of the entry's text. */
export function journalLine(entry: JournalEntry): string {
  const text = JSON.stringify(entry);
  return `{"crc":"${checksum(text)}","entry":${text}}\n`;
}

/** Reads a journal. `goodBytes` is where the next line goes; `damaged` counts lines skipped before that. */
export function parseJournal(bytes: Uint8Array): { entries: JournalEntry[]; goodBytes: number; damaged: number } {
  const goodBytes = bytes.lastIndexOf(0x0a) + 1;
  const lines = new TextDecoder().decode(bytes.subarray(0, goodBytes)).split("\n").slice(0, -1);
  const entries = lines.map(parseLine).filter((entry) => entry !== undefined);
  return { entries, goodBytes, damaged: lines.length - entries.length };
}

function parseLine(line: string): JournalEntry | undefined {
  const [, crc, text] = LINE.exec(line) ?? [];
  return text !== undefined && crc === checksum(text) ? (JSON.parse(text) as JournalEntry) : undefined;
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, "0");
}

export class Journal {
  /** What was in the file when it was opened. */
  readonly entries: readonly JournalEntry[];
  /** Lines that were skipped because they are damaged. */
  readonly damaged: number;
  readonly #path: string;
  readonly #file: FileHandle;
  #tail: Promise<void> = Promise.resolve();

  private constructor(path: string, file: FileHandle, { entries, damaged }: ReturnType<typeof parseJournal>) {
    this.#path = path;
    this.#file = file;
    this.entries = entries;
    this.damaged = damaged;
  }

  /** Opens or begins a journal; its folder must exist. Rejects with `ERR_OUTPUT_WRITE`. */
  static async open(path: string): Promise<Journal> {
    try {
      const file = await open(path, "a+");
      try {
        const parsed = parseJournal(await file.readFile());
        await file.truncate(parsed.goodBytes);
        return new Journal(path, file, parsed);
      } catch (error) {
        await file.close();
        throw error;
      }
    } catch (cause) {
      throw outputError(path, cause);
    }
  }

  /**
   * Adds an entry; once this resolves it outlives a power cut. Rejects with `ERR_OUTPUT_WRITE`, also where the file is
   * no longer where it was.
   */
  append(entry: JournalEntry): Promise<void> {
    const written = this.#tail.then(() => this.#write(journalLine(entry)));
    this.#tail = written.catch(() => {});
    return written;
  }

  /** Adds an entry at once; it outlives the process, but perhaps not a power cut. Throws `ERR_OUTPUT_WRITE`. */
  appendNow(entry: JournalEntry): void {
    const bytes = new TextEncoder().encode(journalLine(entry));
    try {
      for (let done = 0; done < bytes.byteLength;) done += writeSync(this.#file.fd, bytes, done);
    } catch (cause) {
      throw outputError(this.#path, cause);
    }
  }

  async #write(line: string): Promise<void> {
    await this.assertInPlace();
    try {
      await writeFully(this.#file, new TextEncoder().encode(line));
      await this.#file.datasync();
    } catch (cause) {
      throw outputError(this.#path, cause);
    }
  }

  /**
   * An output whose folder was removed or whose disk is gone must not be begun anew, where nobody finds the rest.
   * Rejects with `ERR_OUTPUT_WRITE`.
   */
  async assertInPlace(): Promise<void> {
    try {
      const [now, own]: [Stats, Stats] = await Promise.all([stat(this.#path), this.#file.stat()]);
      if (now.ino !== own.ino || now.dev !== own.dev)
        throw Object.assign(new Error(`${this.#path} is another file than the one that was opened`), {
          code: "ENOENT",
        });
    } catch (cause) {
      throw outputError(this.#path, cause);
    }
  }

  /** Removes all entries. Rejects with `ERR_OUTPUT_WRITE`. */
  async clear(): Promise<void> {
    await this.#tail;
    await this.#file.truncate(0).catch((cause: unknown) => Promise.reject(outputError(this.#path, cause)));
  }

  async close(): Promise<void> {
    await this.#tail;
    await this.#file.close();
  }
}
