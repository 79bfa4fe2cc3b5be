/**
 * The networks of a model package as typed calls. Shapes are N,C,H,W; pictures are float32 planes.
 */
import { InferenceSession, Tensor, type SessionOptions } from "../../binding/index.js";
import type { Style } from "../../config/batch-config.js";
import { InferenceError, systemCode } from "../../errors.js";
import { isError } from "../../errors/facts.js";
import type { GraphName } from "../../model/graph-names.js";
import type { ModelPackage } from "../../model/package.js";
import { drawsSeveral } from "../../model/posterior-draws.js";
import type { LineInput } from "../cobra/line-style.js";
import { NetworkSessions, openInRuntime, type OpenNetwork, type RetryOnOutOfMemory } from "./network-sessions.js";
import { RunClock } from "./run-times.js";
import type { BookMemory } from "./shared-weights.js";
import { SharedPlanes, Staging } from "./staging.js";
import { shrinkArenas } from "./shrink-arenas.js";

/** What the denoiser sees of B pages besides the noisy latents; all stay where the session put them. */
export interface DenoiserConditions {
  /** [B, 4, h, w] latents of the line pictures. */
  lineLatent: Tensor;
  /** [B, 4, h, w] latents of the hint pictures. */
  hintLatent: Tensor;
  /** [B, 1, h, w], 0..1. */
  hintMask: Tensor;
  /** [B, 2] = [H, 2W] of each page in pixels. */
  resolution: Tensor;
  /** [B, R, layers, 2, tokens, width]. */
  referenceKv: Tensor;
}

/** What networks are run with. */
export interface NetworksParts {
  /** How work that may run out of memory is done. Default: once. */
  readonly withRetry?: RetryOnOutOfMemory;
  /** Books the memory of weights that are held apart from sessions. Default: not booked. */
  readonly book?: BookMemory;
  /** Opens sessions. Default: ONNX Runtime's. */
  readonly openNetwork?: OpenNetwork | undefined;
  /** What the device is called. Default "cpu". */
  readonly device?: string;
  /** Times the runs. */
  readonly clock?: RunClock;
  /** Memory for planes. Default: its own. */
  readonly planes?: SharedPlanes;
}

/**
 * Threads that spin between two operators take the cores from decoding and encoding: 86 pages a minute with them,
 * 107 without, on two cores; a page alone takes as long (`docs/tuning.md`).
 */
const SESSION_CONFIG = { "session.intra_op.allow_spinning": "0" } as const;

/** Runs the graphs of one model package. Owns its sessions; `dispose()` frees them. */
export class Networks implements Disposable {
  readonly model: ModelPackage;
  /** Memory for planes that workers and networks share. */
  readonly planes: SharedPlanes;
  /** Whether `encodeImage` may draw several latents at once. */
  readonly drawsSeveral: boolean;
  readonly #sessions: NetworkSessions;
  readonly #withRetry: RetryOnOutOfMemory;
  readonly #clock: RunClock;
  readonly #staging = new Staging();

  constructor(model: ModelPackage, options: SessionOptions = {}, parts: NetworksParts = {}) {
    const {
      withRetry = (work) => work(),
      book = () => ({ [Symbol.dispose]: () => undefined }),
      openNetwork = openInRuntime,
      device = "cpu",
      clock = new RunClock(device),
      planes = new SharedPlanes(),
    } = parts;
    this.model = model;
    this.planes = planes;
    this.drawsSeveral = drawsSeveral(options);
    this.#withRetry = withRetry;
    this.#clock = clock;
    const config = { ...SESSION_CONFIG, ...options.config };
    this.#sessions = new NetworkSessions(model, { ...options, config }, withRetry, book, (graph, file, given) =>
      openNetwork(graph, file, given, device),
    );
  }

  /** The session of a graph, opened at first use. */
  session(graph: GraphName, style: Style): Promise<InferenceSession> {
    return this.#sessions.session(graph, style);
  }

  /**
   * A session with its weights. They may be closed by others at any time between two awaits, and are then opened again.
   */
  async #ready(
    graph: GraphName,
    style: Style,
  ): Promise<{ session: InferenceSession; weights: Record<string, Tensor> }> {
    for (;;) {
      const session = await this.session(graph, style);
      const weights = await this.#sessions.weights(graph, style, session);
      if (!session.disposed && Object.values(weights).every(({ disposed }) => !disposed)) return { session, weights };
    }
  }

  /** @param output its name, or where to write it: shared memory, by its name */
  async #run(
    graph: GraphName,
    style: Style,
    inputs: Record<string, Tensor>,
    output: string | Readonly<Record<string, Tensor>>,
    signal?: AbortSignal,
    keepOnDevice = false,
  ): Promise<Tensor> {
    let { session, weights } = await this.#ready(graph, style);
    const startedMs = performance.now();
    try {
      const outputs = await this.#withRetry(async () => {
        if (session.disposed) ({ session, weights } = await this.#ready(graph, style));
        return session.run(
          { ...inputs, ...weights },
          {
            outputs: typeof output === "string" ? [output] : output,
            keepOnDevice,
            finite: true,
            ...(signal ? { signal } : {}),
          },
        );
      });
      this.recordRun(graph, style, session, startedMs);
      return Object.values(outputs)[0]!;
    } catch (error) {
      throw this.runFailed(graph, style, session, startedMs, error);
    }
  }

  /** Runs a network that gives planes. @returns shared memory; give it back to `planes` */
  async #runToPlanes(
    graph: GraphName,
    style: Style,
    inputs: Record<string, Tensor>,
    [name, dims]: readonly [string, readonly number[]],
    signal?: AbortSignal,
  ): Promise<Float32Array> {
    const values = this.planes.take(dims.reduce((product, dim) => product * dim, 1));
    using output = Tensor.from("float32", values, dims);
    await this.#run(graph, style, inputs, { [name]: output }, signal);
    return values;
  }

  /** Counts a run that ends now; `error`: the code or the name of what it failed with. */
  recordRun(graph: GraphName, style: Style, session: InferenceSession, startedMs: number, error?: string): void {
    const model = this.model.manifest.name;
    this.#clock.record({ model, graph, style, provider: session.provider, startedMs, error });
  }

  /** Counts a run that fails now. @returns the error to throw, which names the network where its values are at fault */
  runFailed(graph: GraphName, style: Style, session: InferenceSession, startedMs: number, error: unknown): unknown {
    const failure = systemCode(error) ?? (isError(error) ? error.name : "Error");
    this.recordRun(graph, style, session, startedMs, failure);
    if (failure !== "ERR_MODEL_OUTPUT") return error;
    return new InferenceError("ERR_MODEL_OUTPUT", `${graph}: ${(error as Error).message}`, { cause: error });
  }

  /**
   * Does work that may run out of memory, as the networks' own runs are done.
   * @param batch see `RetryOnOutOfMemory`
   */
  retrying<T>(work: () => Promise<T>, batch?: number): Promise<T> {
    return this.#withRetry(work, batch);
  }

  /**
   * What denoising is made of: the denoiser, the weights that it takes, and the solver on the same device; none where
   * that is the host, which needs no graph for it.
   */
  async denoiser(
    style: Style,
  ): Promise<{ session: InferenceSession; weights: Record<string, Tensor>; solver: InferenceSession | undefined }> {
    const { session, weights } = await this.#ready("denoiser", style);
    return { session, weights, solver: session.device.onHost ? undefined : await this.#sessions.solver(session) };
  }

  /**
   * Raw output of the line network, at the input's padded size, in memory of `planes`.
   * @param gray 0..255, sides multiples of 16
   */
  async extractLines({ data, width, height }: LineInput, signal?: AbortSignal): Promise<LineInput> {
    const dims = [1, 1, height, width];
    const line = await this.#staging.with(data, dims, (gray) =>
      this.#runToPlanes("line_extractor", "line", { gray }, ["line", dims], signal),
    );
    return { data: line, width, height };
  }

  /**
   * Embeddings of pictures for retrieval, one row of `imageEncoder.embeddingSize` values each.
   * @param pixels [count, 3, size, size], normalised as the manifest says
   */
  async embed(pixels: Float32Array, count: number, signal?: AbortSignal): Promise<Float32Array> {
    const size = this.model.manifest.imageEncoder.imageSize;
    using embedding = await this.#staging.with(pixels, [count, 3, size, size], (input) =>
      this.#run("image_encoder", "line", { pixels: input }, "embedding", signal),
    );
    return (embedding.data as Float32Array).slice();
  }

  /**
   * Scaled latents of a picture, [draws, 4, height/8, width/8], sampled with the given noise (zeros: the mean). They
   * stay on the device.
   * @param planes [1, 3, height, width] in [-1, 1]
   * @param noise of one draw [4, height/8, width/8], or of several where `drawsSeveral`
   */
  async encodeImage(
    planes: Float32Array,
    width: number,
    height: number,
    noise: Float32Array,
    signal?: AbortSignal,
  ): Promise<Tensor> {
    const { channels, downscale } = this.model.manifest.latent;
    const size = [channels, height / downscale, width / downscale] as const;
    const draws = noise.length / (size[0] * size[1] * size[2]);
    using draw = Tensor.from("float32", noise, [draws, ...size]);
    return await this.#staging.with(planes, [1, 3, height, width], (image) =>
      this.#run("vae_encoder", "line", { image, noise: draw }, "latent", signal, true),
    );
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

  /** Picture planes [1, 3, 8h, 8w] around [-1, 1] of a scaled latent [1, 4, h, w], in memory of `planes`. */
  decodeLatent(latent: Tensor, signal?: AbortSignal): Promise<Float32Array> {
    const { downscale } = this.model.manifest.latent;
    const dims = [1, 3, ...latent.dims.slice(2).map((side) => side * downscale)];
    return this.#runToPlanes("vae_decoder", "line", { latent }, ["image", dims], signal);
  }

  /**
   * The guided upsampler: colour and line planes [1, 3, height, width] and noise [1, 4, height/8, width/8] to picture
   * planes in memory of `planes`.
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
    const dims = [1, 3, height, width];
    using draw = Tensor.from("float32", noise, [1, channels, height / downscale, width / downscale]);
    return await this.#staging.with(color, dims, (colorInput) =>
      this.#staging.with(line, dims, (lineInput) => {
        const inputs = { color: colorInput, line: lineInput, noise: draw };
        return this.#runToPlanes("guided_upsampler", style, inputs, ["image", dims], signal);
      }),
    );
  }

  /** Frees what only this style uses, when its last run has ended. It opens again when it is needed. */
  closeStyle(style: Style): void {
    this.#sessions.closeStyle(style);
  }

  /** The sessions that are open. */
  openSessions(): InferenceSession[] {
    return this.#sessions.open().map(({ session }) => session);
  }

  /** Gives memory that all arenas hold and do not use back to the system. */
  shrinkArenas(): Promise<void> {
    this.#staging.clear();
    this.planes.clear();
    return shrinkArenas(this.#sessions, this.model.manifest);
  }

  /** Frees all sessions, weights and staged memory. They are there again when they are needed. */
  async rebuild(): Promise<void> {
    this.#staging.clear();
    this.planes.clear();
    this.#sessions.closeAll();
  }

  /** Frees all sessions, when their last run has ended. Idempotent. */
  dispose(): void {
    this.#sessions[Symbol.dispose]();
    this.#staging[Symbol.dispose]();
    this.planes.clear();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
