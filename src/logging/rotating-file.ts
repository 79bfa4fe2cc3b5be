/**
 * A log file that is replaced by a new one when it is full and when the day ends; the oldest are deleted. Every line is
 * written before `write` returns, so nothing is lost when the process exits or is killed. The libraries that rotate
 * files either buffer or need a thread that an exit cuts off; here a line costs a few microseconds, and a page has few
 * lines.
 */
import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  linkSync,
  openSync,
  readdirSync,
  realpathSync,
  statSync,
  unlinkSync,
  writeSync,
  type Stats,
} from "node:fs";
import { hostname } from "node:os";
import { dirname, join, parse } from "node:path";
import { ConfigurationError, messageOf, ResourceError, systemCode } from "../errors.js";
import { makeFoldersNow } from "../platform/folders.js";
import { assertLog, endsWithinLine, isFile, isSurelyLog, mayBeInUse, openToAppend } from "./existing-files.js";

export interface RotatingFileOptions {
  /** Bytes after which a new file begins. */
  readonly maxBytes: number;
  /** Files that are kept, the current one included. */
  readonly maxFiles: number;
}

/** How long a line waits for the reader of a full pipe, and how often it looks. */
const PATIENCE_MS = 1000;
const PAUSE_MS = 5;
const PAUSE = new Int32Array(new SharedArrayBuffer(4));

/** What a log file is called. */
export interface LogFileName {
  readonly folder: string;
  /** Full files are `<stem>_YYYYMMDD_HHMMSS<extension>`. */
  readonly stem: string;
  readonly extension: string;
  /** The current file too; otherwise it is `<stem><extension>` and gets a dated name when it is full. */
  readonly isDated: boolean;
}

/** `batch_processing_YYYYMMDD_HHMMSS.log` in a folder. */
export function datedName(folder: string): LogFileName {
  return { folder, stem: "batch_processing", extension: ".log", isDated: true };
}

/** One file with a fixed path. A link to a file stays: the file that it leads to is the one that is renamed. */
export function fixedName(path: string): LogFileName {
  const file = isFile(path) ? realpathSync(path) : path;
  const { name, ext } = parse(file);
  return { folder: dirname(file), stem: name, extension: ext, isDated: false };
}

/**
 * Appends lines. A file that is there and is no log is left as it is; a pipe or a device is written to and never
 * renamed.
 * @throws from the constructor: ConfigurationError `ERR_CONFIG` for such a file, and for a pipe that nobody reads;
 * ResourceError `ERR_OUTPUT_WRITE` where the file cannot be made
 */
export class RotatingFile {
  readonly #name: LogFileName;
  readonly #options: RotatingFileOptions;
  #fd: number | undefined;
  #path = "";
  /** Which file it is, whatever has its name. */
  #identity = "";
  #bytes = 0;
  /** Of the day that the file is of, local time. */
  #dayStartsMs = 0;
  #dayEndsMs = 0;
  /** What the last file was called; a name is not given again, though its file may be deleted by now. */
  #lastClaim = { stamp: "", number: -1 };
  #lost = 0;
  #hasWarned = false;
  #isTorn = false;
  /** Not a pipe, and not a device such as /dev/null. */
  #isFile = true;

  constructor(name: LogFileName, options: RotatingFileOptions) {
    this.#name = name;
    this.#options = options;
    try {
      makeFoldersNow(name.folder);
      if (!name.isDated) assertLog(join(name.folder, `${name.stem}${name.extension}`));
      this.#open();
    } catch (cause) {
      if (cause instanceof ConfigurationError) throw cause;
      throw new ResourceError(
        "ERR_OUTPUT_WRITE",
        `the log file ${join(name.folder, `${name.stem}${name.extension}`)} cannot be opened (${messageOf(cause)})`,
        { cause, remedy: "name another folder or leave it out" },
      );
    }
    this.#prune();
  }

  /** The current file. */
  get path(): string {
    return this.#path;
  }

  /**
   * Writes a line, which ends with a line feed. Never throws: where the disk refuses, lines are counted, a warning of
   * the process says so once, and the count is written once the disk takes some again.
   */
  write(line: string): void {
    if (this.#fd === undefined) return;
    this.#renewIfDue(line.length);
    try {
      if (this.#lost > 0) {
        this.#put(
          `${JSON.stringify({ level: "WARNING", time: new Date().toISOString(), pid: process.pid, host: hostname(), component: "logging", lost: this.#lost, msg: "log lines could not be written" })}\n`,
        );
        this.#lost = 0;
      }
      this.#put(line);
    } catch (error) {
      this.#lost++;
      if (this.#hasWarned) return;
      this.#hasWarned = true;
      process.emitWarning(`log lines cannot be written to ${this.#path}: ${messageOf(error)}`, "LogWarning");
    }
  }

  /** Makes what is written outlast the machine too. */
  sync(): void {
    try {
      if (this.#fd !== undefined) fdatasyncSync(this.#fd);
    } catch {
      // pipes and some file systems cannot
    }
  }

  /** Never throws. */
  close(): void {
    const fd = this.#fd;
    this.#fd = undefined;
    if (fd !== undefined) closeQuietly(fd);
  }

  #put(line: string): void {
    const bytes = Buffer.from(this.#isTorn ? `\n${line}` : line);
    // Of a pipe: how long it is waited for its reader. One that did not come is not waited for again.
    let patienceMs = this.#lost > 0 ? 0 : PATIENCE_MS;
    for (let at = 0; at < bytes.length;) {
      let written: number;
      try {
        written = writeSync(this.#fd!, bytes, at);
      } catch (error) {
        if (systemCode(error) !== "EAGAIN" || (patienceMs -= PAUSE_MS) < 0) throw error;
        Atomics.wait(PAUSE, 0, 0, PAUSE_MS);
        continue;
      }
      this.#isTorn = at + written < bytes.length;
      this.#bytes += written;
      at += written;
    }
  }

  /** Opens the next file, then closes the one before. If it throws, all is as it was. */
  #open(): void {
    const { folder, stem, extension, isDated } = this.#name;
    const fixed = join(folder, `${stem}${extension}`);
    const [path, fd] = isDated ? this.#claim((free) => openSync(free, "ax")) : ([fixed, openToAppend(fixed)] as const);
    if (this.#fd !== undefined) closeQuietly(this.#fd);
    [this.#path, this.#fd] = [path, fd];
    const info = fstatSync(fd);
    const { size, mtimeMs } = info;
    this.#identity = identityOf(info);
    this.#bytes = size;
    this.#isFile = info.isFile();
    this.#isTorn = this.#isFile && endsWithinLine(path, size);
    const writtenMs = size > 0 ? mtimeMs : Date.now();
    this.#dayStartsMs = new Date(writtenMs).setHours(0, 0, 0, 0);
    this.#dayEndsMs = new Date(writtenMs).setHours(24, 0, 0, 0);
  }

  /** Also false for a file of a later day: the machine's clock was set back. */
  #isOfToday(): boolean {
    const now = Date.now();
    return now >= this.#dayStartsMs && now < this.#dayEndsMs;
  }

  /**
   * Begins a new file where the present one is full, of another day, or has lost its name: to another program that
   * rotates logs, or with its folder. Where that cannot be, lines go on into the file that there is.
   */
  #renewIfDue(bytes: number): void {
    try {
      if (!this.#hasItsName()) {
        makeFoldersNow(this.#name.folder);
        if (!this.#name.isDated) assertLog(this.#path);
        this.#open();
      } else if (this.#isFile && (this.#isFull(bytes) || !this.#isOfToday())) this.#rotate();
    } catch {
      // the next line tries again
    }
  }

  #isFull(bytes: number): boolean {
    return this.#bytes > 0 && this.#bytes + bytes > this.#options.maxBytes;
  }

  #hasItsName(): boolean {
    const info = statSync(this.#path, { throwIfNoEntry: false });
    return info !== undefined && identityOf(info) === this.#identity;
  }

  #rotate(): void {
    // Linked to its new name before the old one goes: two processes cannot overwrite each other's file.
    if (!this.#name.isDated) {
      const [dated] = this.#claim((path) => linkSync(this.#path, path));
      try {
        unlinkSync(this.#path);
      } catch (error) {
        unlinkSync(dated);
        throw error;
      }
    }
    this.#open();
    this.#prune();
  }

  /** Does something with the first dated path that is free. */
  #claim<T>(take: (path: string) => T): [path: string, taken: T] {
    for (;;) {
      const now = stamp(new Date());
      const number = now === this.#lastClaim.stamp ? this.#lastClaim.number + 1 : 0;
      this.#lastClaim = { stamp: now, number };
      const path = join(
        this.#name.folder,
        `${this.#name.stem}_${now}${number === 0 ? "" : `_${number}`}${this.#name.extension}`,
      );
      try {
        return [path, take(path)];
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      }
    }
  }

  #prune(): void {
    const { folder, stem, extension, isDated } = this.#name;
    const kept = this.#options.maxFiles - (isDated ? 0 : 1);
    const age = (name: string): string =>
      name
        .slice(stem.length, name.length - extension.length)
        .replace(
          /^(_\d{8}_\d{6})(?:_(\d+))?$/u,
          (_all, date: string, number = "0") => date + String(number).padStart(6, "0"),
        );
    try {
      const full = readdirSync(folder).filter(
        (name) =>
          name.startsWith(`${stem}_`) &&
          name.endsWith(extension) &&
          /^_\d{8}_\d{6}(?:_\d+)?$/u.test(name.slice(stem.length, name.length - extension.length)) &&
          isSurelyLog(join(folder, name)),
      );
      // Names from the future are of a time when the machine's clock was wrong: they go first.
      const now = `_${stamp(new Date())}`;
      const isFuture = (name: string): boolean => age(name).slice(0, now.length) > now;
      const oldestFirst = full.sort((a, b) => Number(isFuture(b)) - Number(isFuture(a)) || (age(a) < age(b) ? -1 : 1));
      for (const name of oldestFirst.slice(0, Math.max(0, full.length - kept))) {
        const path = join(folder, name);
        if (path !== this.#path && !(isDated && mayBeInUse(path))) unlinkSync(path);
      }
    } catch {
      // another process was quicker, or the folder is gone: the next rotation tries again
    }
  }
}

function identityOf({ dev, ino }: Stats): string {
  return `${dev}:${ino}`;
}

/** A disk that reports late what it could not write is no reason to end the work. */
function closeQuietly(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // it is closed all the same
  }
}

/** Local time as YYYYMMDD_HHMMSS. */
function stamp(time: Date): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${time.getFullYear()}${two(time.getMonth() + 1)}${two(time.getDate())}_${two(time.getHours())}${two(time.getMinutes())}${two(time.getSeconds())}`;
}
