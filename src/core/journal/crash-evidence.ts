/**
 * Which page is held responsible for the end of a process. Pure rules over counters:
 *
 * - A crash note names the pages that were in progress when a signal such as SIGSEGV ended the process. A page that a
 *   note names is done alone; if that crashes too, the page is set aside.
 * - A page that was in progress when the system killed the process for lack of memory is done alone and with the least
 *   memory; if that ends the same way, the page fails as out of memory.
 * - An end without evidence is no page's fault: somebody killed the process, or the power failed. Only a page that was
 *   in progress again and again is done alone, and set aside after many ends in the very same stage.
 */
import type { FailureStage } from "../events.js";

/** What is known of the end of a process. */
export type DeathCause = "crash" | "out-of-memory" | "unknown";

/** The end of a process while a page was in hand. */
export interface Death {
  readonly cause: DeathCause;
  /** Where the page was. */
  readonly stage: FailureStage;
  /** No other page was in hand. */
  readonly alone: boolean;
}

/** Ends of processes since a page's last outcome. */
export interface DeathCounts {
  readonly crashes: number;
  /** The last crash was while no other page was in hand. */
  readonly crashedAlone: boolean;
  readonly memoryKills: number;
  /** It was ended for lack of memory even alone and with the least. */
  readonly memoryKilledAtLeast: boolean;
  /** Without evidence. */
  readonly unexplained: number;
  /** Of these the last ones in a row, alone and in the same stage. */
  readonly unexplainedInStage: number;
  /** Where the page was the last time. */
  readonly stage: FailureStage;
}

/** How a page is done next. */
export type Treatment =
  /** Beside others. */
  | { readonly kind: "usual" }
  /** With no other beside it, each of its stages noted; `leastMemory`: after everything was given back. */
  | { readonly kind: "alone"; readonly leastMemory: boolean }
  /** Not at all: it has ended the process too often. */
  | { readonly kind: "set-aside"; readonly cause: DeathCause; readonly deaths: number; readonly stage: FailureStage };

/** So many crashes set a page aside, the last one alone. */
const CRASHES = 2;
/** After so many ends without evidence a page is done alone, to learn more. */
const UNEXPLAINED_BEFORE_ALONE = 3;
/** So many ends without evidence, alone and in the same stage, set a page aside. */
const UNEXPLAINED_IN_STAGE = 5;

/** @param before undefined for a page that was never in hand at an end */
export function addDeath(before: DeathCounts | undefined, { cause, stage, alone }: Death): DeathCounts {
  const counts = before ?? {
    crashes: 0,
    crashedAlone: false,
    memoryKills: 0,
    memoryKilledAtLeast: false,
    unexplained: 0,
    unexplainedInStage: 0,
    stage,
  };
  if (cause === "crash") return { ...counts, crashes: counts.crashes + 1, crashedAlone: alone, stage };
  if (cause === "out-of-memory") {
    const treatment = treatmentOf(before);
    const atLeast = alone && treatment.kind === "alone" && treatment.leastMemory;
    return { ...counts, memoryKills: counts.memoryKills + 1, memoryKilledAtLeast: atLeast, stage };
  }
  const same = counts.unexplainedInStage > 0 && counts.stage === stage;
  return {
    ...counts,
    unexplained: counts.unexplained + 1,
    unexplainedInStage: alone ? (same ? counts.unexplainedInStage : 0) + 1 : 0,
    stage,
  };
}

/** How a page is done next. */
export function treatmentOf(counts: DeathCounts | undefined): Treatment {
  if (counts === undefined) return { kind: "usual" };
  const { crashes, crashedAlone, memoryKills, memoryKilledAtLeast, unexplained, unexplainedInStage, stage } = counts;
  if (crashes >= CRASHES && crashedAlone) return { kind: "set-aside", cause: "crash", deaths: crashes, stage };
  if (memoryKilledAtLeast) return { kind: "set-aside", cause: "out-of-memory", deaths: memoryKills, stage };
  if (unexplained >= UNEXPLAINED_BEFORE_ALONE && unexplainedInStage >= UNEXPLAINED_IN_STAGE)
    return { kind: "set-aside", cause: "unknown", deaths: unexplained, stage };
  if (crashes + memoryKills > 0 || unexplained >= UNEXPLAINED_BEFORE_ALONE)
    return { kind: "alone", leastMemory: memoryKills > 0 };
  return { kind: "usual" };
}
