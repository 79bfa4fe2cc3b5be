/**
 * The denoising of pages on one device: the solver of each page, and runs of the denoiser over one page or several.
 */
import { Tensor } from "../../binding/index.js";
import type { Style } from "../../config/batch-config.js";
import { Solver } from "../cobra/solver.js";
import type { DenoiserConditions, Networks } from "../networks/networks.js";
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
  /** Told the latent after each step, from 0. */
  readonly onLatent?: ((step: number, latent: Float32Array) => void) | undefined;
}

/** A page under way. */
interface DenoisedPage extends BatchedPage {
  readonly request: DenoiseRequest;
  readonly solver: Solver;
  latent: Float32Array;
}

/** Denoises the pages of one device. */
export class PageDenoiser {
  readonly #networks: Networks;
  readonly #batcher: Batcher<DenoisedPage>;

  constructor(networks: Networks, options: BatcherOptions) {
    this.#networks = networks;
    this.#batcher = new Batcher((pages, segment) => this.#steps(pages, segment), options);
  }

  /** Pages that are denoised now. */
  get pages(): number {
    return this.#batcher.size;
  }

  /** The clean latent of a page. */
  async denoise(request: DenoiseRequest): Promise<Float32Array> {
    const { style, dims, steps: wanted, signal, conditions, onStep } = request;
    const { scheduler, prediction } = this.#networks.model.manifest;
    const steps = Math.min(wanted, scheduler.maxSteps ?? wanted);
    const solver = new Solver(steps, {
      predictionType: prediction,
      trainSteps: scheduler.trainTimesteps,
      betaStart: scheduler.betaStart,
      betaEnd: scheduler.betaEnd,
    });
    const page: DenoisedPage = {
      group: `${style} ${dims.join("x")} ${conditions.referenceKv.dims[1]}`,
      steps,
      signal,
      onStep: (step) => onStep?.(step, steps),
      request,
      solver,
      latent: request.start,
    };
    await this.#batcher.denoise(page);
    return page.latent;
  }

  async #steps(pages: readonly DenoisedPage[], { steps, changes, signal, onStep }: Segment): Promise<void> {
    const own = pages.length === 1;
    const conditions = own ? pages[0]!.request.conditions : await this.#sideBySide(pages);
    try {
      for (let done = 0; done < steps && !changes.aborted; done++) {
        await this.#step(pages, conditions, signal);
        onStep(done + 1);
      }
    } finally {
      if (!own) for (const tensor of Object.values(conditions) as Tensor[]) tensor.dispose();
    }
  }

  /** One step of all pages, or of none. */
  async #step(pages: readonly DenoisedPage[], conditions: DenoiserConditions, signal: AbortSignal): Promise<void> {
    const [first] = pages;
    if (first === undefined) return;
    const { dims, style } = first.request;
    const size = first.latent.length;
    const latents = pages.length === 1 ? first.latent : new Float32Array(pages.length * size);
    if (pages.length > 1) pages.forEach(({ latent }, row) => latents.set(latent, row * size));
    const timesteps = Float32Array.from(pages, ({ solver }) => solver.timesteps[solver.nextIndex]!);
    const output = await this.#networks.denoise(
      latents,
      [pages.length, ...dims.slice(1)],
      timesteps,
      conditions,
      style,
      signal,
    );
    pages.forEach((page, row) => {
      const step = page.solver.nextIndex;
      page.latent = page.solver.step(page.latent, output.subarray(row * size, (row + 1) * size), step);
      page.request.onLatent?.(step, page.latent);
    });
  }

  /** The pages' conditions as those of one batch. */
  async #sideBySide(pages: readonly DenoisedPage[]): Promise<DenoiserConditions> {
    const made: Tensor[] = [];
    const join = async (name: keyof DenoiserConditions): Promise<Tensor> => {
      const rows = pages.map(({ request }) => request.conditions[name]);
      const tensor = await this.#join(rows, pages[0]!.request.style);
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

  /** Tensors of one row each as one tensor, where the first of them is. */
  async #join(rows: readonly Tensor[], style: Style): Promise<Tensor> {
    const { dtype, dims, device } = rows[0]!;
    const elements = dims.reduce((product, dim) => product * dim, 1);
    const shape = [rows.length, ...dims.slice(1)];
    const all = device.onHost
      ? Tensor.alloc(dtype, shape)
      : await Tensor.allocOn(await this.#networks.session("denoiser", style), dtype, shape);
    try {
      for (const [index, row] of rows.entries()) {
        if (elements === 0) continue;
        using place = all.view(index * elements, dims);
        await row.copyTo(place);
      }
      return all;
    } catch (error) {
      all.dispose();
      throw error;
    }
  }
}
