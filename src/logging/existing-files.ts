/** Tells what lies at the path of a log file: a log of this program, another file, or a pipe or device. */
import { closeSync, constants, fstatSync, openSync, readSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { ConfigurationError, systemCode } from "../errors.js";
import { processExists } from "../platform/processes.js";

/** False also for what cannot be looked at. */
export function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Enough of a file to see what it is, and to find its writer in the first line. */
const HEAD_BYTES = 512;
/** How lines of this program begin: in a file, and on a terminal whose lines somebody has put into one. */
const LINE = /^(?:\{"level":"[A-Z]+"|\d\d:\d\d:\d\d\.\d{3} (?:DEBUG|INFO|WARNING|ERROR|CRITICAL) )/u;
/** What a disk that was full may have left of a first line; a brace alone begins other files. */
const TORN = '{"level":"';

/** Whether a file begins as a log of this program does; an empty one is one too. */
function isLog(path: string): boolean {
  const fd = openSync(path, "r");
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    const text = head.toString("utf8", 0, readSync(fd, head, 0, HEAD_BYTES, 0)).trimStart();
    const [line] = text.split("\n", 1) as [string];
    if (text === "") return fstatSync(fd).size < HEAD_BYTES;
    return LINE.test(line) || (line.length > 1 && TORN.startsWith(line));
  } finally {
    closeSync(fd);
  }
}

/** False also for what cannot be read. */
export function isSurelyLog(path: string): boolean {
  try {
    return isLog(path);
  } catch {
    return false;
  }
}

/**
 * Pipes and devices are not looked at.
 * @throws ConfigurationError `ERR_CONFIG` for a file that is there and is no log
 */
export function assertLog(path: string): void {
  const info = statSync(path, { throwIfNoEntry: false });
  if (info?.isFile() !== true || isLog(path)) return;
  throw new ConfigurationError("ERR_CONFIG", `the log file ${path} is there and is no log of cobra-batch`, {
    remedy: "name a new file or an earlier log; the file is left as it is",
  });
}

/**
 * Opens a pipe or a file to append to. A pipe is opened once, since its reader ends with its last writer, and without
 * waiting: nothing is to hang for want of a reader, deaf to signals.
 * @throws ConfigurationError `ERR_CONFIG` for a named pipe that nobody reads
 */
export function openToAppend(path: string): number {
  if (statSync(path, { throwIfNoEntry: false })?.isFIFO() !== true) return openSync(path, "a");
  try {
    return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (cause) {
    if (systemCode(cause) !== "ENXIO") throw cause;
    throw new ConfigurationError("ERR_CONFIG", `the log file ${path} is a named pipe that nobody reads`, {
      cause,
      remedy: "start its reader first, or name a file",
    });
  }
}

/** Whether a kill or a full disk has left a last line without its end. */
export function endsWithinLine(path: string, size: number): boolean {
  if (size === 0) return false;
  try {
    const fd = openSync(path, "r");
    try {
      const last = Buffer.alloc(1);
      return readSync(fd, last, 0, 1, size - 1) === 1 && last.toString("latin1") !== "\n";
    } finally {
      closeSync(fd);
    }
  } catch {
    return false; // it may be written and not read
  }
}

/** So long after its last line, the file of a process that is not seen here is nobody's. */
const SILENT_MS = 3_600_000;
/** The same for one of another host. */
const SILENT_ELSEWHERE_MS = 24 * SILENT_MS;
/**
 * Whether another process may still write to a file: several may log to one folder. Containers of one host do not see
 * each other's processes, so one that is not seen counts only when it was silent for a while.
 */
export function mayBeInUse(path: string): boolean {
  const fd = openSync(path, "r");
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    const text = head.toString("utf8", 0, readSync(fd, head, 0, HEAD_BYTES, 0));
    const [, pid, host] = /"pid":(\d+),"host":"([^"]*)"/u.exec(text) ?? [];
    const silentMs = Math.abs(Date.now() - fstatSync(fd).mtimeMs);
    if (host !== hostname()) return silentMs < SILENT_ELSEWHERE_MS;
    if (Number(pid) === process.pid) return false;
    return processExists(Number(pid)) || silentMs < SILENT_MS;
  } finally {
    closeSync(fd);
  }
}
