/**
 * The denoising of a batch on its device: bound once, run as one job. Latents stay on the device; pages may be at
 * different steps, so that others can join or leave between two runs of the loop.
 */
import {
  runSteps,
  Tensor,
  type Binding,
  type HostSolver,
  type InferenceSession,
  type Steps,
} from "../../binding/index.js";
import type { Style } from "../../config/batch-config.js";
import type { DenoiserConditions, Networks } from "../networks/networks.js";
import { coefficientDims, solverTables } from "./solver-graph.js";
import type { SolverStep } from "./solver.js";

/** How a loop is run. */
interface LoopRun {
  /** Told after each step how many of this run are done. */
  readonly onStep?: (done: number) => void;
  readonly signal?: AbortSignal | undefined;
  /** Lets other work that waits for the device go between two steps. Default false. */
  readonly yields?: boolean;
}

/** One of the two sets of memory that steps read and write in turn. */
interface Side {
  /** [B, 4, h, w]. */
  readonly latent: Tensor;
  /** Clean latents that the step before predicted. */
  readonly clean: Tensor;
}

/** A batch of one page size and style while it is denoised. Owns its latents. */
export class DenoiseLoop implements Disposable {
  readonly #networks: Networks;
  readonly #style: Style;
  readonly #session: InferenceSession;
  readonly #sides: readonly [Side, Side];
  readonly #noise: Tensor;
  readonly #timestep: Tensor;
  readonly #coefficients: Tensor;
  readonly #choice: Tensor;
  readonly #rounds: readonly (readonly Binding[])[];
  readonly #solvers: readonly HostSolver[] | undefined;
  #done = 0;
  #running: Steps | undefined;
  #isStopped = false;

  private constructor(
    networks: Networks,
    style: Style,
    parts: {
      session: InferenceSession;
      sides: readonly [Side, Side];
      noise: Tensor;
      timestep: Tensor;
      coefficients: Tensor;
      choice: Tensor;
      rounds: readonly (readonly Binding[])[];
      solvers: readonly HostSolver[] | undefined;
    },
  ) {
    this.#networks = networks;
    this.#style = style;
    this.#session = parts.session;
    this.#sides = parts.sides;
    this.#noise = parts.noise;
    this.#timestep = parts.timestep;
    this.#coefficients = parts.coefficients;
    this.#choice = parts.choice;
    this.#rounds = parts.rounds;
    this.#solvers = parts.solvers;
  }

  /**
   * Binds a batch. The tensors of `conditions` are kept in use until the loop is disposed of.
   * @param conditions of all pages, [B, …] each
   * @param start latents [B, 4, h, w] on the denoiser's device; the loop's from here on, also where this fails
   * @param previous clean latents of the last step, where pages have taken steps before; the loop's as well
   */
  static async open(
    networks: Networks,
    style: Style,
    conditions: DenoiserConditions,
    start: Tensor,
    previous?: Tensor,
  ): Promise<DenoiseLoop> {
    const made: Disposable[] = previous === undefined ? [start] : [start, previous];
    const own = <T extends Disposable>(one: T): T => {
      made.push(one);
      return one;
    };
    try {
      const { session, weights, solver } = await networks.denoiser(style);
      const { dims } = start;
      const pages = dims[0]!;
      const latents = async (): Promise<Tensor> => own(await Tensor.allocOn(session, "float32", dims));
      const sides: [Side, Side] = [
        { latent: start, clean: previous ?? (await latents()) },
        { latent: await latents(), clean: await latents() },
      ];
      const noise = await latents();
      const timestep = own(Tensor.alloc("float32", [pages]));
      const precision = solver?.inputs.find(({ name }) => name === "coefficients")!.dtype ?? "float64";
      const coefficients = own(Tensor.alloc(precision, coefficientDims(pages)));
      const choice = own(Tensor.alloc("int32", [pages]));
      const fixed = {
        line_latent: conditions.lineLatent,
        hint_latent: conditions.hintLatent,
        hint_mask: conditions.hintMask,
        timestep,
        resolution: conditions.resolution,
        reference_kv: conditions.referenceKv,
        ...weights,
      };
      const solve = (from: Side, to: Side): Omit<HostSolver, "prediction"> => ({
        latent: from.latent,
        output: noise,
        previous: from.clean,
        coefficients,
        choice,
        next: to.latent,
        clean: to.clean,
      });
      const round = (from: Side, to: Side): Binding[] => {
        const denoise = own(session.bind({ latent: from.latent, ...fixed }, { noise }));
        if (solver === undefined) return [denoise];
        const { next, clean, ...inputs } = solve(from, to);
        return [denoise, own(solver.bind(inputs, { next, clean }))];
      };
      const rounds = [round(sides[0], sides[1]), round(sides[1], sides[0])];
      const { prediction } = networks.model.manifest;
      const solvers =
        solver === undefined
          ? [
              { prediction, ...solve(sides[0], sides[1]) },
              { prediction, ...solve(sides[1], sides[0]) },
            ]
          : undefined;
      return new DenoiseLoop(networks, style, {
        session,
        sides,
        noise,
        timestep,
        coefficients,
        choice,
        rounds,
        solvers,
      });
    } catch (error) {
      for (const one of made) one[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * Takes each page the given steps further, as many for each page.
   * @returns how many steps were taken: all, or fewer after `stop`
   * @throws as `runSteps`; the loop is as it was after the last step that was told to `onStep`
   */
  async run(
    pages: readonly (readonly SolverStep[])[],
    { onStep, signal, yields = false }: LoopRun = {},
  ): Promise<number> {
    const begun = this.#done;
    const count = pages[0]?.length ?? 0;
    const runOnce = async (): Promise<void> => {
      // When memory runs out in a step, the steps before it are not taken again.
      const taken = this.#done - begun;
      const { timesteps, coefficients, choice } = solverTables(pages.map((steps) => steps.slice(taken)));
      const rows = this.#coefficients.dtype === "float64" ? coefficients : Float32Array.from(coefficients);
      let startedMs = performance.now();
      this.#running = runSteps({
        rounds: this.#rounds,
        solvers: this.#solvers,
        tables: [
          { tensor: this.#timestep, rows: timesteps },
          { tensor: this.#coefficients, rows },
          { tensor: this.#choice, rows: choice },
        ],
        steps: count - taken,
        first: this.#done,
        finite: true,
        yields,
        onStep: (done) => {
          this.#done = begun + taken + done;
          this.#networks.recordRun("denoiser", this.#style, this.#session, startedMs);
          startedMs = performance.now();
          onStep?.(taken + done);
        },
        signal,
      });
      if (this.#isStopped) this.#running.stop();
      try {
        await this.#running.done;
      } catch (error) {
        throw this.#networks.runFailed("denoiser", this.#style, this.#session, startedMs, error);
      } finally {
        this.#running = undefined;
      }
    };
    // What is bound keeps its session: a new one needs a new loop, so that sessions are not opened again in here.
    await this.#networks.retrying(async () => {
      do await runOnce();
      while (this.#done - begun < count && !this.#isStopped);
    }, Infinity);
    return this.#done - begun;
  }

  /** Lets the run in progress, or the next one, end after the step in progress. */
  stop(): void {
    this.#isStopped = true;
    this.#running?.stop();
  }

  /** The latents as they are now; the loop's own, and valid until its next run. */
  get latent(): Tensor {
    return this.#sides[this.#done % 2]!.latent;
  }

  /** The clean latents of the last step; as `latent`. */
  get clean(): Tensor {
    return this.#sides[this.#done % 2]!.clean;
  }

  /** The latents, the caller's from here on; everything else is given back. */
  finish(): Tensor {
    const { latent } = this;
    const result = latent.view(0, latent.dims);
    this.dispose();
    return result;
  }

  /** Gives everything back but the tensors of the conditions. Idempotent; safe while it runs. */
  dispose(): void {
    for (const round of this.#rounds) for (const binding of round) binding.dispose();
    for (const { latent, clean } of this.#sides) {
      latent.dispose();
      clean.dispose();
    }
    for (const tensor of [this.#noise, this.#timestep, this.#coefficients, this.#choice]) tensor.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
