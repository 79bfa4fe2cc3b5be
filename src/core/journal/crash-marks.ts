/** Tracks the pages in progress and their stages, for the crash note that this process may leave behind. */
import { createHash } from "node:crypto";
import type { FailureStage } from "../events.js";
import type { PageKey } from "./entries.js";

/** The notes of this process; see `openCrashNotes`. */
export interface CrashNotePad {
  mark(slot: number, text: string | undefined): void;
  close(): void;
}

type Page = Pick<PageKey, "page" | "fingerprint">;

/** A page and its stage as they stand in a note: `denoise 0123456789abcdef 001.png`. Long names are cut off there. */
export function markText(page: Page, stage: FailureStage): string {
  return `${stage} ${shortKey(page)} ${page.page}`;
}

/** The stage that a mark gives for a page; undefined if it is about another page. */
export function stageInMark(text: string, page: Page): FailureStage | undefined {
  const [stage, key] = text.split(" ", 2);
  return key === shortKey(page) ? (stage as FailureStage) : undefined;
}

function shortKey({ page, fingerprint }: Page): string {
  return createHash("sha256").update(`${fingerprint} ${page}`).digest("hex").slice(0, 16);
}

export class CrashMarks {
  readonly #pad: CrashNotePad | undefined;
  readonly #slots = new Map<string, number>();

  constructor(pad: CrashNotePad | undefined) {
    this.#pad = pad;
  }

  /** A page is in progress and goes into a stage. */
  enter(page: Page, stage: FailureStage): void {
    const key = shortKey(page);
    let slot = this.#slots.get(key);
    if (slot === undefined) {
      const taken = new Set(this.#slots.values());
      slot = 0;
      while (taken.has(slot)) slot++;
      this.#slots.set(key, slot);
    }
    this.#pad?.mark(slot, markText(page, stage));
  }

  /** A page is no longer in progress. */
  leave(page: Page): void {
    const key = shortKey(page);
    const slot = this.#slots.get(key);
    if (slot === undefined) return;
    this.#slots.delete(key);
    this.#pad?.mark(slot, undefined);
  }

  close(): void {
    this.#slots.clear();
    this.#pad?.close();
  }
}
