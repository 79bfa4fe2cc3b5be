/**
 * Records the pages that have crashed workers. A worker's crash handler writes to a file of its own in the store, so
 * that every machine knows what happened on any other. A worker that was killed leaves nothing: that is no page's
 * fault.
 */
import { CrashMarks, stageInMark, type CrashNotePad } from "../../core/journal/crash-marks.js";
import { parseCrashNotes } from "../../core/journal/exit-cause.js";
import type { FailureStage } from "../../core/events.js";
import type { FarmStore } from "../store/farm-store.js";

/** After this many crashes a page is quarantined. */
const CRASHES = 2;

/** How a page is done. */
export type CrashPolicy =
  | { readonly kind: "normal" | "alone" }
  | { readonly kind: "quarantined"; readonly stage: FailureStage };

/** A page by the key of its result, as crash notes name it. */
export interface MarkedPage {
  readonly name: string;
  readonly key: string;
}

/** Reads all crash notes. A page that a note names is done alone, one that two name not at all. */
export async function crashPolicyOf(store: FarmStore, { name, key }: MarkedPage): Promise<CrashPolicy> {
  const page = { page: name, fingerprint: key };
  const stages = (await store.crashNotes()).flatMap((text) =>
    parseCrashNotes(text).flatMap((note) => {
      if (note.sender !== undefined) return [];
      const stage = note.marks.map((mark) => stageInMark(mark.text, page)).find((found) => found !== undefined);
      return stage === undefined ? [] : [stage];
    }),
  );
  if (stages.length >= CRASHES) return { kind: "quarantined", stage: stages.at(-1)! };
  return { kind: stages.length > 0 ? "alone" : "normal" };
}

/** Marks the pages in progress, for the note that this worker may leave. */
export class WorkerMarks {
  readonly #marks: CrashMarks;

  constructor(pad: CrashNotePad | undefined) {
    this.#marks = new CrashMarks(pad);
  }

  enter({ name, key }: MarkedPage, stage: FailureStage): void {
    this.#marks.enter({ page: name, fingerprint: key }, stage);
  }

  leave({ name, key }: MarkedPage): void {
    this.#marks.leave({ page: name, fingerprint: key });
  }

  close(): void {
    this.#marks.close();
  }
}
