/**
 * Records the pages that have crashed workers. A worker's crash handler writes to a file of its own in the store, so
 * that every machine knows what happened on any other. A worker that was killed leaves nothing: that is no page's
 * fault.
 */
import { CrashMarks, stageInMark, type CrashNotePad } from "../../core/journal/crash-marks.js";
import type { FailureStage } from "../../core/events.js";
import { parseJson } from "../../text/parse-json.js";
import type { FarmStore } from "../store/farm-store.js";

/** So many crashes set a page aside. */
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
    text.split("\n").flatMap((line) => {
      const note = noteOf(line);
      if (note === undefined || note.sender !== undefined) return [];
      const stage = note.marks.map((mark) => stageInMark(mark.text, page)).find((found) => found !== undefined);
      return stage === undefined ? [] : [stage];
    }),
  );
  if (stages.length >= CRASHES) return { kind: "quarantined", stage: stages.at(-1)! };
  return { kind: stages.length > 0 ? "alone" : "normal" };
}

interface Note {
  readonly sender?: number;
  readonly marks: readonly { readonly text: string }[];
}

function noteOf(line: string): Note | undefined {
  try {
    const note = parseJson(line) as Note;
    return Array.isArray(note.marks) ? note : undefined;
  } catch {
    return undefined; // cut off, or empty
  }
}

/** What this worker is working on, for the note that it may leave. */
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
