/**
 * Decides which page is blamed for the end of a process: run normally, run alone, or quarantined. Pure rules over
 * counters:
 *
 * - A crash note names the pages that were in progress when a signal such as SIGSEGV ended the process. A page that a
 *   note names is done alone; if that crashes too, the page is quarantined.
 * - A page that was in progress when the system killed the process for lack of memory is done alone and with the least
 *   memory; if that ends the same way twice, the page fails as out of memory. Once could be a process beside it. Where
 *   only the machine's count rose, it takes five ends.
 * - An end without evidence is not blamed on a page: a user killed the process, or the power failed. Only a page that
 *   was in progress again and again is done alone, and quarantined after many ends in the very same stage.
 */
import type { FailureStage } from "../events.js";

/**
 * What is known of the end of a process. "perhaps-out-of-memory": some process of the machine was killed for lack of
 * memory, which may have been this one.
 */
export type ExitCause = "crash" | "out-of-memory" | "perhaps-out-of-memory" | "unknown";

/** The end of a process while a page was in progress. */
export interface ProcessExit {
  readonly cause: ExitCause;
  /** Where the page was. */
  readonly stage: FailureStage;
  /** No other page was in progress. */
  readonly alone: boolean;
}

/** Ends of processes since a page's last outcome. */
export interface ExitCounts {
  readonly crashes: number;
  /** The last crash was while no other page was in progress. */
  readonly crashedAlone: boolean;
  readonly memoryKills: number;
  /** Of these alone and with the least memory; and of those again the ones that are certain. */
  readonly killedAtLeast: number;
  readonly surelyKilledAtLeast: number;
  /** Without evidence. */
  readonly unexplained: number;
  /** Of these the last ones in a row, alone and in the same stage. */
  readonly unexplainedInStage: number;
  /** Where the page was the last time. */
  readonly stage: FailureStage;
}

/** How a page is done next. */
export type CrashPolicy =
  /** Beside others. */
  | { readonly kind: "normal" }
  /** With no other beside it, each of its stages noted; `leastMemory`: after everything was given back. */
  | { readonly kind: "alone"; readonly leastMemory: boolean }
  /** Not at all: it has ended the process too often. */
  | { readonly kind: "quarantined"; readonly cause: ExitCause; readonly exits: number; readonly stage: FailureStage };

/** A page is quarantined after this many crashes, the last one alone. */
const CRASHES = 2;
/** A page fails as out of memory after this many kills, alone and with the least memory, that are certain. */
const SURE_KILLS_AT_LEAST = 2;
/** The same, of kills that may have been for another reason. */
const KILLS_AT_LEAST = 5;
/** After this many ends without evidence a page is done alone, to learn more. */
const UNEXPLAINED_BEFORE_ALONE = 3;
/** A page is quarantined after this many ends without evidence, alone and in the same stage. */
const UNEXPLAINED_IN_STAGE = 5;

/** @param before undefined for a page that was never in progress at an end */
export function addExit(before: ExitCounts | undefined, { cause, stage, alone }: ProcessExit): ExitCounts {
  const counts = before ?? {
    crashes: 0,
    crashedAlone: false,
    memoryKills: 0,
    killedAtLeast: 0,
    surelyKilledAtLeast: 0,
    unexplained: 0,
    unexplainedInStage: 0,
    stage,
  };
  if (cause === "crash") return { ...counts, crashes: counts.crashes + 1, crashedAlone: alone, stage };
  if (cause !== "unknown") {
    const crashPolicy = crashPolicyOf(before);
    const atLeast = alone && crashPolicy.kind === "alone" && crashPolicy.leastMemory ? 1 : 0;
    return {
      ...counts,
      memoryKills: counts.memoryKills + 1,
      killedAtLeast: counts.killedAtLeast + atLeast,
      surelyKilledAtLeast: counts.surelyKilledAtLeast + (cause === "out-of-memory" ? atLeast : 0),
      stage,
    };
  }
  // Being alone by chance, as in a preview or a chapter of one page, counts as little as being beside others.
  const wasSuspect = counts.unexplained >= UNEXPLAINED_BEFORE_ALONE;
  const same = counts.unexplainedInStage > 0 && counts.stage === stage;
  return {
    ...counts,
    unexplained: counts.unexplained + 1,
    unexplainedInStage: alone && wasSuspect ? (same ? counts.unexplainedInStage : 0) + 1 : 0,
    stage,
  };
}

/** How a page is done next. */
export function crashPolicyOf(counts: ExitCounts | undefined): CrashPolicy {
  if (counts === undefined) return { kind: "normal" };
  const { crashes, crashedAlone, memoryKills, unexplained, unexplainedInStage, stage } = counts;
  if (crashes >= CRASHES && crashedAlone) return { kind: "quarantined", cause: "crash", exits: crashes, stage };
  if (counts.surelyKilledAtLeast >= SURE_KILLS_AT_LEAST || counts.killedAtLeast >= KILLS_AT_LEAST)
    return { kind: "quarantined", cause: "out-of-memory", exits: memoryKills, stage };
  if (unexplained >= UNEXPLAINED_BEFORE_ALONE && unexplainedInStage >= UNEXPLAINED_IN_STAGE)
    return { kind: "quarantined", cause: "unknown", exits: unexplained, stage };
  if (crashes + memoryKills > 0 || unexplained >= UNEXPLAINED_BEFORE_ALONE)
    return { kind: "alone", leastMemory: memoryKills > 0 };
  return { kind: "normal" };
}
