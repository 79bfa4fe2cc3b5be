/** Noise of seeds that pages share: most pages of a chapter have the same seed and size, and so the same noise. */
import type { RunTask } from "../tasks/table.js";
import { abortable } from "../../concurrency/abortable.js";
import type { NoiseCounts, PageNoise } from "./page-noise.js";

/** Seeds and sizes that are kept, the most recently used ones: about a megabyte each at Cobra's size. */
const KEPT = 4;

/** Draws noise once for all pages that have it in common. Nobody writes to it. */
export class SharedNoise {
  readonly #drawn = new Map<string, Promise<PageNoise>>();

  /** What pages share is never cancelled by one of them; only its waiting is. */
  of(runTask: RunTask, seed: number, counts: NoiseCounts, signal?: AbortSignal): Promise<PageNoise> {
    const key = [seed, counts.latent, counts.references, counts.upsampler].join(" ");
    const drawing = this.#drawn.get(key) ?? runTask("seededNoise", { seed, counts });
    this.#drawn.delete(key);
    this.#drawn.set(key, drawing);
    drawing.catch(() => this.#drawn.delete(key)); // the next page may try again
    for (const oldest of this.#drawn.keys()) {
      if (this.#drawn.size <= KEPT) break;
      this.#drawn.delete(oldest);
    }
    return abortable(drawing, signal);
  }
}
