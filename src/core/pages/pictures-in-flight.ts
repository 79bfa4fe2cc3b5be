/**
 * The pictures of a batch that are in memory at once, from before a page is decoded until its result is encoded: as
 * many as memory allows.
 */
import { pictureSize } from "../../io/image/image-codec.js";
import type { MemoryManager } from "../../memory/memory-manager.js";
import type { PageSlot } from "../../memory/page-gate.js";
import type { PageJob } from "./page-work.js";

/**
 * Bytes a pixel at the worst moment: the decoder's copy beside the page's own (or page and result), and colour, ink and
 * page where layers are asked for.
 */
const BYTES_PER_PIXEL = 6;
const LAYERS_BYTES_PER_PIXEL = 15;

/**
 * A page's turn to take memory: in the pages' order, or one that is needed last could keep out the one that all wait
 * for.
 */
export interface Turn {
  readonly before: Promise<void>;
  /** Lets the next page take its turn; idempotent. */
  readonly end: () => void;
}

export class PicturesInFlight {
  readonly #slots = new Map<PageJob, PageSlot>();
  #lastTurn: Promise<void> = Promise.resolve();

  constructor(
    readonly memory: MemoryManager,
    readonly layers: boolean,
  ) {}

  /** To be called in the pages' order, and ended however the page goes on. */
  turn(): Turn {
    const before = this.#lastTurn;
    let end!: () => void;
    this.#lastTurn = new Promise((resolve) => (end = resolve));
    return { before, end };
  }

  /** Waits until the page's picture may be decoded, and ends its turn. Rejects with the signal's reason. */
  async hold(job: PageJob, turn: Turn, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    const [width, height] = await pictureSize(bytes);
    await turn.before;
    const slot = await this.memory.holdPicture(
      job.entry.name,
      width * height * (this.layers ? LAYERS_BYTES_PER_PIXEL : BYTES_PER_PIXEL),
      signal,
    );
    turn.end();
    this.release(job);
    this.#slots.set(job, slot);
  }

  /** The page's picture is gone. May be called for any page and again. */
  release(job: PageJob): void {
    this.#slots.get(job)?.release();
    this.#slots.delete(job);
  }

  releaseAll(): void {
    for (const job of this.#slots.keys()) this.release(job);
  }
}
