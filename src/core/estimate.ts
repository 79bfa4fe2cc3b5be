/**
 * Estimates the time left of a batch and of the page in progress, from what has been done. Holds no clock: each event
 * comes with its time.
 */
import { PAGE_STAGES, type PageStage } from "../colorization/cobra/page-stages.js";
import type { BatchEventBody, BatchProgress } from "./events.js";

/** A page in progress. */
export interface PageInHand {
  readonly page: string;
  readonly stage: PageStage | "reading";
  /** Of denoising: the step that runs, from 1, and all of them. */
  readonly step?: number | undefined;
  readonly steps?: number | undefined;
  /** When it began this stage, and its present step. */
  readonly stageMs: number;
  readonly stepMs?: number | undefined;
}

/** How much was done by when: finished pages and parts of those in progress. */
interface Mark {
  readonly ms: number;
  readonly pages: number;
}

/** How many of the last pages an estimate is made from. */
const RECENT = 8;

export class Estimate {
  readonly #inHand = new Map<number, PageInHand>();
  /** At the start and at each page finished in this run; pages that an earlier run has done do not count. */
  #marks: Mark[] = [];
  #profiles: Readonly<Record<string, number>>[] = [];
  #total = 0;
  #finished = 0;
  #coloured = 0;
  #lastMs = 0;

  get total(): number {
    return this.#total;
  }

  get finished(): number {
    return this.#finished;
  }

  /** Of the pages in progress, the one with the latest event. */
  get page(): PageInHand | undefined {
    return [...this.#inHand.values()].at(-1);
  }

  onEvent(event: BatchEventBody, nowMs: number): void {
    this.#lastMs = nowMs;
    switch (event.type) {
      case "batch-started":
        this.#total = event.pages;
        break;
      case "page-started":
        this.#inHand.set(event.index, { page: event.page, stage: "reading", stageMs: nowMs });
        break;
      case "page-stage":
        this.#pageStage(event, nowMs);
        break;
      case "page-completed":
        this.#inHand.delete(event.index);
        this.#progress(event);
        if (event.kept === true) break;
        this.#coloured++;
        this.#profiles = [...this.#profiles.slice(1 - RECENT), event.stageMs];
        this.#marks = [...this.#marks.slice(-RECENT), { ms: nowMs, pages: this.#done(nowMs) }];
        break;
      case "page-failed":
        this.#inHand.delete(event.index);
        this.#progress(event);
        break;
      case "preview-rejected":
        this.#progress(event);
        break;
      default:
    }
  }

  #progress({ progress }: { readonly progress: BatchProgress }): void {
    this.#finished = progress.completed + progress.failed;
  }

  #pageStage(event: Extract<BatchEventBody, { type: "page-stage" }>, nowMs: number): void {
    const before = this.#inHand.get(event.index);
    if (this.#marks.length === 0) this.#marks = [{ ms: before?.stageMs ?? nowMs, pages: 0 }];
    this.#inHand.delete(event.index); // so that it comes last
    const same = before?.stage === event.stage;
    this.#inHand.set(event.index, {
      page: event.page,
      stage: event.stage,
      step: event.step,
      steps: event.steps,
      stageMs: same ? before.stageMs : nowMs,
      stepMs: event.step === undefined ? undefined : nowMs,
    });
  }

  /** Pages coloured in this run, with the parts of those in progress. */
  #done(nowMs: number): number {
    const wholeMs = PAGE_STAGES.reduce((sum, stage) => sum + this.#typicalMs(stage), 0);
    const parts = [...this.#inHand.values()].map(
      (page) => 1 - Math.min(1, (this.#leftMs(page, nowMs) ?? wholeMs) / wholeMs),
    );
    return this.#coloured + (wholeMs > 0 ? parts.reduce((sum, part) => sum + part, 0) : 0);
  }

  /** Estimated time until the last page is done; undefined before there is anything to estimate from. */
  batchLeftMs(nowMs: number): number | undefined {
    const first = this.#marks[0];
    if (first === undefined || this.#marks.length < 2 || this.#finished >= this.#total) return undefined;
    const done = this.#done(this.#lastMs);
    const paceMs = (this.#lastMs - first.ms) / Math.max(1e-3, done - first.pages);
    return Math.max(0, paceMs * (this.#total - this.#finished - (done - this.#coloured)) - (nowMs - this.#lastMs));
  }

  /**
   * Estimated time until the page in progress is done: from earlier pages' stages, for the first page from its
   * denoising steps alone.
   */
  pageLeftMs(nowMs: number): number | undefined {
    return this.page === undefined ? undefined : this.#leftMs(this.page, nowMs);
  }

  #leftMs(page: PageInHand, nowMs: number): number | undefined {
    if (page.stage === "reading") return undefined;
    const stepsLeftMs = denoisingLeftMs(page, nowMs);
    if (this.#profiles.length === 0) return stepsLeftMs;
    const later = PAGE_STAGES.slice(PAGE_STAGES.indexOf(page.stage) + 1).reduce(
      (sum, stage) => sum + this.#typicalMs(stage),
      0,
    );
    return later + (stepsLeftMs ?? Math.max(0, this.#typicalMs(page.stage) - (nowMs - page.stageMs)));
  }

  #typicalMs(stage: string): number {
    return this.#profiles.reduce((sum, profile) => sum + (profile[stage] ?? 0), 0) / Math.max(1, this.#profiles.length);
  }
}

/** From the time of the steps done so far. */
function denoisingLeftMs({ step = 1, steps = 1, stageMs, stepMs }: PageInHand, nowMs: number): number | undefined {
  if (stepMs === undefined || step < 2 || stepMs === stageMs) return undefined;
  const paceMs = (stepMs - stageMs) / (step - 1);
  return paceMs * (steps - step) + Math.max(0, paceMs - (nowMs - stepMs));
}
