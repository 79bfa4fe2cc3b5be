/**
 * The sessions and weights of one model package. A session opens at first use, and styles that share its graph share
 * it.
 */
import { dirname, join } from "node:path";
import { InferenceSession, type SessionOptions, type Tensor } from "../../binding/index.js";
import { PROVIDERS } from "../../binding/runtime/providers.js";
import type { Style } from "../../config/batch-config.js";
import { BatchProcessingError } from "../../errors.js";
import { getLogger } from "../../logging.js";
import { CUDA_LAYOUT, cudaModel, type CudaLayout } from "../../model/cuda-graphs.js";
import { outputNames, withFloat32Weights } from "../../model/graph-casts.js";
import { STYLES } from "../../config/batch-config.js";
import { TAKEN_WEIGHTS, type GraphName, type WeightSet } from "../../model/graph-names.js";
import type { ModelPackage } from "../../model/package.js";
import { drawsSeveral, withDraws } from "../../model/posterior-draws.js";
import { readGraph } from "../../model/read-graph.js";
import { weightsInFloat32 } from "../../model/requirements.js";
import { modelBytes } from "../../onnx/model-file.js";
import { encodeModelProto } from "../../onnx/schema.js";
import { CHANNELS } from "../../observe/channels.js";
import { buildSolver } from "../cobra/solver-graph.js";
import { cudaOptions } from "./cuda-options.js";
import { tensorRtOptions } from "./tensorrt-options.js";
import { inFolder, SharedWeights, type BookMemory } from "./shared-weights.js";

const log = getLogger("networks");

/**
 * Does `work`. When memory runs out in it, frees memory and does it again, until it succeeds or nothing is left to
 * free.
 * @param batch pages in it; of several, half are tried before sessions are opened again
 */
export type RetryOnOutOfMemory = <T>(work: () => Promise<T>, batch?: number) => Promise<T>;

/** Opens a network's session, on a device by its name. */
export type OpenNetwork = (
  graph: GraphName,
  model: string | Uint8Array,
  options: SessionOptions,
  device: string,
) => Promise<InferenceSession>;

/** Opens it on the device that is meant. */
type OpenHere = (graph: GraphName, model: string | Uint8Array, options: SessionOptions) => Promise<InferenceSession>;

/** Opens it with ONNX Runtime. */
export const openInRuntime: OpenNetwork = (_graph, model, options) => InferenceSession.create(model, options);

/** Which network's session a set of weights is allocated with: one that every use of the weights needs anyway. */
const ALLOCATED_WITH: Readonly<Record<WeightSet, GraphName>> = {
  vae: "vae_encoder",
  transformer: "denoiser",
  upsampler: "guided_upsampler",
};

/** The graphs that are rewritten for CUDA: see `src/model/cuda-graphs.ts`. */
const REWRITTEN_FOR_CUDA: ReadonlySet<GraphName> = new Set(["vae_encoder", "vae_decoder", "guided_upsampler"]);

/** Opens sessions and loads weights, once each. Owns them; disposing frees them when their last run has ended. */
export class NetworkSessions implements Disposable {
  readonly #model: ModelPackage;
  readonly #options: SessionOptions;
  readonly #withRetry: RetryOnOutOfMemory;
  readonly #openNetwork: OpenHere;
  readonly #sessions = new Map<string, Promise<InferenceSession>>();
  readonly #open = new Map<InferenceSession, GraphName>();
  readonly #weights: SharedWeights;
  /** Whether separate weights are held in float32: see `src/model/graph-casts.ts`. */
  readonly #inFloat32: boolean;
  /** How graphs are rewritten; "as stored" for other providers than CUDA. */
  readonly #layout: CudaLayout;
  /** The names of the weights that a file gives. */
  readonly #weightNames = new Map<string, ReadonlySet<string>>();
  #solver: Promise<InferenceSession> | undefined;
  #disposed = false;

  /** @param cudaLayout for measurements */
  constructor(
    model: ModelPackage,
    options: SessionOptions,
    withRetry: RetryOnOutOfMemory,
    book: BookMemory,
    openNetwork: OpenHere,
    cudaLayout: CudaLayout = CUDA_LAYOUT,
  ) {
    this.#model = model;
    this.#openNetwork = openNetwork;
    this.#options = options;
    this.#withRetry = withRetry;
    this.#inFloat32 =
      model.manifest.graphs.weights !== undefined && weightsInFloat32(model.manifest, options.provider ?? "cpu");
    this.#weights = new SharedWeights({ ...options, inFloat32: this.#inFloat32 }, book);
    this.#layout = options.provider === "cuda" && foldsConstants(options) ? cudaLayout : "as stored";
  }

  /** The session of a graph, opened at first use. */
  session(graph: GraphName, style: Style): Promise<InferenceSession> {
    const { name } = this.#model.manifest;
    if (this.#disposed)
      throw new BatchProcessingError("ERR_STATE", `the networks of model "${name}" are disposed`, {
        remedy: "open the engine again",
      });
    const path = this.#model.graphPath(graph, style);
    let opening = this.#sessions.get(path);
    if (!opening) {
      opening = this.#withRetry(() =>
        openSession(this.#openNetwork, name, graph, path, this.#optionsOf(graph), this.#rewritten(graph, style, path)),
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

  #optionsOf(graph: GraphName): SessionOptions {
    if (this.#options.provider === "tensorrt") return tensorRtOptions(this.#model, graph, this.#options);
    return this.#options.provider === "cuda" ? cudaOptions(graph, this.#model.manifest, this.#options) : this.#options;
  }

  /** The solver beside a denoiser's session, opened at first use. */
  solver({ device }: InferenceSession): Promise<InferenceSession> {
    if (this.#solver === undefined) {
      const provider = device.kind; // each kind has a plain provider of its name
      const precision = PROVIDERS[provider].hasFloat64 ? "float64" : "float32";
      const model = modelBytes(buildSolver(this.#model.manifest.prediction, precision));
      this.#solver = InferenceSession.create(model, { provider, deviceId: device.index, intraOpThreads: 1 });
      this.#solver.catch(() => (this.#solver = undefined)); // a failed opening may be tried again
    }
    return this.#solver;
  }

  /** The weights that a session takes as inputs, loaded at first use. */
  async weights(graph: GraphName, style: Style, session: InferenceSession): Promise<Record<string, Tensor>> {
    const taken: Record<string, Tensor> = {};
    for (const set of TAKEN_WEIGHTS[graph] ?? []) {
      const path = this.#model.weightsPath(set, style);
      if (path === undefined || !this.#takes(session, path)) continue;
      const owner = set === "vae" ? "weights vae" : `weights ${set}, ${style}`;
      const weights = await this.#withRetry(() =>
        this.#weights.load(path, owner, () => this.session(ALLOCATED_WITH[set], style)),
      );
      for (const { name } of session.inputs) if (weights.has(name)) taken[name] = weights.get(name)!;
    }
    return taken;
  }

  /** A graph as the session takes it, where that is not the file. */
  #rewritten(graph: GraphName, style: Style, path: string): RewrittenGraph | undefined {
    const drawn = graph === "vae_encoder" && drawsSeveral(this.#options) ? withDraws(readGraph(path)) : undefined;
    const plain = drawn && encodeModelProto(drawn);
    if (this.#inFloat32) {
      const separate = separateWeights(this.#model, graph, style);
      const bytes = separate ? withFloat32Weights(drawn ?? readGraph(path), (name) => separate.has(name)) : plain;
      return bytes && { bytes };
    }
    if (this.#layout === "as stored" || !REWRITTEN_FOR_CUDA.has(graph)) return plain && { bytes: plain };
    // Only what all styles share: they share the sessions too.
    const shared = this.#model.weightsPath("vae", style);
    const weights = shared === undefined ? [] : [readGraph(shared)];
    const model = cudaModel(drawn ?? readGraph(path), this.#layout, weights);
    if (model === undefined) return plain && { bytes: plain };
    return { bytes: encodeModelProto(model), forCpu: plain ?? path };
  }

  /** Whether a session takes weights of a file. The weights of a rewritten graph may have become constants. */
  #takes(session: InferenceSession, path: string): boolean {
    if (this.#layout === "as stored") return true;
    if (!this.#weightNames.has(path)) this.#weightNames.set(path, new Set(outputNames(path)));
    return session.inputs.some(({ name }) => this.#weightNames.get(path)!.has(name));
  }

  /** The weights that are loaded now for a session's inputs, of any style. Some may be missing. */
  loadedWeights(session: InferenceSession): Record<string, Tensor> {
    const sets = (["vae", "transformer", "upsampler"] as const).flatMap((set) =>
      STYLES.map((style) => this.#model.weightsPath(set, style)),
    );
    const loaded = sets.flatMap((path) => (path === undefined ? [] : [this.#weights.loaded(path)]));
    return Object.fromEntries(
      session.inputs.flatMap(({ name }) =>
        loaded.flatMap((weights) => (weights?.has(name) === true ? [[name, weights.get(name)!]] : [])),
      ),
    );
  }

  /** Frees all sessions and weights, when their last run has ended. They open again when they are needed. */
  closeAll(): void {
    for (const path of this.#sessions.keys()) {
      disposeOpened(this.#sessions.get(path));
      this.#sessions.delete(path);
    }
    this.#weights[Symbol.dispose]();
  }

  /** The sessions that are open, with what they run. */
  open(): { readonly session: InferenceSession; readonly graph: GraphName }[] {
    return [...this.#open].flatMap(([session, graph]) => (session.disposed ? [] : [{ session, graph }]));
  }

  /** Frees what only this style uses, when its last run has ended. It opens again when it is needed. */
  closeStyle(style: Style): void {
    const { styles, weights } = this.#model.manifest.graphs;
    const filesOf = (name: Style): string[] =>
      [...Object.values(styles[name] ?? {}), ...Object.values(weights?.styles[name] ?? {})].filter(
        (file) => file !== undefined,
      );
    const others = new Set(STYLES.flatMap((name) => (name === style ? [] : filesOf(name))));
    for (const file of filesOf(style)) {
      if (others.has(file)) continue;
      const path = join(this.#model.directory, file);
      this.#weights.close(path);
      disposeOpened(this.#sessions.get(path));
      this.#sessions.delete(path);
    }
  }

  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#weights[Symbol.dispose]();
    for (const opening of this.#sessions.values()) disposeOpened(opening);
    disposeOpened(this.#solver);
  }
}

function disposeOpened(opening: Promise<InferenceSession> | undefined): void {
  opening?.then(
    (session) => session.dispose(),
    () => undefined,
  );
}

/** Names of the separate weights that a graph takes; undefined when it takes none. */
function separateWeights(model: ModelPackage, graph: GraphName, style: Style): ReadonlySet<string> | undefined {
  const paths = (TAKEN_WEIGHTS[graph] ?? []).flatMap((set) => model.weightsPath(set, style) ?? []);
  return paths.length === 0 ? undefined : new Set(paths.flatMap((path) => outputNames(path)));
}

/** Whether ONNX Runtime computes constants while loading, which rewritten graphs rely on. */
function foldsConstants({ graphOptimization }: SessionOptions): boolean {
  return graphOptimization !== "disabled";
}

/** A graph that is not as its file. */
interface RewrittenGraph {
  readonly bytes: Uint8Array;
  /** What the CPU takes, where it stands in for CUDA. Default: the same. */
  readonly forCpu?: Uint8Array | string;
}

async function openSession(
  open: OpenHere,
  model: string,
  graph: GraphName,
  path: string,
  options: SessionOptions,
  rewritten?: RewrittenGraph,
): Promise<InferenceSession> {
  const started = performance.now();
  const session = await (rewritten === undefined
    ? open(graph, path, options)
    : openRewritten(open, graph, path, options, rewritten));
  const { provider, device } = session;
  const ms = performance.now() - started;
  log.debug({ graph, provider, device, ms: Math.round(ms) }, "network loaded");
  if (CHANNELS.networkLoad.isWatched) CHANNELS.networkLoad.publish({ model, graph, provider, ms });
  return session;
}

/** Opens a rewritten graph. Where there is no CUDA, the CPU that stands in for it takes the graph that is for it. */
async function openRewritten(
  open: OpenHere,
  graph: GraphName,
  path: string,
  options: SessionOptions,
  { bytes, forCpu = bytes }: RewrittenGraph,
): Promise<InferenceSession> {
  const here = inFolder(dirname(path), options);
  if (options.provider !== "cuda" || options.fallback !== true) return open(graph, bytes, here);
  try {
    return await open(graph, bytes, { ...here, fallback: false });
  } catch (error) {
    if ((error as { code?: unknown }).code !== "ERR_PROVIDER_UNAVAILABLE") throw error;
    return open(graph, forCpu, typeof forCpu === "string" ? options : here);
  }
}
