/**
 * Crash notes: what a process writes when a signal ends it (an access outside memory, `abort()`, a failed check in
 * V8). A later process reads them to tell which pages were in progress. A process ended by SIGKILL, or killed by the
 * system for lack of memory, leaves none.
 */
import { readFile } from "node:fs/promises";
import { guarded } from "./faults.js";
import { loadAddon } from "./load.js";

/** What was in progress when the process died. */
interface CrashMark {
  readonly slot: number;
  readonly text: string;
}

/** One crash. */
interface CrashNote {
  /** SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP or SIGSYS. */
  readonly signal: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly pid: number;
  /** The thread that died, as the system numbers and names it. */
  readonly tid: number;
  readonly thread: string;
  /** The process that sent the signal, if it was another one: then nothing here was at fault. */
  readonly sender?: number;
  /** V8's heap, or the address space that the process may have (`ulimit -v`), was used up. */
  readonly memory?: boolean;
  /** Of all threads, in no particular order. */
  readonly marks: readonly CrashMark[];
}

/** The notes of this process while they are open. */
interface CrashNotes extends Disposable {
  /**
   * Says what is in progress. Costs no system call. At most 64 slots in the process hold a text at a time; more are not
   * noted.
   * @param slot a whole number of the caller's own, such as a page's place among those in flight
   * @param text at most about 1,000 bytes of it are kept; undefined when nothing is in progress any more
   */
  mark(slot: number, text: string | undefined): void;
  /**
   * Forgets the marks. After the last `close` of the process its signal handlers are as before, and an empty file is
   * removed. Idempotent.
   */
  close(): void;
}

/**
 * From now on a crash of this process, in whichever thread, is appended to the file. Handlers that were installed
 * before run afterwards, and the default action with its core dump.
 *
 * The process has one file: worker threads and other callers open the same one and share it.
 * @throws BatchProcessingError `ERR_OUTPUT_WRITE` if the file cannot be opened or another one is in use;
 * ResourceError `ERR_ADDON_LOAD`
 */
export function openCrashNotes(path: string): CrashNotes {
  const { CrashNotes: Native } = loadAddon().addon;
  const native = guarded(() => new Native(path));
  const close = (): void => {
    native.close();
  };
  return {
    mark(slot, text) {
      native.mark(slot, text);
    },
    close,
    [Symbol.dispose]: close,
  };
}

function isNote(value: unknown): value is CrashNote {
  const note = value as Partial<CrashNote> | null;
  return (
    typeof note === "object" &&
    typeof note?.signal === "string" &&
    typeof note.time === "number" &&
    typeof note.pid === "number" &&
    Array.isArray(note.marks)
  );
}

/** The crashes noted in a file, oldest first; none if there is no file. Incomplete lines are left out. */
export async function readCrashNotes(path: string): Promise<CrashNote[]> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  return text.split("\n").flatMap((line) => {
    try {
      const note: unknown = JSON.parse(line);
      return isNote(note) ? [note] : [];
    } catch {
      return [];
    }
  });
}
