/**
 * The journal of a run: an append-only file with one entry a line, each with a checksum and synced before `append`
 * resolves. A last line that was cut off by a kill is normal and is dropped; a damaged line elsewhere is skipped.
 */
import { constants, fstatSync, statSync, writeSync, type Stats } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { BatchProcessingError, ResourceError, systemCode } from "../../errors.js";
import { readFully } from "../../io/files/byte-source.js";
import { outputError } from "../../io/files/file-errors.js";
import { parseJson } from "../../text/parse-json.js";
import type { JournalEntry } from "./entries.js";
import { parseEntry, unsafeOutput } from "./entry-schema.js";

const LINE = /^\{"crc":"([0-9a-f]{8})","entry":(\{.*\})\}$/s; // names may hold U+2028
/** Shorter texts cannot nest deep enough to overflow a stack; they are read the quick way. */
const LONG_TEXT = 4096;
/** Longer lines are no entries: a batch of 100,000 pages has its longest, the start of a run, far below. */
const MAX_LINE_BYTES = 64 * 2 ** 20;

/** An entry as a line of NDJSON: `{"crc":"…","entry":{…}}`, the CRC-32 being that of the entry's text. */
export function journalLine(entry: JournalEntry): string {
  const text = JSON.stringify(entry);
  return `{"crc":"${checksum(text)}","entry":${text}}\n`;
}

/** What a journal says. */
export interface ParsedJournal {
  readonly entries: JournalEntry[];
  /** Where the next line goes: what comes after was cut off. */
  readonly goodBytes: number;
  /** Lines that were skipped before that. */
  readonly damaged: number;
}

/**
 * Reads a journal.
 * @param path for messages
 * @throws ValidationError `ERR_OUTPUT_UNSAFE` for an entry that names a file outside the output
 */
export function parseJournal(bytes: Uint8Array, path: string): ParsedJournal {
  const decoder = new TextDecoder();
  const entries: JournalEntry[] = [];
  let damaged = 0;
  let start = 0;
  for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, start)) {
    const entry =
      end - start > MAX_LINE_BYTES ? undefined : parseLine(decoder.decode(bytes.subarray(start, end)), path);
    if (entry === undefined) damaged++;
    else entries.push(entry);
    start = end + 1;
  }
  return { entries, goodBytes: start, damaged };
}

/** Differs for a journal that has another line, or that was begun anew. */
export function journalState({ entries, goodBytes }: Pick<ParsedJournal, "entries" | "goodBytes">): string {
  const run = entries.find((entry) => entry.type === "run");
  return `journal ${goodBytes} ${run === undefined ? "" : `${run.job} ${run.at}`}`;
}

/** What is read at once. */
const PIECE_BYTES = 2 ** 20;

/**
 * Reads an open journal piece by piece: one that came with an output may be of any length, and nothing else waits for
 * it meanwhile.
 */
async function readEntries(file: FileHandle, path: string): Promise<ParsedJournal> {
  const entries: JournalEntry[] = [];
  let goodBytes = 0;
  let damaged = 0;
  /** The line being read: what of it is kept, and its length so far. */
  let begun: Uint8Array[] = [];
  let begunBytes = 0;
  const { size } = await file.stat();
  const piece = new Uint8Array(Math.min(PIECE_BYTES, size));
  for (let position = 0; position < size;) {
    const done = await readFully(file, piece.subarray(0, Math.min(PIECE_BYTES, size - position)), position);
    if (done === 0) break;
    position += done;
    let bytes = piece.subarray(0, done);
    const end = bytes.indexOf(0x0a);
    if (end >= 0) {
      if (begunBytes > MAX_LINE_BYTES) {
        damaged++;
        bytes = bytes.subarray(end + 1);
      } else if (begunBytes > 0) bytes = Buffer.concat([...begun, bytes]);
      const parsed = parseJournal(bytes, path);
      for (const entry of parsed.entries) entries.push(entry);
      damaged += parsed.damaged;
      bytes = bytes.subarray(parsed.goodBytes);
      goodBytes = position - bytes.byteLength;
      begun = [];
      begunBytes = 0;
    }
    begunBytes += bytes.byteLength;
    if (begunBytes > MAX_LINE_BYTES) begun = [];
    else if (bytes.byteLength > 0) begun.push(bytes.slice());
  }
  return { entries, goodBytes, damaged };
}

function parseLine(line: string, path: string): JournalEntry | undefined {
  const [, crc, text] = LINE.exec(line) ?? [];
  if (text === undefined || crc !== checksum(text)) return undefined;
  try {
    return parseEntry(text.length > LONG_TEXT ? parseJson(text) : JSON.parse(text), path);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, "0");
}

/**
 * Reads the journal of an output that is not opened for writing.
 * @returns undefined if there is none
 * @throws ValidationError `ERR_OUTPUT_UNSAFE`
 */
export async function readJournal(path: string): Promise<ParsedJournal | undefined> {
  let file: FileHandle;
  try {
    file = await openRegular(path, constants.O_RDONLY);
  } catch (error) {
    if (error instanceof BatchProcessingError) throw error;
    return undefined;
  }
  try {
    return await readEntries(file, path);
  } finally {
    await file.close();
  }
}

/**
 * Opens a file of an output's records. A link or a pipe in its place would have something else written or waited for.
 */
async function openRegular(path: string, flags: number): Promise<FileHandle> {
  let file: FileHandle;
  try {
    file = await open(path, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (systemCode(error) === "ELOOP") throw unsafeOutput(path, "it is a link to another place");
    throw error;
  }
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw unsafeOutput(path, "it is not a file");
}

/** What has to be held while a journal is written; see `Lease`. */
export interface HeldLease {
  assertHeld(): Promise<void>;
  assertHeldNow(): void;
}

export class Journal {
  /** What was in the file when it was opened. */
  readonly entries: readonly JournalEntry[];
  /** Lines that were skipped because they are damaged. */
  readonly damaged: number;
  /** See `journalState`: as the file was when it was opened. */
  readonly state: string;
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #lease: HeldLease | undefined;
  #tail: Promise<void> = Promise.resolve();

  private constructor(path: string, file: FileHandle, lease: HeldLease | undefined, parsed: ParsedJournal) {
    this.#path = path;
    this.#file = file;
    this.#lease = lease;
    this.entries = parsed.entries;
    this.damaged = parsed.damaged;
    this.state = journalState(parsed);
  }

  /**
   * Opens or begins a journal; its folder must exist. Rejects with `ERR_OUTPUT_WRITE`, `ERR_OUTPUT_UNSAFE`.
   * @param lease has to be held for each line
   */
  static async open(path: string, lease?: HeldLease): Promise<Journal> {
    try {
      const file = await openRegular(path, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT);
      try {
        const parsed = await readEntries(file, path);
        if ((await file.stat()).size > parsed.goodBytes) await file.truncate(parsed.goodBytes);
        return new Journal(path, file, lease, parsed);
      } catch (error) {
        await file.close();
        throw error;
      }
    } catch (cause) {
      throw cause instanceof BatchProcessingError ? cause : outputError(path, cause);
    }
  }

  /**
   * Adds an entry; once this resolves it outlives a power cut. Rejects with `ERR_OUTPUT_WRITE`, also if the file is
   * no longer where it was, and with `ERR_OUTPUT_LOCKED` if another run has taken the output over.
   */
  append(entry: JournalEntry): Promise<void> {
    const written = this.#tail.then(() => this.#write(journalLine(entry)));
    this.#tail = written.catch(() => {});
    return written;
  }

  /** Adds an entry at once; it outlives the process, but perhaps not a power cut. Throws as `append` rejects. */
  appendNow(entry: JournalEntry): void {
    this.#lease?.assertHeldNow();
    try {
      this.#writeNow(journalLine(entry));
    } catch (cause) {
      throw outputError(this.#path, cause);
    }
  }

  /** At once: a line is short, and a trip to another thread would take longer. */
  #writeNow(line: string): void {
    const bytes = new TextEncoder().encode(line);
    for (let done = 0; done < bytes.byteLength;) done += writeSync(this.#file.fd, bytes, done);
  }

  async #write(line: string): Promise<void> {
    await this.assertInPlace();
    try {
      this.#writeNow(line);
      await this.#file.datasync();
    } catch (cause) {
      throw outputError(this.#path, cause);
    }
  }

  /**
   * An output whose folder was removed or whose disk is gone must not be begun again, where nobody finds the rest.
   * Rejects with `ERR_OUTPUT_WRITE`, or `ERR_OUTPUT_LOCKED` where another run has taken it over.
   */
  async assertInPlace(): Promise<void> {
    try {
      this.#assertSameFile();
    } catch (error) {
      // A run that takes the output over puts a copy in the journal's place: then the lease is the reason.
      this.#lease?.assertHeldNow();
      throw error;
    }
    await this.#lease?.assertHeld();
  }

  /** At once, as the lease is read: two trips to another thread would take longer than the calls. */
  #assertSameFile(): void {
    let now: Stats;
    let own: Stats;
    try {
      [now, own] = [statSync(this.#path), fstatSync(this.#file.fd)];
    } catch (cause) {
      throw outputError(this.#path, cause);
    }
    if (now.ino !== own.ino || now.dev !== own.dev)
      throw new ResourceError(
        "ERR_OUTPUT_LOCKED",
        `another run has put its own journal in place of ${this.#path}, so this run stops. Finished pages are kept`,
      );
  }

  async close(): Promise<void> {
    await this.#tail;
    await this.#file.close();
  }
}
