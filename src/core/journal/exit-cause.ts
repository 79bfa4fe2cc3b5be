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
  /** V8's heap, or the address space that the process may have, was used up. */
  readonly memory?: boolean;
  /** The pages in progress; the text as `markText` gives it. */
  readonly marks: readonly { readonly text: string }[];
}

const noteSchema = z.object({
  signal: z.string(),
  sender: z.int().exactOptional(),
  memory: z.boolean().exactOptional(),
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
  if (note !== undefined)
    return {
      cause: note.memory === true ? "out-of-memory" : "crash",
      signal: note.signal,
      marks: note.marks.map(({ text }) => text),
    };
  return { cause: holder === undefined ? "unknown" : causeOfKill(holder, now), marks: [] };
}

/**
 * By kills since the last heartbeat. Those in the process's own control group are good evidence. Those on its machine
 * say little, but all there is where the group is gone, as that of a container that was replaced.
 */
function causeOfKill(holder: LeaseRecord, now: OomKills): ExitCause {
  const { boot } = thisProcess();
  if (holder.boot === "" || holder.boot !== boot) return "unknown";
  const before = oomKillsOf(holder);
  const rose = (from: number | undefined, to: number | undefined): boolean => (to ?? 0) > (from ?? to ?? 0);
  if (before.groupId !== undefined && before.groupId === now.groupId)
    return rose(before.group, now.group) ? "out-of-memory" : "unknown";
  return rose(before.machine, now.machine) ? "perhaps-out-of-memory" : "unknown";
}
