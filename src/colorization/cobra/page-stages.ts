/** The stages of colouring a page, and the clock that times them. */

/** In order. */
export const PAGE_STAGES = [
  "prepare",
  "lines",
  "references",
  "encode",
  "denoise",
  "decode",
  "upsample",
  "ink",
] as const;
/** A stage of colouring a page. */
export type PageStage = (typeof PAGE_STAGES)[number];

/**
 * Told when a stage begins; while denoising, once a step.
 * @param device where it runs, of an engine with several devices, such as "cuda:1"
 */
export type OnStage = (stage: PageStage, step?: number, steps?: number, device?: string) => void;

/** Times the stages of a page. */
export class StageClock {
  readonly #ms = Object.fromEntries(PAGE_STAGES.map((stage) => [stage, 0])) as Record<PageStage, number>;
  #current: { stage: PageStage; since: number } | undefined;

  #device: string | undefined;

  constructor(readonly onStage: OnStage | undefined) {}

  /** The device that the next stages run on, where there are several. */
  on(device: string | undefined): void {
    this.#device = device;
  }

  begin(stage: PageStage): void {
    this.end();
    this.#current = { stage, since: performance.now() };
    if (stage === "denoise") return; // it reports itself, step by step
    if (this.#device === undefined) this.onStage?.(stage);
    else this.onStage?.(stage, undefined, undefined, this.#device);
  }

  end(): Record<PageStage, number> {
    if (this.#current) this.#ms[this.#current.stage] += performance.now() - this.#current.since;
    this.#current = undefined;
    return this.#ms;
  }
}
