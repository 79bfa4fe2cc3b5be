/**
 * Builds one ONNX graph in memory: nodes in the order they are added, constants deduplicated, names scoped.
 * `ops.ts` has the layers; `model-file.ts` writes a graph to a file.
 */
import { ModelError } from "../errors.js";
import type { WeightTensor } from "./weights.js";
import {
  ATTRIBUTE_TYPE,
  CONTRIB_DOMAIN,
  DATA_TYPE,
  type AttributeProto,
  type ElementType,
  type NodeProto,
  type ValueInfoProto,
} from "./schema.js";
import { floatTensor, int64Tensor, type TensorData } from "./tensor-data.js";

/**
 * A value that flows through the graph: an input, a constant or a node's output. Values belong to the builder that made
 * them.
 */
export class Value {
  constructor(readonly name: string) {}
}

/**
 * An attribute: integers and lists of them as they are, text, and floats marked as such because 1 and 1.0 look alike
 * here.
 */
type Attribute =
  | number
  | readonly number[]
  | string
  | { readonly float: number }
  | { readonly floats: readonly number[] };

/** Name (symbolic) or size of each axis. */
export type SymbolicDims = readonly (number | string)[];

/** A finished graph. */
export interface Graph {
  readonly name: string;
  readonly nodes: readonly NodeProto[];
  readonly constants: readonly TensorData[];
  readonly inputs: readonly ValueInfoProto[];
  readonly outputs: readonly ValueInfoProto[];
  /** Weights that are inputs: see `GraphOptions.weightsAsInputs`. */
  readonly weights: readonly InputWeight[];
}

/** A weight that a graph takes as an input of this name. */
export interface InputWeight {
  readonly name: string;
  readonly dtype: "float32" | "float16";
  readonly tensor: WeightTensor;
}

/** How to build a graph. */
export interface GraphOptions {
  /** Element type of weights and activations (default float32). */
  precision?: "float32" | "float16";
  /** Makes every value given to `expose` an extra output (default false). For tests of values in between. */
  exposeIntermediates?: boolean;
  /**
   * The only page sizes [width, height] in pixels that the graph will see. What depends on the size alone (positions,
   * size conditions) is then stored, not computed; another size gives NaN. Undefined: any size.
   */
  pageSizes?: readonly (readonly [number, number])[];
  /**
   * Makes the network's weights inputs of the graph instead of constants in it (default false), so that several
   * sessions, and one session for several styles, take them from the same memory.
   */
  weightsAsInputs?: boolean;
}

interface State {
  readonly name: string;
  /** The precision of the graph; builders of parts of it may have another. */
  readonly precision: "float32" | "float16";
  readonly pageSizes: GraphOptions["pageSizes"];
  readonly weightsAsInputs: boolean;
  readonly weights: Map<string, InputWeight>;
  readonly nodes: NodeProto[];
  readonly constants: Map<string, TensorData>;
  readonly inputs: ValueInfoProto[];
  readonly outputs: ValueInfoProto[];
  readonly taken: Set<string>;
}

/** See the file's head. Errors are ModelError ERR_MODEL_GRAPH. */
export class GraphBuilder {
  readonly precision: "float32" | "float16";
  readonly exposesIntermediates: boolean;
  readonly #state: State;
  readonly #scope: string;

  constructor(name: string, options: GraphOptions = {}, inner?: { state: State; scope: string }) {
    this.precision = options.precision ?? "float32";
    this.exposesIntermediates = options.exposeIntermediates ?? false;
    const { pageSizes, weightsAsInputs = false } = options;
    this.#state = inner?.state ?? {
      name,
      precision: this.precision,
      pageSizes,
      weightsAsInputs,
      weights: new Map(),
      nodes: [],
      constants: new Map(),
      inputs: [],
      outputs: [],
      taken: new Set(),
    };
    this.#scope = inner?.scope ?? "";
  }

  /** See `GraphOptions.pageSizes`. */
  get pageSizes(): GraphOptions["pageSizes"] {
    return this.#state.pageSizes;
  }

  /** The same graph, with `scope/` before the names of what is added through it. */
  scoped(scope: string): GraphBuilder {
    const options = { precision: this.precision, exposeIntermediates: this.exposesIntermediates };
    return new GraphBuilder(this.#state.name, options, { state: this.#state, scope: `${this.#scope}${scope}/` });
  }

  /**
   * The same graph for a part that stays float32 in a half precision graph. Its values must be cast before others take
   * them: see `asActivation`.
   */
  inFloat32(): GraphBuilder {
    if (this.precision === "float32") return this;
    return new GraphBuilder(
      this.#state.name,
      { precision: "float32", exposeIntermediates: this.exposesIntermediates },
      { state: this.#state, scope: this.#scope },
    );
  }

  /** Adds a graph input. `dtype` "activation" is the graph's precision. */
  input(name: string, dtype: ElementType | "activation", dims: SymbolicDims): Value {
    this.#state.inputs.push(this.#valueInfo(this.#claim(name), dtype, dims));
    return new Value(name);
  }

  /** Makes a value a graph output called `name`. */
  output(name: string, value: Value, dtype: ElementType | "activation", dims?: SymbolicDims): void {
    this.#state.outputs.push(this.#valueInfo(this.#claim(name), dtype, dims));
    this.#push("Identity", [value.name], [name], {}, "");
  }

  /**
   * Makes a value an extra output, its name after the scope, when the graph was asked to expose such values; else does
   * nothing. Gives the value back.
   */
  expose(name: string, value: Value, dtype: ElementType | "activation" = "activation"): Value {
    if (this.exposesIntermediates) this.output(this.#scope + name, value, dtype);
    return value;
  }

  /** Adds a standard operator with one output. An undefined input leaves an optional one out. */
  node(
    opType: string,
    inputs: readonly (Value | undefined)[],
    attributes: Readonly<Record<string, Attribute>> = {},
  ): Value {
    return this.nodes(opType, inputs, 1, attributes)[0]!;
  }

  /** Adds a standard operator with several outputs. */
  nodes(
    opType: string,
    inputs: readonly (Value | undefined)[],
    outputCount: number,
    attributes: Readonly<Record<string, Attribute>> = {},
    domain = "",
  ): Value[] {
    const base = `${this.#scope}${opType}_${this.#state.nodes.length}`;
    const outputs = Array.from({ length: outputCount }, (_, index) =>
      this.#claim(outputCount === 1 ? base : `${base}.${index}`),
    );
    this.#push(
      opType,
      inputs.map((value) => value?.name ?? ""),
      outputs,
      attributes,
      domain,
      base,
    );
    return outputs.map((name) => new Value(name));
  }

  /** Adds one of ONNX Runtime's own operators (com.microsoft) with one output. */
  contrib(
    opType: string,
    inputs: readonly (Value | undefined)[],
    attributes: Readonly<Record<string, Attribute>> = {},
  ): Value {
    return this.nodes(opType, inputs, 1, attributes, CONTRIB_DOMAIN)[0]!;
  }

  /** A weight of the network in the graph's precision; the same weight is stored, or asked for, once. */
  weight(tensor: WeightTensor): Value {
    if (!this.#state.weightsAsInputs) return this.table(tensor);
    const name = this.#nameOf(tensor);
    if (!this.#state.weights.has(name)) {
      this.input(name, this.precision, tensor.dims);
      this.#state.weights.set(name, { name, dtype: this.precision, tensor });
    }
    return new Value(name);
  }

  /** A large constant that is the same whatever the network's weights are, in the graph's precision. */
  table(tensor: WeightTensor): Value {
    return this.constant(weightData(tensor, this.precision, this.#nameOf(tensor)));
  }

  #nameOf(tensor: WeightTensor): string {
    return this.precision === this.#state.precision ? tensor.name : `${tensor.name}#${this.precision}`;
  }

  /** A small float constant, in the graph's precision unless float32 is asked for; equal ones are stored once. */
  floats(
    values: readonly number[],
    dims: readonly number[] = [values.length],
    dtype: "float32" | "activation" = "activation",
  ): Value {
    const stored = dtype === "activation" ? this.precision : dtype;
    const name = `constant/${stored}[${dims.join(",")}]/${contentName(values)}`;
    return this.constant(floatTensor(name, dims, stored, () => Float32Array.from(values)));
  }

  /** A scalar float constant. */
  float(value: number, dtype: "float32" | "activation" = "activation"): Value {
    return this.floats([value], [], dtype);
  }

  /** An int64 constant, one axis; equal ones are stored once. */
  int64s(values: readonly number[]): Value {
    return this.constant(
      int64Tensor(`constant/int64[${values.length}]/${contentName(values)}`, [values.length], values),
    );
  }

  /** A scalar int64 constant. */
  int64(value: number): Value {
    return this.constant(int64Tensor(`constant/int64/${value}`, [], [value]));
  }

  /** The finished graph. */
  build(): Graph {
    const { name, nodes, constants, inputs, outputs, weights } = this.#state;
    if (outputs.length === 0)
      throw new ModelError("ERR_MODEL_GRAPH", `the graph ${name} has no output`, {
        remedy: "call output() before build()",
      });
    return { name, nodes, constants: [...constants.values()], inputs, outputs, weights: [...weights.values()] };
  }

  /** A constant as it is. */
  constant(tensor: TensorData): Value {
    const known = this.#state.constants.get(tensor.name);
    if (known === undefined) {
      this.#state.constants.set(this.#claim(tensor.name), tensor);
    } else if (known.dtype !== tensor.dtype || known.dims.join() !== tensor.dims.join()) {
      throw new ModelError(
        "ERR_MODEL_GRAPH",
        `two constants are called ${tensor.name}: [${known.dims.join(", ")}] and [${tensor.dims.join(", ")}]`,
        { remedy: "give the weight sources different labels" },
      );
    }
    return new Value(tensor.name);
  }

  #push(
    opType: string,
    input: readonly string[],
    output: readonly string[],
    attributes: Readonly<Record<string, Attribute>>,
    domain: string,
    name = output[0]!,
  ): void {
    for (const one of input) {
      if (one !== "" && !this.#state.taken.has(one))
        throw new ModelError(
          "ERR_MODEL_GRAPH",
          `${name} takes ${one}, which the graph ${this.#state.name} does not have; values must come from the same builder`,
        );
    }
    let used = input.length;
    while (used > 0 && input[used - 1] === "") used--;
    const attribute = Object.entries(attributes).map(([key, value]) => encodeAttribute(name, key, value));
    this.#state.nodes.push({ input: input.slice(0, used), output, name, opType, attribute, domain });
  }

  #claim(name: string): string {
    if (name === "" || this.#state.taken.has(name))
      throw new ModelError(
        "ERR_MODEL_GRAPH",
        `the name ${JSON.stringify(name)} is empty or taken in the graph ${this.#state.name}; names are unique`,
      );
    this.#state.taken.add(name);
    return name;
  }

  #valueInfo(name: string, dtype: ElementType | "activation", dims: SymbolicDims | undefined): ValueInfoProto {
    const elemType = DATA_TYPE[dtype === "activation" ? this.precision : dtype];
    const dim = dims?.map((size) => (typeof size === "number" ? { dimValue: size } : { dimParam: size }));
    return { name, type: { tensorType: dim === undefined ? { elemType } : { elemType, shape: { dim } } } };
  }
}

/** A weight as it is stored; `name` is unique in the model. */
export function weightData(tensor: WeightTensor, dtype: "float32" | "float16", name: string): TensorData {
  return {
    ...floatTensor(name, tensor.dims, dtype, () => tensor.data()),
    ...(tensor.shared === true ? { shared: true } : {}),
  };
}

/** A name that says the content of a constant: the values where they are few, a digest where they are many. */
function contentName(values: readonly number[]): string {
  if (values.length <= 8) return values.join(",");
  let hash = 0xcbf29ce484222325n;
  const bytes = new Uint8Array(Float64Array.from(values).buffer);
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return `fnv${hash.toString(16)}`;
}

function encodeAttribute(node: string, name: string, value: Attribute): AttributeProto {
  if (typeof value === "string") return { name, type: ATTRIBUTE_TYPE.string, s: new TextEncoder().encode(value) };
  if (typeof value === "number" || Array.isArray(value)) {
    const ints = (Array.isArray(value) ? value : [value]) as readonly number[];
    const odd = ints.find((one) => !Number.isSafeInteger(one));
    if (odd !== undefined)
      throw new ModelError("ERR_MODEL_GRAPH", `the attribute ${name} of ${node} is ${odd}`, {
        remedy: "write {float: …} for a number that is not whole",
      });
    return Array.isArray(value)
      ? { name, type: ATTRIBUTE_TYPE.ints, ints }
      : { name, type: ATTRIBUTE_TYPE.int, i: ints[0]! };
  }
  const marked = value as { float: number } | { floats: readonly number[] };
  return "float" in marked
    ? { name, type: ATTRIBUTE_TYPE.float, f: marked.float }
    : { name, type: ATTRIBUTE_TYPE.floats, floats: marked.floats };
}
