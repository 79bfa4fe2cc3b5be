/**
 * Turns a graph into ONNX bytes or files. Weights lie inside the file, or in a weight file beside it that several
 * graphs share (ONNX external data: file name, offset, length). Sharing is by content: equal tensors are stored once.
 */
import { createHash } from "node:crypto";
import { open, writeFile, type FileHandle } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { ModelError } from "../errors.js";
import type { Graph } from "./graph-builder.js";
import { CONTRIB_DOMAIN, encodeModelProto, IR_VERSION, OPSET, type TensorProto } from "./schema.js";
import { contentOf, dataTypeOf, type TensorData } from "./tensor-data.js";

/**
 * More bytes of weights than this must lie outside the graph's file (protobuf ends at 2 GB, and the whole file is
 * parsed in memory).
 */
export const MAX_INLINE_BYTES = 2 ** 30;

/**
 * Tensors below this many bytes always lie inside the graph's file, so that shape arithmetic can be folded when it is
 * loaded.
 */
const MIN_EXTERNAL_BYTES = 1024;

/** Tensors start at multiples of this many bytes, so that they can be mapped into memory. */
const ALIGNMENT_BYTES = 4096;

/** Where a tensor lies: in which file beside the graph, and where in it. */
export interface DataSpan {
  readonly file: string;
  readonly offset: number;
  readonly length: number;
}

/** What a weight file holds, so that another process can go on writing it. */
export interface WeightFileState {
  /** Bytes. */
  readonly end: number;
  /** Places by the hash of a tensor's bytes. */
  readonly byContent: readonly (readonly [string, DataSpan])[];
  /** Places by dtype and name. */
  readonly byName: readonly (readonly [string, DataSpan])[];
}

/**
 * A weight file that graphs in the same folder share. What `shared`, another such file, holds already is not stored
 * again, and what belongs to all styles goes there. Owned by who opens it; `close()` when all graphs are written.
 */
export class WeightFile implements AsyncDisposable {
  readonly #byContent = new Map<string, DataSpan>();
  readonly #byName = new Map<string, DataSpan>();
  #end = 0;

  private constructor(
    readonly path: string,
    readonly handle: FileHandle,
    readonly shared: WeightFile | undefined,
  ) {}

  /** Creates the file; an existing one is an error. */
  static async create(path: string, shared?: WeightFile): Promise<WeightFile> {
    return new WeightFile(resolve(path), await open(path, "wx"), shared);
  }

  /** Goes on with a file that another process began; what it wrote after the state was taken is cut off. */
  static async reopen(path: string, state: WeightFileState, shared?: WeightFile): Promise<WeightFile> {
    const file = new WeightFile(resolve(path), await open(path, "r+"), shared);
    if ((await file.handle.stat()).size < state.end) {
      await file.handle.close();
      throw new RangeError(`${path} is shorter than ${state.end} bytes`);
    }
    await file.handle.truncate(state.end);
    file.#end = state.end;
    for (const [key, place] of state.byContent) file.#byContent.set(key, place);
    for (const [name, place] of state.byName) file.#byName.set(name, place);
    return file;
  }

  /** Bytes written so far. */
  get byteLength(): number {
    return this.#end;
  }

  /** What is needed to go on after a crash; all of it is on the disk. */
  async state(): Promise<WeightFileState> {
    await this.handle.datasync();
    return { end: this.#end, byContent: [...this.#byContent], byName: [...this.#byName] };
  }

  /**
   * Stores a tensor, or finds the one of the same name, or the same bytes, stored before. Only the first of a name is
   * read.
   */
  async put(tensor: TensorData): Promise<DataSpan> {
    if (tensor.shared === true && this.shared !== undefined) return await this.shared.put(tensor);
    const name = `${tensor.dtype}/${tensor.name}`;
    const known = this.#named(name);
    if (known !== undefined) return known;
    const bytes = await contentOf(tensor);
    const key = createHash("sha256").update(bytes).digest("base64");
    const place = this.#holding(key) ?? (await this.#append(bytes));
    this.#byContent.set(key, place);
    this.#byName.set(name, place);
    return place;
  }

  #named(name: string): DataSpan | undefined {
    return this.#byName.get(name) ?? (this.shared === undefined ? undefined : this.shared.#named(name));
  }

  #holding(key: string): DataSpan | undefined {
    return this.#byContent.get(key) ?? (this.shared === undefined ? undefined : this.shared.#holding(key));
  }

  async #append(bytes: Uint8Array): Promise<DataSpan> {
    const offset = Math.ceil(this.#end / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
    for (let written = 0; written < bytes.length;) {
      written += (await this.handle.write(bytes, written, bytes.length - written, offset + written)).bytesWritten;
    }
    this.#end = offset + bytes.length;
    return { file: basename(this.path), offset, length: bytes.length };
  }

  async close(): Promise<void> {
    await this.handle.sync();
    await this.handle.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Bytes of all weights of a graph. */
export function weightBytes(graph: Graph): number {
  return graph.constants.reduce((sum, tensor) => sum + tensor.byteLength, 0);
}

/**
 * The graph as ONNX bytes with its weights inside. Throws ERR_MODEL_GRAPH when they are more than `MAX_INLINE_BYTES`.
 */
export function modelBytes(graph: Graph): Uint8Array {
  const bytes = weightBytes(graph);
  if (bytes > MAX_INLINE_BYTES) {
    throw new ModelError(
      "ERR_MODEL_GRAPH",
      `the graph ${graph.name} has ${bytes} bytes of weights; above ${MAX_INLINE_BYTES} they must go to a weight file`,
      { remedy: "write the graph with writeModel()" },
    );
  }
  return encode(
    graph,
    graph.constants.map((tensor) => ({ ...describe(tensor), rawData: tensor.bytes() })),
  );
}

/**
 * Writes the graph to `path` (an existing file is an error). With `weights`, a file in the same folder, its tensors of
 * a kilobyte and more go there one at a time, and `onTensor` hears of each; without, all lie inside (at most
 * `MAX_INLINE_BYTES`). Graphs that share a weight file must give tensors of different content different names.
 */
export async function writeModel(
  graph: Graph,
  path: string,
  weights?: WeightFile,
  onTensor: (byteLength: number) => void = () => {},
): Promise<void> {
  await writeFile(
    path,
    weights === undefined ? modelBytes(graph) : await externalBytes(graph, path, weights, onTensor),
    { flag: "wx" },
  );
}

async function externalBytes(
  graph: Graph,
  path: string,
  weights: WeightFile,
  onTensor: (byteLength: number) => void,
): Promise<Uint8Array> {
  if (dirname(weights.path) !== dirname(resolve(path))) {
    throw new ModelError(
      "ERR_MODEL_GRAPH",
      `the weight file ${weights.path} is not beside ${join(path)}; ONNX Runtime reads external data from the graph's own folder only`,
    );
  }
  const tensors: TensorProto[] = [];
  for (const tensor of graph.constants) {
    if (tensor.byteLength < MIN_EXTERNAL_BYTES) {
      tensors.push({ ...describe(tensor), rawData: await contentOf(tensor) });
      continue;
    }
    const { file, offset, length } = await weights.put(tensor);
    onTensor(length);
    const externalData = [
      { key: "location", value: file },
      { key: "offset", value: String(offset) },
      { key: "length", value: String(length) },
    ];
    tensors.push({ ...describe(tensor), externalData, dataLocation: 1 });
  }
  return encode(graph, tensors);
}

function describe(tensor: TensorData): TensorProto {
  return { name: tensor.name, dims: tensor.dims, dataType: dataTypeOf(tensor) };
}

function encode(graph: Graph, initializer: readonly TensorProto[]): Uint8Array {
  return encodeModelProto({
    irVersion: IR_VERSION,
    producerName: "cobra-batch",
    producerVersion: "1",
    graph: { node: graph.nodes, name: graph.name, initializer, input: graph.inputs, output: graph.outputs },
    opsetImport: [
      { domain: "", version: OPSET },
      { domain: CONTRIB_DOMAIN, version: 1 },
    ],
  });
}
