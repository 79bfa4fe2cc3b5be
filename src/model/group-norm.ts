/**
 * Finds the group norms of a graph, which are written with operators that every provider has, and makes each of them
 * ONNX Runtime's one operator, with the SiLU that follows it.
 */
import { ATTRIBUTE_TYPE, CONTRIB_DOMAIN, DATA_TYPE, type ModelProto, type NodeProto } from "../onnx/schema.js";
import { elementCount } from "../onnx/tensor-data.js";
import { GraphIndex } from "./graph-index.js";

type Graph = ModelProto["graph"];

/** What the CUDA kernel takes: groups of an even number of channels, each within one block of threads. */
const MAX_GROUP_CHANNELS = 512;

/** Name of the operator. Its first input and its output are [N, H, W, C]. */
export const GROUP_NORM = "GroupNorm";

/**
 * The graph with GroupNorm operators in the place of what `groupNorm` of `src/onnx/ops.ts` writes, where the CUDA
 * kernel can take them. Their inputs and outputs still go by the names of [N, C, H, W] values: `withChannelsLast` must
 * follow.
 */
export function withGroupNorms(graph: Graph): Graph {
  const index = new GraphIndex(graph);
  const replaced = new Map<NodeProto, NodeProto[]>();
  const gone = new Set<NodeProto>();
  const initializer = [...graph.initializer];
  for (const node of graph.node) {
    const found = node.opType === "InstanceNormalization" ? groupNormAt(node, index) : undefined;
    if (found === undefined) continue;
    for (const one of found.nodes) gone.add(one);
    const { x, gamma, beta, y, channels, groups, epsilon, silu } = found;
    const shape = `${y}#channels`;
    const rawData = new Uint8Array(BigInt64Array.of(BigInt(channels)).buffer);
    initializer.push({ name: shape, dims: [1], dataType: DATA_TYPE.int64, rawData });
    const vectors = [gamma, beta].flatMap((name, at) => vectorOf(name, `${y}#${at === 0 ? "gamma" : "beta"}`, shape));
    const norm: NodeProto = {
      input: [x, `${y}#gamma`, `${y}#beta`],
      output: [y],
      name: y,
      opType: GROUP_NORM,
      attribute: [
        { name: "epsilon", type: ATTRIBUTE_TYPE.float, f: epsilon },
        { name: "groups", type: ATTRIBUTE_TYPE.int, i: groups },
        { name: "activation", type: ATTRIBUTE_TYPE.int, i: silu ? 1 : 0 },
        { name: "channels_last", type: ATTRIBUTE_TYPE.int, i: 1 },
      ],
      domain: CONTRIB_DOMAIN,
    };
    replaced.set(found.nodes.at(-1)!, [...vectors, norm]);
  }
  return {
    ...graph,
    initializer,
    node: graph.node.flatMap((one) => replaced.get(one) ?? (gone.has(one) ? [] : [one])),
  };
}

/** [C, 1, 1] in the graph's precision as [C] in float32. */
function vectorOf(from: string, to: string, shape: string): NodeProto[] {
  const plain = { attribute: [], domain: "" };
  const attribute = [{ name: "to", type: ATTRIBUTE_TYPE.int, i: DATA_TYPE.float32 }];
  return [
    { ...plain, opType: "Reshape", name: `${to}#flat`, input: [from, shape], output: [`${to}#flat`] },
    { ...plain, opType: "Cast", name: to, input: [`${to}#flat`], output: [to], attribute },
  ];
}

interface FoundNorm {
  /** In their order; the last one gives `y`. */
  readonly nodes: readonly NodeProto[];
  readonly x: string;
  readonly gamma: string;
  readonly beta: string;
  readonly y: string;
  readonly channels: number;
  readonly groups: number;
  readonly epsilon: number;
  readonly silu: boolean;
}

/** The group norm around an instance norm; undefined where it is none, or none that the CUDA kernel takes. */
function groupNormAt(norm: NodeProto, index: GraphIndex): FoundNorm | undefined {
  const [grouped, ones, zeros] = norm.input as [string, string, string];
  const before = index.producer(grouped);
  if (before?.opType !== "Reshape" || index.onlyUser(grouped) !== norm) return undefined;
  const x = before.input[0]!;
  const [kept, groups, rest, ...more] = index.int64s(before.input[1]!) ?? [];
  if (kept !== 0 || groups === undefined || rest !== -1 || more.length > 0) return undefined;
  if (!index.isFilledWith(ones, 1) || !index.isFilledWith(zeros, 0)) return undefined;

  const back = index.onlyUser(norm.output[0]!);
  if (back?.opType !== "Reshape") return undefined;
  const shape = index.producer(back.input[1]!);
  if (shape?.opType !== "Shape" || shape.input[0] !== x || shape.attribute.length > 0) return undefined;
  const scaled = index.onlyUser(back.output[0]!);
  if (scaled?.opType !== "Mul") return undefined;
  const shifted = index.onlyUser(scaled.output[0]!);
  if (shifted?.opType !== "Add") return undefined;
  const gamma = other(scaled, back.output[0]!);
  const beta = other(shifted, scaled.output[0]!);

  const channels = channelsOf(index.dims(gamma));
  if (channels === undefined || channels !== channelsOf(index.dims(beta))) return undefined;
  const size = channels / groups;
  if (!Number.isInteger(size) || size % 2 !== 0 || size > MAX_GROUP_CHANNELS) return undefined;

  const next = index.onlyUser(shifted.output[0]!);
  const silu = next !== undefined && isSilu(next) ? next : undefined;
  const nodes = [before, norm, back, scaled, shifted, ...(silu === undefined ? [] : [silu])];
  if (index.onlyUser(shape.output[0]!) === back) nodes.unshift(shape);
  const epsilon = norm.attribute.find(({ name }) => name === "epsilon")?.f ?? 1e-5;
  const y = nodes.at(-1)!.output[0]!;
  return { nodes, x, gamma, beta, y, channels, groups, epsilon, silu: silu !== undefined };
}

function other({ input }: NodeProto, name: string): string {
  return input[0] === name ? input[1]! : input[0]!;
}

/** C of [C, 1, 1]. */
function channelsOf(dims: readonly number[] | undefined): number | undefined {
  return dims?.length === 3 && elementCount(dims) === dims[0] ? dims[0] : undefined;
}

function isSilu({ opType, domain, attribute }: NodeProto): boolean {
  return (
    opType === "QuickGelu" && domain === CONTRIB_DOMAIN && attribute.some(({ name, f }) => name === "alpha" && f === 1)
  );
}
