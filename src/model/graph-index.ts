/** Who makes and who uses the values of a graph, and what its constants hold. For those who rewrite graphs. */
import { DATA_TYPE, type ModelProto, type NodeProto, type TensorProto } from "../onnx/schema.js";
import { fromFloat16 } from "../onnx/tensor-data.js";

/** An index of a graph as it was when the index was made. */
export class GraphIndex {
  readonly #producers = new Map<string, NodeProto>();
  readonly #users = new Map<string, NodeProto[]>();
  readonly #constants: ReadonlyMap<string, TensorProto>;
  readonly #dims = new Map<string, readonly number[]>();
  readonly #outputs: ReadonlySet<string>;

  constructor({ node, initializer, input, output }: ModelProto["graph"]) {
    for (const one of node) {
      for (const name of one.output) this.#producers.set(name, one);
      for (const name of new Set(one.input)) this.#users.set(name, [...(this.#users.get(name) ?? []), one]);
    }
    this.#constants = new Map(initializer.map((tensor) => [tensor.name, tensor]));
    for (const { name, type } of input) {
      const dims = type.tensorType.shape?.dim.map(({ dimValue }) => dimValue);
      if (dims?.every((size) => size !== undefined) === true) this.#dims.set(name, dims as number[]);
    }
    for (const { name, dims } of initializer) this.#dims.set(name, dims);
    this.#outputs = new Set(output.map(({ name }) => name));
  }

  /** The node that makes a value; undefined for inputs and constants. */
  producer(name: string): NodeProto | undefined {
    return this.#producers.get(name);
  }

  /** The one node that uses a value; undefined where several do, none does, or it is an output of the graph. */
  onlyUser(name: string): NodeProto | undefined {
    const users = this.#users.get(name) ?? [];
    return users.length === 1 && !this.#outputs.has(name) ? users[0] : undefined;
  }

  /** A constant by its name. */
  constant(name: string): TensorProto | undefined {
    return this.#constants.get(name);
  }

  /** Dims of a constant, or of an input that has no free ones. */
  dims(name: string): readonly number[] | undefined {
    return this.#dims.get(name);
  }

  /** The numbers of an int64 constant that lies in the graph's file. */
  int64s(name: string): number[] | undefined {
    const { dataType, rawData } = this.#constants.get(name) ?? {};
    if (dataType !== DATA_TYPE.int64 || rawData === undefined) return undefined;
    return Array.from(new BigInt64Array(Uint8Array.from(rawData).buffer), Number);
  }

  /** The numbers of a float constant that lies in the graph's file. */
  floats(name: string): number[] | undefined {
    const { dataType, rawData } = this.#constants.get(name) ?? {};
    if (rawData === undefined) return undefined;
    if (dataType === DATA_TYPE.float32) return Array.from(new Float32Array(Uint8Array.from(rawData).buffer));
    if (dataType === DATA_TYPE.float16)
      return Array.from(new Uint16Array(Uint8Array.from(rawData).buffer), fromFloat16);
    return undefined;
  }

  /** Whether a constant is this number everywhere. */
  isFilledWith(name: string, value: number): boolean {
    return this.floats(name)?.every((one) => one === value) ?? false;
  }
}
