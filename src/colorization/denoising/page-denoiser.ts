/** The denoising of pages on one device: each page's steps and latents, and loops over one page or several. */
import { onAbort } from "../../concurrency/on-abort.js";
import { Tensor, type InferenceSession } from "../../binding/index.js";
import type { Style } from "../../config/batch-config.js";
import { isOutOfMemory } from "../../errors.js";
import { DenoiseLoop } from "../cobra/denoise-loop.js";
import { solverSteps, type SolverStep } from "../cobra/solver.js";
import type { DenoiserConditions, Networks } from "../networks/networks.js";
import { CHANNELS } from "../../observe/channels.js";
import { Batcher, type BatchedPage, type BatcherOptions, type Segment } from "./batcher.js";

/** A page that is to be denoised. */
export interface DenoiseRequest {
  readonly style: Style;
  /** [1, 4, h, w]. */
  readonly dims: readonly number[];
  /** The noise that it starts from. */
  readonly start: Float32Array;
  readonly conditions: DenoiserConditions;
  readonly steps: number;
  readonly signal?: AbortSignal | undefined;
  readonly onStep?: ((step: number, steps: number) => void) | undefined;
  /** Told the latent after each step, from 0; steps are then taken one by one. */
  readonly onLatent?: (step: number, latent: Float32Array) => void;
}

/** What a page denoiser is made with. */
export interface PageDenoiserOptions extends BatcherOptions {
  /**
   * Opens sessions again after a page has run out of memory alone.
   * @returns whether that was of use, so that the page is tried once more
   */
  readonly relieve: (error: unknown) => Promise<boolean>;
  /** Lets other pages' networks go between two steps, so that these pages are soon here, to share the steps. */
  readonly yields: boolean;
}

/** A page under way. Owns its latents. */
class DenoisedPage implements BatchedPage, Disposable {
  readonly group: string;
  readonly steps: number;
  readonly plan: readonly SolverStep[];
  done = 0;
  /** On the device, once it has begun. */
  latent: Tensor | undefined;
  /** The clean latents that the last step predicted. */
  clean: Tensor | undefined;
  #isOver = false;

  constructor(
    readonly request: DenoiseRequest,
    plan: readonly SolverStep[],
  ) {
    const { style, dims, conditions } = request;
    this.plan = plan;
    this.steps = plan.length;
    this.group = `${style} ${dims.join("x")} ${conditions.referenceKv.dims[1]}`;
  }

  get signal(): AbortSignal | undefined {
    return this.request.signal;
  }

  onStep(step: number): void {
    this.request.onStep?.(step, this.steps);
  }

  /** Takes over the latents after a loop. */
  settle(latent: Tensor, clean: Tensor): void {
    this.#free();
    [this.latent, this.clean] = [latent, clean];
    if (this.#isOver) this.#free();
  }

  #free(): void {
    this.latent?.dispose();
    this.clean?.dispose();
    this.latent = this.clean = undefined;
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#free();
  }
}

/** Denoises the pages of one device. */
export class PageDenoiser {
  readonly #networks: Networks;
  readonly #relieve: PageDenoiserOptions["relieve"];
  readonly #yields: boolean;
  readonly #batcher: Batcher<DenoisedPage>;

  constructor(networks: Networks, options: PageDenoiserOptions) {
    this.#networks = networks;
    this.#relieve = options.relieve;
    this.#yields = options.yields;
    this.#batcher = new Batcher((pages, segment) => this.#steps(pages, segment), options);
  }

  /** Pages that are denoised now. */
  get pages(): number {
    return this.#batcher.size;
  }

  /** The clean latent of a page, on the device. Dispose of it. */
  async denoise(request: DenoiseRequest): Promise<Tensor> {
    const { scheduler } = this.#networks.model.manifest;
    const count = Math.min(request.steps, scheduler.maxSteps ?? request.steps);
    const plan = solverSteps(count, {
      trainSteps: scheduler.trainTimesteps,
      betaStart: scheduler.betaStart,
      betaEnd: scheduler.betaEnd,
    });
    using page = new DenoisedPage(request, plan);
    await this.#batcher.denoise(page);
    return whole(page.latent!);
  }

  async #steps(pages: readonly DenoisedPage[], segment: Segment): Promise<void> {
    const [first] = pages;
    if (first === undefined) return;
    const begun = first.done;
    if (CHANNELS.together.isWatched) CHANNELS.together.publish({ pages: pages.length });
    try {
      await this.#loop(pages, segment, 0);
    } catch (error) {
      if (pages.length > 1 || !isOutOfMemory(error) || !(await this.#relieve(error))) throw error;
      await this.#loop(pages, segment, first.done - begun);
    }
  }

  /** @param taken steps of the segment that are done already */
  async #loop(
    pages: readonly DenoisedPage[],
    { steps, changes, signal, onStep }: Segment,
    taken: number,
  ): Promise<void> {
    const { style } = pages[0]!.request;
    const { session } = await this.#networks.denoiser(style);
    const isAlone = pages.length === 1;
    const conditions = isAlone ? pages[0]!.request.conditions : await sideBySide(pages, session);
    try {
      using loop = await this.#open(pages, conditions, session);
      const forget = onAbort(changes, () => loop.stop());
      const begun = pages.map(({ done }) => done);
      const told = (count: number): void => {
        for (const [index, page] of pages.entries()) page.done = begun[index]! + count;
        onStep(taken + count);
      };
      const left = steps - taken;
      try {
        if (pages.every(({ request }) => request.onLatent === undefined))
          await loop.run(
            pages.map(({ plan, done }) => plan.slice(done, done + left)),
            { onStep: told, signal, yields: this.#yields },
          );
        else await stepByStep(loop, pages, left, { told, changes, signal });
      } finally {
        forget();
        // Also after a failure: steps that were told are not taken again.
        for (const [row, page] of pages.entries()) page.settle(rowOf(loop.latent, row), rowOf(loop.clean, row));
      }
    } finally {
      if (!isAlone) for (const tensor of Object.values(conditions) as Tensor[]) tensor.dispose();
    }
  }

  async #open(
    pages: readonly DenoisedPage[],
    conditions: DenoiserConditions,
    session: InferenceSession,
  ): Promise<DenoiseLoop> {
    for (const page of pages)
      page.latent ??= await Tensor.upload(session, "float32", page.request.start, page.request.dims);
    const hasBegun = pages.some(({ clean }) => clean !== undefined);
    const start = await rows(
      pages.map(({ latent }) => latent!),
      session,
    );
    let previous: Tensor | undefined;
    try {
      // A page that has not begun has no clean latents; its first step does not look at them.
      if (hasBegun)
        previous = await rows(
          pages.map(({ clean, latent }) => clean ?? latent!),
          session,
        );
    } catch (error) {
      start.dispose();
      throw error;
    }
    return DenoiseLoop.open(this.#networks, pages[0]!.request.style, conditions, start, previous);
  }
}

/** Steps one by one, with the latents after each of them. */
async function stepByStep(
  loop: DenoiseLoop,
  pages: readonly DenoisedPage[],
  steps: number,
  { told, changes, signal }: { told: (done: number) => void; changes: AbortSignal; signal: AbortSignal },
): Promise<void> {
  for (let step = 0; step < steps && !changes.aborted; step++) {
    await loop.run(
      pages.map(({ plan, done }) => plan.slice(done, done + 1)),
      { signal },
    );
    using host = await loop.latent.toHost();
    const values = host.data as Float32Array;
    const size = values.length / pages.length;
    for (const [row, page] of pages.entries())
      page.request.onLatent?.(page.done, values.slice(row * size, (row + 1) * size));
    told(step + 1);
  }
}

function whole(tensor: Tensor): Tensor {
  return tensor.view(0, tensor.dims);
}

/** One row of a tensor as a tensor of its own over the same memory. */
function rowOf(tensor: Tensor, row: number): Tensor {
  const dims = [1, ...tensor.dims.slice(1)];
  return tensor.view(row * dims.reduce((product, dim) => product * dim, 1), dims);
}

/** Tensors of one row each as one tensor; of a single one a view. */
async function rows(tensors: readonly Tensor[], session: InferenceSession): Promise<Tensor> {
  const [first] = tensors;
  if (tensors.length === 1) return whole(first!);
  const { dtype, dims, device } = first!;
  const shape = [tensors.length, ...dims.slice(1)];
  const all = device.onHost ? Tensor.alloc(dtype, shape) : await Tensor.allocOn(session, dtype, shape);
  try {
    for (const [index, tensor] of tensors.entries()) {
      if (tensor.byteLength === 0) continue;
      using place = rowOf(all, index);
      await tensor.copyTo(place);
    }
    return all;
  } catch (error) {
    all.dispose();
    throw error;
  }
}

/** The pages' conditions as those of one batch. */
async function sideBySide(pages: readonly DenoisedPage[], session: InferenceSession): Promise<DenoiserConditions> {
  const made: Tensor[] = [];
  const join = async (name: keyof DenoiserConditions): Promise<Tensor> => {
    const tensor = await rows(
      pages.map(({ request }) => request.conditions[name]),
      session,
    );
    made.push(tensor);
    return tensor;
  };
  try {
    return {
      lineLatent: await join("lineLatent"),
      hintLatent: await join("hintLatent"),
      hintMask: await join("hintMask"),
      resolution: await join("resolution"),
      referenceKv: await join("referenceKv"),
    };
  } catch (error) {
    for (const tensor of made) tensor.dispose();
    throw error;
  }
}
