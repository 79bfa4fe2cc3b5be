/**
 * Which pages are denoised together: those of one group, step by step, each at a step of its own, so that a page joins
 * while others are under way. This file knows no network; what a step does is the runner's.
 */
import { isOutOfMemory, systemCode } from "../../errors.js";

/** A page that is to be denoised. */
export interface BatchedPage {
  /** Pages of one group may share a run: same page size, style and number of references. */
  readonly group: string;
  readonly steps: number;
  readonly signal?: AbortSignal | undefined;
  /** Told when a step begins, from 1. Not told again when the step has to be done again. */
  readonly onStep?: ((step: number) => void) | undefined;
}

/** Takes pages one step further: all of them, or, where it rejects, none. */
export type StepRunner<Page> = (pages: readonly Page[], signal: AbortSignal) => Promise<void>;

/** How pages are put together. */
export interface BatcherOptions {
  /** Pages in one run at most; asked before each run. */
  readonly maxBatch: () => number;
  /** How long a page waits for company before its first step, where some is to be expected. */
  readonly companyMs: number;
  /** Whether more pages are on their way here. */
  readonly expectsCompany: () => boolean;
}

/** After this many runs without a shortage of memory, one more page may be in a run. */
const RUNS_BEFORE_GROWTH = 64;

/** A page that is here. */
interface Guest<Page> {
  readonly page: Page;
  step: number;
  isTold: boolean;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/** Denoises pages of one device. Pages are served in the order in which they came. */
export class Batcher<Page extends BatchedPage> {
  readonly #run: StepRunner<Page>;
  readonly #options: BatcherOptions;
  readonly #guests: Guest<Page>[] = [];
  #limit = Infinity;
  #calmRuns = 0;
  #isRunning = false;
  #wake: (() => void) | undefined;

  constructor(run: StepRunner<Page>, options: BatcherOptions) {
    this.#run = run;
    this.#options = options;
  }

  /** Pages that are here. */
  get size(): number {
    return this.#guests.length;
  }

  /** Takes a page through all its steps. Rejects with the signal's reason, and with what its steps reject with. */
  denoise(page: Page): Promise<void> {
    const { signal } = page;
    return new Promise<void>((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason as Error);
        return;
      }
      const settled = (): void => signal?.removeEventListener("abort", onAbort);
      const guest: Guest<Page> = {
        page,
        step: 0,
        isTold: false,
        resolve: () => (settled(), resolve()),
        reject: (reason) => (settled(), reject(reason as Error)),
      };
      // The others of its run go on.
      const onAbort = (): void => this.#leave(guest, () => guest.reject(signal!.reason));
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#guests.push(guest);
      this.#wake?.();
      if (!this.#isRunning) void this.#loop();
    });
  }

  #leave(guest: Guest<Page>, settle: () => void): void {
    const index = this.#guests.indexOf(guest);
    if (index === -1) return;
    this.#guests.splice(index, 1);
    settle();
  }

  async #loop(): Promise<void> {
    this.#isRunning = true;
    try {
      while (this.#guests.length > 0) {
        if (this.#guests[0]!.step === 0) await this.#waitForCompany();
        await this.#step(this.#together());
      }
    } finally {
      this.#isRunning = false;
    }
  }

  /** The oldest page, and those of its group that there is room for. */
  #together(): Guest<Page>[] {
    const first = this.#guests[0];
    if (first === undefined) return [];
    const most = Math.max(1, Math.min(this.#options.maxBatch(), this.#limit));
    return this.#guests.filter(({ page }) => page.group === first.page.group).slice(0, most);
  }

  async #waitForCompany(): Promise<void> {
    const { companyMs, expectsCompany, maxBatch } = this.#options;
    const untilMs = performance.now() + companyMs;
    for (;;) {
      const leftMs = untilMs - performance.now();
      const most = Math.min(maxBatch(), this.#limit);
      if (leftMs <= 0 || this.#guests.length === 0 || this.#together().length >= most || !expectsCompany()) return;
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        timer = setTimeout(resolve, leftMs);
      });
      clearTimeout(timer);
      this.#wake = undefined;
    }
  }

  /** One step of some pages. A page that fails alone fails; of several that fail together each is tried alone. */
  async #step(guests: readonly Guest<Page>[]): Promise<void> {
    if (guests.length === 0) return;
    for (const guest of guests) {
      if (guest.isTold) continue;
      guest.isTold = true;
      try {
        guest.page.onStep?.(guest.step + 1);
      } catch (error) {
        this.#leave(guest, () => guest.reject(error));
      }
    }
    const here = guests.filter((guest) => this.#guests.includes(guest));
    if (here.length === 0) return;
    try {
      await this.#runOf(here);
    } catch (error) {
      if (here.length > 1 && isOutOfMemory(error)) {
        this.#limit = here.length >> 1;
        this.#calmRuns = 0;
      } else if (here.length > 1 && systemCode(error) !== "ERR_DEVICE_LOST") {
        for (const guest of here) if (this.#guests.includes(guest)) await this.#step([guest]);
      } else for (const guest of here) this.#leave(guest, () => guest.reject(error));
      return;
    }
    if (this.#limit !== Infinity && ++this.#calmRuns >= RUNS_BEFORE_GROWTH) {
      this.#calmRuns = 0;
      this.#limit++;
    }
    for (const guest of here) {
      guest.step++;
      guest.isTold = false;
      if (guest.step >= guest.page.steps) this.#leave(guest, guest.resolve);
    }
  }

  /** The run is given up when all its pages are. */
  async #runOf(guests: readonly Guest<Page>[]): Promise<void> {
    const given = new AbortController();
    const pages = guests.map(({ page }) => page);
    const onAbort = (): void => {
      if (pages.every(({ signal }) => signal?.aborted === true)) given.abort(pages[0]!.signal!.reason);
    };
    for (const { signal } of pages) signal?.addEventListener("abort", onAbort);
    try {
      await this.#run(pages, given.signal);
    } catch (error) {
      if (!given.signal.aborted) throw error;
    } finally {
      for (const { signal } of pages) signal?.removeEventListener("abort", onAbort);
    }
  }
}
