/**
 * Finds out why the last process that held an output ended: a crash note that it wrote, or out-of-memory kills that
 * the system has counted since its last heartbeat.
 */
import { z } from "zod";
import { readOomKills, type OomKills } from "../../platform/oom-kills.js";
import { thisProcess } from "../../platform/process-identity.js";
import type { ExitCause } from "./crash-evidence.js";
import { oomKillsOf, type LeaseRecord } from "./lease-record.js";

/** A crash, as the addon notes it; one line of NDJSON each. */
export interface CrashNote {
  /** Such as SIGSEGV. */
  readonly signal: string;
  /** The process that sent the signal, if it was another one: then nothing here was at fault. */
  readonly sender?: number;
  /** The pages in progress; the text as `markText` gives it. */
  readonly marks: readonly { readonly text: string }[];
}

const noteSchema = z.object({
  signal: z.string(),
  sender: z.int().exactOptional(),
  marks: z.array(z.object({ text: z.string() })),
});

/** The notes in the text of a file, oldest first. Lines that are cut off or invalid are left out. */
export function parseCrashNotes(text: string): CrashNote[] {
  return text.split("\n").flatMap((line) => {
    try {
      return [noteSchema.parse(JSON.parse(line))];
    } catch {
      return [];
    }
  });
}

/** How a process has ended. */
export interface ProcessExit {
  readonly cause: ExitCause;
  /** The signal of the crash note. */
  readonly signal?: string;
  /** The marks of the crash note. */
  readonly marks: readonly string[];
}

/**
 * @param holder the lease of the process; undefined if it was torn
 * @param notes the crash notes of that process
 * @param now the system's counts now; default: as it tells them
 */
export function exitCauseOf(
  holder: LeaseRecord | undefined,
  notes: readonly CrashNote[],
  now: OomKills = readOomKills(),
): ProcessExit {
  const note = notes.findLast(({ sender }) => sender === undefined);
  if (note !== undefined) return { cause: "crash", signal: note.signal, marks: note.marks.map(({ text }) => text) };
  const killed = holder !== undefined && outOfMemoryKills(holder, now) > 0;
  return { cause: killed ? "out-of-memory" : "unknown", marks: [] };
}

/** Kills since the last heartbeat, of the same control group, or else on the same machine. */
function outOfMemoryKills(holder: LeaseRecord, now: OomKills): number {
  const here = thisProcess();
  if (holder.boot === "" || holder.boot !== here.boot) return 0;
  const before = oomKillsOf(holder);
  const sameGroup = holder.namespace === here.namespace && before.group !== undefined && now.group !== undefined;
  return sameGroup ? now.group! - before.group! : (now.machine ?? 0) - (before.machine ?? now.machine ?? 0);
}
