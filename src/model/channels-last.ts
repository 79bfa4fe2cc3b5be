/**
 * Brings the pictures of a graph to [N, H, W, C], channels last, from operator to operator: group norms, which exist in
 * this layout only, and convolutions, which tensor cores compute in it. Where an operator needs [N, C, H, W], a
 * Transpose comes before it.
 */
import { ATTRIBUTE_TYPE, CONTRIB_DOMAIN, DATA_TYPE, type ModelProto, type NodeProto } from "../onnx/schema.js";
import { GROUP_NORM } from "./group-norm.js";
import { GraphIndex } from "./graph-index.js";

type Graph = ModelProto["graph"];

/** Operators that compute element by element, with one picture. */
const ELEMENTWISE: ReadonlySet<string> = new Set(["Relu", "LeakyRelu", "QuickGelu", "Cast"]);
/** cuDNN's kernels for tensor cores take channels by this many. */
const CHANNEL_MULTIPLE = 8;
const TO_LAST = [0, 2, 3, 1];
const TO_FIRST = [0, 3, 1, 2];

/**
 * The graph with its GroupNorm operators between transposes. A transpose that would be undone is left out.
 * @param convolutions also the half precision convolutions whose weights are constants
 */
export function withChannelsLast(graph: Graph, convolutions: boolean): Graph {
  return new LayoutPass(graph, convolutions).run();
}

class LayoutPass {
  readonly #graph: Graph;
  readonly #convolutions: boolean;
  readonly #index: GraphIndex;
  readonly #nodes: NodeProto[] = [];
  readonly #constants: Graph["initializer"][number][] = [];
  /** Values that some node gives as pictures, in either layout. */
  readonly #pictures = new Set<string>();
  /** Values that do not exist with channels first. */
  readonly #missing = new Set<string>();
  /** Values that exist with channels last, under the name `lastName` gives. */
  readonly #last = new Set<string>();

  constructor(graph: Graph, convolutions: boolean) {
    this.#graph = graph;
    this.#convolutions = convolutions;
    this.#index = new GraphIndex(graph);
  }

  run(): Graph {
    for (const node of this.#graph.node) this.#add(node);
    for (const { name } of this.#graph.output) this.#first(name);
    return { ...this.#graph, node: this.#nodes, initializer: [...this.#graph.initializer, ...this.#constants] };
  }

  #add(node: NodeProto): void {
    const [x, second, ...rest] = node.input as [string, string, ...string[]];
    if (node.opType === GROUP_NORM) {
      this.#addLast({ ...node, input: [this.#toLast(x), second, ...rest] });
    } else if (this.#convolutions && this.#isConvolution(node)) {
      // The weight is [out, in, h, w] and becomes [out, h, w, in]: ONNX Runtime does that once, while loading.
      const input = [this.#toLast(x), this.#toLast(second), ...rest];
      this.#addLast({ ...node, input, opType: "NhwcConv", domain: CONTRIB_DOMAIN });
    } else if (ELEMENTWISE.has(node.opType) && this.#missing.has(x)) {
      this.#addLast({ ...node, input: [lastName(x)] });
    } else if (node.opType === "Add" && this.#isPictureSum(x, second)) {
      this.#addLast({ ...node, input: [this.#toLast(x), this.#toLast(second)] });
    } else if (node.opType === "Resize" && this.#missing.has(x) && this.#scales(node) !== undefined) {
      this.#addLast({ ...node, input: [lastName(x), "", this.#scalesLast(this.#scales(node)!)] });
    } else {
      for (const name of node.input) this.#first(name);
      this.#nodes.push(node);
      if (
        node.opType === "Conv" ||
        node.opType === "Resize" ||
        node.input.some((name) => this.#isPictureOf(node, name))
      )
        for (const name of node.output) this.#pictures.add(name);
    }
  }

  /** Whether what a node gives is a picture because this input is one. */
  #isPictureOf({ opType }: NodeProto, name: string): boolean {
    return (
      (opType === "Add" || opType === "InstanceNormalization" || ELEMENTWISE.has(opType)) && this.#pictures.has(name)
    );
  }

  /** Adds a node that gives its one output with channels last. */
  #addLast(node: NodeProto): void {
    const [y] = node.output as [string];
    this.#nodes.push({ ...node, output: [lastName(y)] });
    this.#pictures.add(y);
    this.#last.add(y);
    this.#missing.add(y);
  }

  /** The value with channels last. */
  #toLast(name: string): string {
    if (!this.#last.has(name)) {
      this.#nodes.push(transpose(name, lastName(name), TO_LAST));
      this.#last.add(name);
    }
    return lastName(name);
  }

  /** Sees to it that the value exists with channels first. */
  #first(name: string): void {
    if (!this.#missing.delete(name)) return;
    this.#nodes.push(transpose(lastName(name), name, TO_FIRST));
  }

  #isConvolution({ opType, input, attribute }: NodeProto): boolean {
    const weight = opType === "Conv" ? this.#index.constant(input[1]!) : undefined;
    if (weight?.dataType !== DATA_TYPE.float16 || weight.dims.length !== 4) return false;
    if ((attribute.find(({ name }) => name === "group")?.i ?? 1) !== 1) return false;
    return weight.dims.slice(0, 2).every((channels) => channels % CHANNEL_MULTIPLE === 0);
  }

  /** Of two pictures, one of which has channels last already. */
  #isPictureSum(one: string, other: string): boolean {
    if (![one, other].every((name) => this.#pictures.has(name))) return false;
    return [one, other].some((name) => this.#missing.has(name));
  }

  /** The scales of a Resize that is told by these alone. */
  #scales({ input, attribute }: NodeProto): number[] | undefined {
    const [, region = "", scales = "", sizes = ""] = input;
    if (region !== "" || sizes !== "" || attribute.some(({ name }) => name === "axes")) return undefined;
    const factors = this.#index.floats(scales);
    return factors?.length === 4 ? factors : undefined;
  }

  #scalesLast(scales: readonly number[]): string {
    const name = `scales ${TO_LAST.map((axis) => scales[axis]).join(" ")}#last`;
    if (!this.#constants.some((one) => one.name === name)) {
      const rawData = new Uint8Array(Float32Array.from(TO_LAST, (axis) => scales[axis]!).buffer);
      this.#constants.push({ name, dims: [4], dataType: DATA_TYPE.float32, rawData });
    }
    return name;
  }
}

function lastName(name: string): string {
  return `${name}#last`;
}

function transpose(from: string, to: string, perm: readonly number[]): NodeProto {
  const attribute = [{ name: "perm", type: ATTRIBUTE_TYPE.ints, ints: perm }];
  return { input: [from], output: [to], name: `${to}#transpose`, opType: "Transpose", attribute, domain: "" };
}
