/**
 * The networks of a model package as typed calls. Sessions open at first use and are shared between styles where the
 * package shares the graph. Shapes are N,C,H,W; pictures are float32 planes.
 */
import { dirname, join } from "node:path";
import { InferenceSession, Tensor, type Dtype, type SessionOptions } from "../../binding/index.js";
import type { Style } from "../../config/batch-config.js";
import { BatchProcessingError, messageOf, systemCode } from "../../errors.js";
import { getLogger, logContext } from "../../logging.js";
import { CHANNELS } from "../../observe/channels.js";
import { Histogram, type HistogramSnapshot } from "../../observe/histogram.js";
import type { LineInput } from "../cobra/line-style.js";
import { STYLES, TAKEN_WEIGHTS, type GraphName, type WeightSet } from "../../model/manifest.js";
import type { ModelPackage } from "../../model/package.js";
import { networkInputs } from "../../model/network-inputs.js";
import { holdsFloat32 } from "../../model/requirements.js";
import { givenNames, takingFloat32 } from "../../model/graph-casts.js";
import { HeldWeights, inFolder, type BookMemory } from "./shared-weights.js";

const log = getLogger("networks");

/** What the denoiser sees of a page besides the noisy latent; all stay where the session put them. */
export interface DenoiserConditions {
  /** [1, 4, h, w] latent of the line picture. */
  lineLatent: Tensor;
  /** [1, 4, h, w] latent of the hint picture. */
  hintLatent: Tensor;
  /** [1, 1, h, w], 0..1. */
  hintMask: Tensor;
  /** [1, 2] = [H, 2W] of the page in pixels. */
  resolution: Tensor;
  /** [1, R, layers, 2, tokens, width]. */
  referenceKv: Tensor;
}

/** Runs of one network that have ended. */
export interface NetworkRuns {
  readonly runs: number;
  /** Sum of the times they took, without their waiting for each other; milliseconds. */
  readonly ms: number;
  /** How long they waited for runs before them. */
  readonly wait: HistogramSnapshot;
  /** How long they ran. */
  readonly run: HistogramSnapshot;
}

/**
 * Runs by network. Runs of a device follow one another, so a run begins when it is asked for or when the one before it
 * ends.
 */
export type RunTimes = Partial<Record<GraphName, NetworkRuns>>;

/**
 * Does `work`; when memory runs out in it, gives memory back and does it again, until it succeeds or nothing is left to
 * give.
 */
export type RetryOnOutOfMemory = <T>(work: () => Promise<T>) => Promise<T>;

/** Out of whose memory weights are: sessions that every use of the weights needs anyway. */
const PLACES: Readonly<Record<WeightSet, GraphName>> = {
  vae: "vae_encoder",
  transformer: "denoiser",
  upsampler: "guided_upsampler",
};

/** Opens and runs the graphs of one model package. Owns its sessions; `dispose()` frees them. */
export class Networks implements Disposable {
  readonly model: ModelPackage;
  readonly #options: SessionOptions;
  readonly #withRetry: RetryOnOutOfMemory;
  readonly #sessions = new Map<string, Promise<InferenceSession>>();
  readonly #open = new Map<InferenceSession, GraphName>();
  readonly #weights: HeldWeights;
  /** Whether separate weights are held in float32: see `src/model/graph-casts.ts`. */
  readonly #widens: boolean;
  readonly #times = new Map<GraphName, { wait: Histogram; run: Histogram }>();
  #lastEndMs = 0;
  #disposed = false;

  /**
   * @param withRetry what a run is done with; default: once, as it comes
   * @param book notes the weights that are held apart from sessions; default: nobody does
   */
  constructor(
    model: ModelPackage,
    options: SessionOptions = {},
    withRetry: RetryOnOutOfMemory = (work) => work(),
    book: BookMemory = () => ({ [Symbol.dispose]: () => undefined }),
  ) {
    this.model = model;
    this.#options = options;
    this.#withRetry = withRetry;
    this.#widens =
      model.manifest.graphs.weights !== undefined && holdsFloat32(model.manifest, options.provider ?? "cpu");
    this.#weights = new HeldWeights({ ...options, widens: this.#widens }, book);
  }

  /** Run times since the start. */
  get times(): RunTimes {
    return Object.fromEntries(
      [...this.#times].map(([graph, times]) => {
        const run = times.run.snapshot();
        return [graph, { runs: run.count, ms: run.sumMs, wait: times.wait.snapshot(), run }];
      }),
    );
  }

  /** The session of a graph, opened at first use. */
  session(graph: GraphName, style: Style): Promise<InferenceSession> {
    if (this.#disposed)
      throw new BatchProcessingError(
        "ERR_STATE",
        `the networks of model "${this.model.manifest.name}" are disposed; open the engine again`,
      );
    const path = this.model.graphPath(graph, style);
    let opening = this.#sessions.get(path);
    if (!opening) {
      opening = this.#withRetry(() =>
        openSession(
          this.model.manifest.name,
          graph,
          path,
          this.#options,
          this.#widens ? weightsIn(this.model, graph, style) : undefined,
        ),
      );
      void opening.then(
        (session) => this.#open.set(session, graph),
        () => undefined,
      );
      this.#sessions.set(path, opening);
      opening.catch(() => this.#sessions.delete(path)); // a failed opening may be tried again
    }
    return opening;
  }

  async #run(
    graph: GraphName,
    style: Style,
    inputs: Record<string, Tensor>,
    output: string,
    signal?: AbortSignal,
    keepOnDevice = false,
  ): Promise<Tensor> {
    const session = await this.session(graph, style);
    const all = { ...inputs, ...(await this.#weightsOf(graph, style, session)) };
    const started = performance.now();
    let failure: { error: string } | undefined;
    try {
      const outputs = await this.#withRetry(() =>
        session.run(all, { outputs: [output], keepOnDevice, ...(signal ? { signal } : {}) }),
      );
      return outputs[output]!;
    } catch (error) {
      failure = { error: systemCode(error) ?? (error instanceof Error ? error.name : "Error") };
      throw error;
    } finally {
      this.#tell(graph, style, session.provider, started, failure);
    }
  }

  /** Counts a run that has ended, and tells who listens. */
  #tell(graph: GraphName, style: Style, provider: string, startedMs: number, failure?: { error: string }): void {
    const endedMs = performance.now();
    const waitMs = Math.max(0, this.#lastEndMs - startedMs);
    const runMs = endedMs - startedMs - waitMs;
    this.#lastEndMs = endedMs;
    let times = this.#times.get(graph);
    if (times === undefined) this.#times.set(graph, (times = { wait: new Histogram(), run: new Histogram() }));
    times.wait.record(waitMs);
    times.run.record(runMs);
    log.debug({ graph, ms: Math.round(runMs * 10) / 10, ...failure }, "network run");
    if (CHANNELS.networkRun.isWatched) {
      const model = this.model.manifest.name;
      CHANNELS.networkRun.publish({ model, graph, style, provider, waitMs, runMs, ...failure, ...logContext() });
    }
  }

  /** The inputs of a graph that are weights, loaded at first use. */
  async #weightsOf(graph: GraphName, style: Style, session: InferenceSession): Promise<Record<string, Tensor>> {
    const taken: Record<string, Tensor> = {};
    for (const set of TAKEN_WEIGHTS[graph] ?? []) {
      const path = this.model.weightsPath(set, style);
      if (path === undefined) continue;
      const owner = set === "vae" ? "weights vae" : `weights ${set}, ${style}`;
      const weights = await this.#withRetry(() =>
        this.#weights.of(path, owner, () => this.session(PLACES[set], style)),
      );
      for (const { name } of session.inputs) if (weights.has(name)) taken[name] = weights.get(name)!;
    }
    return taken;
  }

  /**
   * Raw output of the line network, at the input's padded size.
   * @param gray 0..255, sides multiples of 16
   */
  async extractLines({ data, width, height }: LineInput, signal?: AbortSignal): Promise<LineInput> {
    using input = Tensor.from("float32", data, [1, 1, height, width]);
    using line = await this.#run("line_extractor", "line", { gray: input }, "line", signal);
    return { data: (line.data as Float32Array).slice(), width, height };
  }

  /**
   * Embeddings of pictures for retrieval, one row of `imageEncoder.embeddingSize` values each.
   * @param pixels [count, 3, size, size], normalised as the manifest says
   */
  async embed(pixels: Float32Array, count: number, signal?: AbortSignal): Promise<Float32Array> {
    const size = this.model.manifest.imageEncoder.imageSize;
    using input = Tensor.from("float32", pixels, [count, 3, size, size]);
    using embedding = await this.#run("image_encoder", "line", { pixels: input }, "embedding", signal);
    return (embedding.data as Float32Array).slice();
  }

  /**
   * Scaled latent of a picture, sampled with the given noise (zeros: the mean). Stays on the device.
   * @param planes [1, 3, height, width] in [-1, 1]
   * @param noise [1, 4, height/8, width/8]
   */
  async encodeImage(
    planes: Float32Array,
    width: number,
    height: number,
    noise: Float32Array,
    signal?: AbortSignal,
  ): Promise<Tensor> {
    const { channels, downscale } = this.model.manifest.latent;
    using image = Tensor.from("float32", planes, [1, 3, height, width]);
    using draw = Tensor.from("float32", noise, [1, channels, height / downscale, width / downscale]);
    return await this.#run("vae_encoder", "line", { image, noise: draw }, "latent", signal, true);
  }

  /** Keys and values of one reference patch, [1, layers, 2, tokens, width], on the device. */
  async encodeReference(
    latent: Tensor,
    quadrant: number,
    resolution: Tensor,
    style: Style,
    signal?: AbortSignal,
  ): Promise<Tensor> {
    using place = Tensor.from("int64", BigInt64Array.of(BigInt(quadrant)), [1]);
    return await this.#run(
      "reference_encoder",
      style,
      { latent, quadrant: place, resolution },
      "reference_kv",
      signal,
      true,
    );
  }

  /**
   * Model output for a noisy latent [1, 4, h, w] at a timestep: the noise, or the clean latent, as the manifest's
   * `prediction` says.
   */
  async denoise(
    latent: Float32Array,
    dims: readonly number[],
    timestep: number,
    conditions: DenoiserConditions,
    style: Style,
    signal?: AbortSignal,
  ): Promise<Float32Array> {
    using noisy = Tensor.from("float32", latent, dims);
    using time = Tensor.from("float32", Float32Array.of(timestep), [1]);
    const inputs = {
      latent: noisy,
      line_latent: conditions.lineLatent,
      hint_latent: conditions.hintLatent,
      hint_mask: conditions.hintMask,
      timestep: time,
      resolution: conditions.resolution,
      reference_kv: conditions.referenceKv,
    };
    using noise = await this.#run("denoiser", style, inputs, "noise", signal);
    return (noise.data as Float32Array).slice();
  }

  /** Picture planes [1, 3, 8h, 8w] around [-1, 1] of a scaled latent [1, 4, h, w]. */
  async decodeLatent(latent: Float32Array, dims: readonly number[], signal?: AbortSignal): Promise<Float32Array> {
    using input = Tensor.from("float32", latent, dims);
    using image = await this.#run("vae_decoder", "line", { latent: input }, "image", signal);
    return (image.data as Float32Array).slice();
  }

  /**
   * The guided upsampler: colour and line planes [1, 3, height, width] and noise [1, 4, height/8, width/8] to picture
   * planes.
   */
  async upsample(
    color: Float32Array,
    line: Float32Array,
    noise: Float32Array,
    width: number,
    height: number,
    style: Style,
    signal?: AbortSignal,
  ): Promise<Float32Array> {
    const { channels, downscale } = this.model.manifest.latent;
    using colorInput = Tensor.from("float32", color, [1, 3, height, width]);
    using lineInput = Tensor.from("float32", line, [1, 3, height, width]);
    using draw = Tensor.from("float32", noise, [1, channels, height / downscale, width / downscale]);
    using image = await this.#run(
      "guided_upsampler",
      style,
      { color: colorInput, line: lineInput, noise: draw },
      "image",
      signal,
    );
    return (image.data as Float32Array).slice();
  }

  /**
   * Frees the weights and sessions that only this style uses; runs in flight end first. They open again when they are
   * needed.
   */
  closeStyle(style: Style): void {
    const { styles, weights } = this.model.manifest.graphs;
    const filesOf = (name: Style): string[] =>
      [...Object.values(styles[name] ?? {}), ...Object.values(weights?.styles[name] ?? {})].filter(
        (file) => file !== undefined,
      );
    const others = new Set(STYLES.flatMap((name) => (name === style ? [] : filesOf(name))));
    for (const file of filesOf(style)) {
      if (others.has(file)) continue;
      const path = join(this.model.directory, file);
      this.#weights.close(path);
      const opening = this.#sessions.get(path);
      this.#sessions.delete(path);
      opening?.then(
        (session) => session.dispose(),
        () => undefined,
      );
    }
  }

  /** The sessions that are open. */
  openSessions(): InferenceSession[] {
    return [...this.#open.keys()].filter((session) => !session.disposed);
  }

  /**
   * Gives what all arenas hold and do not use back to the system. Arenas shrink at the end of a run only, so each
   * network does its smallest one.
   */
  async shrinkArenas(): Promise<void> {
    const smallest = networkInputs(
      this.model.manifest,
      { width: 4 * this.model.manifest.latent.downscale, height: 4 * this.model.manifest.latent.downscale },
      1,
    );
    // Graphs may know the model's own page sizes only.
    const [width, height] = this.model.manifest.buckets[0]!;
    const resolution = (): Tensor => Tensor.from("float32", Float32Array.of(height, 2 * width), [1, 2]);
    for (const session of this.openSessions()) {
      const graph = this.#open.get(session)!;
      const dtypes = new Map(session.inputs.map(({ name, dtype }) => [name, dtype]));
      const inputs = Object.fromEntries(
        Object.entries(smallest[graph]).map(([name, dims]) => [
          name,
          name === "resolution" ? resolution() : zeros(dtypes.get(name) ?? "float32", dims),
        ]),
      );
      try {
        session.shrinkArena();
        for (const output of Object.values(await session.run({ ...inputs, ...this.#loadedWeights(session) })))
          output.dispose();
      } catch (error) {
        log.debug({ graph, err: error }, `the arena could not be shrunk: ${messageOf(error)}`);
      } finally {
        for (const input of Object.values(inputs)) input.dispose();
      }
    }
  }

  /** Weights that are loaded for inputs of a session, whatever the style; undefined ones are missed by the run. */
  #loadedWeights(session: InferenceSession): Record<string, Tensor> {
    const sets = (["vae", "transformer", "upsampler"] as const).flatMap((set) =>
      STYLES.map((style) => this.model.weightsPath(set, style)),
    );
    const loaded = sets.flatMap((path) => (path === undefined ? [] : [this.#weights.loaded(path)]));
    return Object.fromEntries(
      session.inputs.flatMap(({ name }) =>
        loaded.flatMap((weights) => (weights?.has(name) === true ? [[name, weights.get(name)!]] : [])),
      ),
    );
  }

  /** Frees all sessions; runs in flight end first. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#weights[Symbol.dispose]();
    for (const opening of this.#sessions.values()) {
      opening.then(
        (session) => session.dispose(),
        () => undefined,
      );
    }
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

function zeros(dtype: Dtype, dims: readonly number[]): Tensor {
  const tensor = Tensor.alloc(dtype, dims);
  if (dtype === "int64") (tensor.data as BigInt64Array).fill(0n);
  else (tensor.data as Float32Array).fill(0);
  return tensor;
}

/** Names of the weights that lie apart from a graph. */
function weightsIn(model: ModelPackage, graph: GraphName, style: Style): ReadonlySet<string> | undefined {
  const paths = (TAKEN_WEIGHTS[graph] ?? []).flatMap((set) => model.weightsPath(set, style) ?? []);
  return paths.length === 0 ? undefined : new Set(paths.flatMap((path) => givenNames(path)));
}

async function openSession(
  model: string,
  graph: GraphName,
  path: string,
  options: SessionOptions,
  widened?: ReadonlySet<string>,
): Promise<InferenceSession> {
  const started = performance.now();
  const session = await (widened === undefined
    ? InferenceSession.create(path, options)
    : InferenceSession.create(
        takingFloat32(path, (name) => widened.has(name)),
        inFolder(dirname(path), options),
      ));
  const { provider, device } = session;
  const ms = performance.now() - started;
  log.debug({ graph, provider, device, ms: Math.round(ms) }, "network loaded");
  if (CHANNELS.networkLoad.isWatched) CHANNELS.networkLoad.publish({ model, graph, provider, ms });
  return session;
}
