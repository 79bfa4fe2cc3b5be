/**
 * Batches pages that are denoised together: those of one group, step by step, each at a step of its own, so that a
 * page joins while others are under way. This file knows no network; what a step does is the runner's.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { onAbort } from "../../concurrency/on-abort.js";
import { isOutOfMemory, systemCode } from "../../errors.js";
import { logContext, withLogContext, type LogContext } from "../../logging.js";

/** A page that is to be denoised. */
export interface BatchedPage {
  /** Pages of one group may share a run: same page size, style and number of references. */
  readonly group: string;
  readonly steps: number;
  readonly signal?: AbortSignal | undefined;
  /** Told of each step, from 1, when it is the next. Not told again when the step has to be done again. */
  readonly onStep?: ((step: number) => void) | undefined;
}

/** Steps that some pages take together. */
export interface Segment {
  /** Steps at most: as many as the page takes that is done first. */
  readonly steps: number;
  /** Aborted when the segment is to end after the step in progress, because its pages change. */
  readonly changes: AbortSignal;
  /** Aborted when none of its pages is wanted any more. */
  readonly signal: AbortSignal;
  /** To be told after each step how many are done. What was told is not taken again. */
  readonly onStep: (done: number) => void;
}

/**
 * Takes pages some steps further, all as many. Where it rejects, the pages are as they were after the last step told.
 */
export type SegmentRunner<Page> = (pages: readonly Page[], segment: Segment) => Promise<void>;

/** How pages are put together. */
export interface BatcherOptions {
  /** Pages in one run at most; asked before each run. */
  readonly maxBatch: () => number;
  /** How long a page waits for company before its first step, where some is to be expected. */
  readonly companyMs: number;
  /** Whether more pages are on their way here. */
  readonly expectsCompany: () => boolean;
  /** Segments at once: with 2 the device finds the next one's step waiting when one's step ends. */
  readonly segments: number;
}

/** After this many runs without a shortage of memory, one more page may be in a run. */
const RUNS_BEFORE_GROWTH = 64;

/** A page that is here. */
interface Guest<Page> {
  readonly page: Page;
  /** Steps that are done. */
  step: number;
  /** The step that it was told last. */
  told: number;
  /** Does work in the asynchronous context of whoever asked for the page: log lines carry its ids. */
  readonly inContext: <T>(work: () => T) => T;
  readonly ids: LogContext;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/** A segment from its gathering to its end. */
interface Running<Page> {
  readonly guests: Guest<Page>[];
  readonly group: string;
  readonly change: AbortController;
  /** Ends its wait for company; absent once it runs. */
  gathered?: (() => void) | undefined;
}

/** Denoises pages of one device. Pages are served in the order in which they came. */
export class Batcher<Page extends BatchedPage> {
  readonly #run: SegmentRunner<Page>;
  readonly #options: BatcherOptions;
  readonly #guests: Guest<Page>[] = [];
  readonly #running = new Set<Running<Page>>();
  #limit = Infinity;
  #calmRuns = 0;

  constructor(run: SegmentRunner<Page>, options: BatcherOptions) {
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
      const guest: Guest<Page> = {
        page,
        step: 0,
        told: 0,
        inContext: AsyncLocalStorage.snapshot(),
        ids: logContext(),
        resolve: () => (forget(), resolve()),
        reject: (reason) => (forget(), reject(reason as Error)),
      };
      // The others of its run go on.
      const forget = onAbort(signal, () => this.#leave(guest, () => guest.reject(signal!.reason)));
      this.#guests.push(guest);
      queueMicrotask(() => this.#advance()); // so that pages that come together go together
    });
  }

  #leave(guest: Guest<Page>, settle: () => void): void {
    const index = this.#guests.indexOf(guest);
    if (index === -1) return;
    this.#guests.splice(index, 1);
    for (const { guests, change, gathered } of this.#running) {
      if (!guests.includes(guest)) continue;
      change.abort();
      gathered?.();
    }
    settle();
  }

  get #most(): number {
    return Math.max(1, Math.min(this.#options.maxBatch(), this.#limit));
  }

  /** Lets pages join the segment of their group where it has room; others begin one. */
  #advance(): void {
    const most = this.#most;
    const inside = new Set([...this.#running].flatMap(({ guests }) => guests));
    for (const guest of this.#guests) {
      if (inside.has(guest)) continue;
      const { group } = guest.page;
      const roomy = [...this.#running].find((one) => one.group === group && one.guests.length < most);
      if (roomy !== undefined) {
        if (roomy.gathered === undefined) roomy.change.abort();
        else {
          roomy.guests.push(guest);
          if (roomy.guests.length >= most) roomy.gathered();
        }
        continue;
      }
      if (this.#running.size >= this.#options.segments) continue;
      const free = this.#guests.filter((one) => !inside.has(one) && one.page.group === group).slice(0, most);
      for (const one of free) inside.add(one);
      void this.#segment({ guests: free, group, change: new AbortController() });
    }
  }

  async #segment(running: Running<Page>): Promise<void> {
    this.#running.add(running);
    try {
      if (running.guests.every(({ step }) => step === 0)) await this.#gather(running);
      await this.#steps(running.guests, running.change.signal);
    } finally {
      this.#running.delete(running);
      this.#advance();
    }
  }

  /** Waits for company where some is to be expected. */
  async #gather(running: Running<Page>): Promise<void> {
    const { companyMs, expectsCompany } = this.#options;
    if (companyMs <= 0 || running.guests.length >= this.#most || !expectsCompany()) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      running.gathered = resolve;
      timer = setTimeout(resolve, companyMs);
    });
    clearTimeout(timer);
    running.gathered = undefined;
  }

  #tell(guest: Guest<Page>): void {
    const next = guest.step + 1;
    if (guest.told >= next || next > guest.page.steps) return;
    guest.told = next;
    try {
      guest.inContext(() => guest.page.onStep?.(next));
    } catch (error) {
      this.#leave(guest, () => guest.reject(error));
    }
  }

  /** Steps of some pages. A page that fails alone fails; of several that fail together each is tried alone. */
  async #steps(guests: readonly Guest<Page>[], changes: AbortSignal, most = Infinity): Promise<void> {
    for (const guest of guests) this.#tell(guest);
    const here = guests.filter((guest) => this.#guests.includes(guest));
    if (here.length === 0) return;
    try {
      await this.#runOf(here, changes, most);
      if (this.#limit !== Infinity && ++this.#calmRuns >= RUNS_BEFORE_GROWTH) {
        this.#calmRuns = 0;
        this.#limit++;
      }
    } catch (error) {
      if (here.length > 1 && isOutOfMemory(error)) {
        this.#limit = here.length >> 1;
        this.#calmRuns = 0;
      } else if (here.length > 1 && systemCode(error) !== "ERR_DEVICE_LOST") {
        const alone = new AbortController().signal;
        for (const guest of here) if (this.#guests.includes(guest)) await this.#steps([guest], alone, 1);
      } else for (const guest of here) this.#leave(guest, () => guest.reject(error));
    }
    for (const guest of here) if (guest.step >= guest.page.steps) this.#leave(guest, guest.resolve);
  }

  /** The run is given up when all its pages are. */
  async #runOf(guests: readonly Guest<Page>[], changes: AbortSignal, most: number): Promise<void> {
    const given = new AbortController();
    const pages = guests.map(({ page }) => page);
    const begun = guests.map(({ step }) => step);
    const steps = Math.min(most, ...guests.map(({ page, step }) => page.steps - step));
    const giveUp = (): void => {
      if (pages.every(({ signal }) => signal?.aborted === true)) given.abort(pages[0]!.signal!.reason);
    };
    const forget = pages.map(({ signal }) => onAbort(signal, giveUp));
    const onStep = (done: number): void => {
      for (const [index, guest] of guests.entries()) {
        guest.step = begun[index]! + done;
        if (done < steps && this.#guests.includes(guest)) this.#tell(guest);
      }
    };
    try {
      const run = (): Promise<void> => this.#run(pages, { steps, changes, signal: given.signal, onStep });
      // A run of several pages has the context of its first, and names all of them.
      const names = guests.flatMap(({ ids }) => ids.page ?? []);
      await guests[0]!.inContext(() =>
        names.length < 2 ? run() : withLogContext({ page: undefined, pages: names }, run),
      );
    } catch (error) {
      if (!given.signal.aborted) throw error;
    } finally {
      for (const one of forget) one();
    }
  }
}
