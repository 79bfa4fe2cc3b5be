/**
 * Weights that are stored apart from their graphs (`graphs.weights` in the manifest): tensors on the device, which
 * sessions take as inputs. They are in memory once, however many sessions use them, and styles share sessions.
 */
import { dirname } from "node:path";
import { InferenceSession, Tensor, type SessionOptions } from "../../binding/index.js";
import { getLogger } from "../../logging.js";
import type { MemoryLedger } from "../../memory/ledger.js";
import { withFloat32Outputs } from "../../model/graph-casts.js";
import { readGraph } from "../../model/read-graph.js";

const log = getLogger("networks");

/** Books bytes for an owner, until the booking is disposed. */
export type BookMemory = (owner: string, bytes: number) => Disposable;

/**
 * Books weights in a ledger. `expectedBytes`, the weights of one style, are booked from the start as "weights to come",
 * so that no page is admitted into the memory that they will need.
 */
export function weightBooks(ledger: MemoryLedger, expectedBytes: number): BookMemory {
  const toCome = expectedBytes === 0 ? undefined : ledger.hold("weights to come", expectedBytes);
  let heldBytes = 0;
  const change = (bytes: number): void => {
    heldBytes += bytes;
    toCome?.resize(Math.max(0, expectedBytes - heldBytes));
  };
  return (owner, bytes) => {
    change(bytes);
    const booking = ledger.hold(owner, bytes);
    return {
      [Symbol.dispose]: () => {
        booking.release();
        change(-bytes);
      },
    };
  };
}

/** Weights by the names of the inputs that take them. */
type WeightTensors = ReadonlyMap<string, Tensor>;

interface LoadedWeights {
  readonly tensors: WeightTensors;
  readonly booking: Disposable;
}

/** How weights are loaded. */
interface SharedWeightsOptions extends SessionOptions {
  /** Hold half precision weights in float32; see `src/model/graph-casts.ts`. Default false. */
  readonly inFloat32?: boolean;
}

/**
 * Loads sets of weights at first use, and frees them. The path of the graph that computes a set identifies it. Owned by
 * `NetworkSessions`.
 */
export class SharedWeights implements Disposable {
  readonly #options: SharedWeightsOptions;
  readonly #book: BookMemory;
  readonly #loading = new Map<string, Promise<LoadedWeights>>();
  readonly #loaded = new Map<string, LoadedWeights>();

  constructor(options: SharedWeightsOptions, book: BookMemory) {
    this.#options = options;
    this.#book = book;
  }

  /**
   * The weights that the graph at `path` computes, loaded at first use.
   * @param owner what the ledger calls them
   * @param place opens the session on whose device, and in whose memory, they are allocated
   */
  async load(path: string, owner: string, place: () => Promise<InferenceSession>): Promise<WeightTensors> {
    let loading = this.#loading.get(path);
    if (loading === undefined) {
      loading = this.#load(path, owner, place);
      this.#loading.set(path, loading);
      const mine = loading;
      loading.then(
        (held) => this.#loading.get(path) === mine && this.#loaded.set(path, held),
        () => this.#loading.get(path) === mine && this.#loading.delete(path), // a failed loading may be tried again
      );
    }
    return (await loading).tensors;
  }

  /** Weights that are loaded now; undefined when they are not. */
  loaded(path: string): WeightTensors | undefined {
    return this.#loaded.get(path)?.tensors;
  }

  /** Frees a set; runs in flight end first. */
  close(path: string): void {
    const loading = this.#loading.get(path);
    this.#loading.delete(path);
    this.#loaded.delete(path);
    loading?.then(free, () => undefined);
  }

  [Symbol.dispose](): void {
    for (const path of this.#loading.keys()) this.close(path);
  }

  async #load(path: string, owner: string, place: () => Promise<InferenceSession>): Promise<LoadedWeights> {
    const started = performance.now();
    const tensors = await loadTensors(path, await place(), this.#options);
    const bytes = [...tensors.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
    log.debug(
      { weights: owner, tensors: tensors.size, bytes, ms: Math.round(performance.now() - started) },
      "weights loaded",
    );
    return { tensors, booking: this.#book(owner, bytes) };
  }
}

function free({ tensors, booking }: LoadedWeights): void {
  for (const tensor of tensors.values()) tensor.dispose();
  booking[Symbol.dispose]();
}

/**
 * Runs the graph once, on the CPU: a LoRA is folded in the same way for every provider, and a device holds no more than
 * the result. ONNX Runtime maps the weight files into memory; results are computed in place, or on the host and then
 * copied to the device.
 */
async function loadTensors(
  path: string,
  place: InferenceSession,
  { intraOpThreads, inFloat32 = false }: SharedWeightsOptions,
): Promise<Map<string, Tensor>> {
  const tensors = new Map<string, Tensor>();
  // Not optimised: ONNX Runtime would compute everything while loading, and hold it beside the result.
  const options: SessionOptions = {
    graphOptimization: "disabled",
    config: { "session.disable_prepacking": "1" },
    ...(intraOpThreads === undefined ? {} : { intraOpThreads }),
  };
  const source = await (inFloat32
    ? InferenceSession.create(withFloat32Outputs(readGraph(path)), inFolder(dirname(path), options))
    : InferenceSession.create(path, options));
  try {
    for (const { name, dtype, dims } of source.outputs)
      tensors.set(name, await Tensor.allocOn(place, dtype, dims as number[]));
    if (place.device.onHost) await source.run({}, { outputs: Object.fromEntries(tensors) });
    else await copyOver(await source.run({}), tensors);
    return tensors;
  } catch (error) {
    for (const tensor of tensors.values()) tensor.dispose();
    throw error;
  } finally {
    source.dispose();
  }
}

/** Options for a graph given by its bytes whose weight files lie in a folder. */
export function inFolder(folder: string, options: SessionOptions): SessionOptions {
  return { ...options, config: { ...options.config, "session.model_external_initializers_file_folder_path": folder } };
}

async function copyOver(from: Readonly<Record<string, Tensor>>, to: ReadonlyMap<string, Tensor>): Promise<void> {
  try {
    for (const [name, tensor] of Object.entries(from)) {
      await tensor.copyTo(to.get(name)!);
      tensor.dispose();
    }
  } finally {
    for (const tensor of Object.values(from)) tensor.dispose();
  }
}
