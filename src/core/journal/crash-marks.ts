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
export function markText(page: Page, stage: FailureStage, key = shortKey(page)): string {
  return `${stage} ${key} ${page.page}`;
}

/** The stage that a mark gives for a page; undefined if it is about another page. */
export function stageInMark(text: string, page: Page): FailureStage | undefined {
  const [stage, key] = text.split(" ", 2);
  return key === shortKey(page) ? (stage as FailureStage) : undefined;
}

function fullKey({ page, fingerprint }: Page): string {
  return `${fingerprint} ${page}`;
}

function shortKey(page: Page): string {
  return createHash("sha256").update(fullKey(page)).digest("hex").slice(0, 16);
}

export class CrashMarks {
  readonly #pad: CrashNotePad | undefined;
  /** By page. Keys are hashed once, as a page has many stages. */
  readonly #slots = new Map<string, { readonly slot: number; readonly key: string }>();

  constructor(pad: CrashNotePad | undefined) {
    this.#pad = pad;
  }

  /** A page is in progress and goes into a stage. */
  enter(page: Page, stage: FailureStage): void {
    const name = fullKey(page);
    let place = this.#slots.get(name);
    if (place === undefined) {
      const taken = new Set([...this.#slots.values()].map((one) => one.slot));
      let slot = 0;
      while (taken.has(slot)) slot++;
      this.#slots.set(name, (place = { slot, key: shortKey(page) }));
    }
    this.#pad?.mark(place.slot, markText(page, stage, place.key));
  }

  /** A page is no longer in progress. */
  leave(page: Page): void {
    const name = fullKey(page);
    const place = this.#slots.get(name);
    if (place === undefined) return;
    this.#slots.delete(name);
    this.#pad?.mark(place.slot, undefined);
  }

  close(): void {
    this.#slots.clear();
    this.#pad?.close();
  }
}
