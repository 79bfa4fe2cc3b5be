/**
 * Folds a LoRA into the weights that it was trained on: W + (alpha / r) * B A (Hu et al., arXiv 2106.09685; peft's
 * names). A wrapped convolution too: A is (r, in, k, k), B is (out, r, 1, 1).
 */
import { ModelError } from "../../errors.js";
import { elementCount } from "../../onnx/tensor-data.js";
import type { WeightSource } from "../../onnx/weights.js";
import { shownLines, shownName } from "../../text/shown.js";

/** Modules that Cobra wraps: those called so, and those whose name ends in "." and one of these. */
export const COBRA_LORA_TARGETS = [
  "to_k",
  "to_q",
  "to_v",
  "to_out.0",
  "proj_in",
  "proj_out",
  "ff.net.0.proj",
  "ff.net.2",
  "proj",
  "linear",
  "linear_1",
  "linear_2",
] as const;

/** How a LoRA was made. */
export interface LoraOptions {
  /** Names or ends of names of wrapped modules. Default Cobra's. */
  readonly targets?: readonly string[];
  /** Default: the rank, as Cobra has it, so that B A is added as it is. */
  readonly alpha?: number;
  /**
   * Tensors of the adapter that find no place and are silently left out, and modules that may go without an
   * adapter.
   */
  readonly ignored?: readonly string[];
}

interface Pair {
  readonly down: string;
  readonly up: string;
  readonly rank: number;
}

/**
 * `base` with the adapter folded in. Like PyTorch's loading of the original, a plain parameter of the adapter's file
 * replaces the base's, and so do `X.base_layer.weight` and `X.base_layer.bias` for a wrapped module X. Unlike it,
 * nothing is dropped in silence.
 * @throws ModelError ERR_MODEL_WEIGHTS that lists every tensor that is missing, extra or of another shape
 */
export function mergeLora(base: WeightSource, adapter: WeightSource, options: LoraOptions = {}): WeightSource {
  const { targets = COBRA_LORA_TARGETS, alpha, ignored = [] } = options;
  const wrapped = new Map<string, readonly number[]>();
  for (const name of base.names() ?? []) {
    const dims = base.dims(name);
    const module = name.replace(/\.weight$/u, "");
    if (module !== name && Array.isArray(dims) && dims.length >= 2 && isTarget(module, targets))
      wrapped.set(module, dims as readonly number[]);
  }
  const faults: string[] = [];
  const placeless: string[] = [];
  const pairs = new Map<string, Pair>();
  const replaced = new Map<string, string>();
  for (const [module, dims] of wrapped) {
    const pair = pairOf(adapter, module, dims, faults, ignored);
    if (pair !== undefined) pairs.set(module, pair);
  }
  for (const name of adapter.names() ?? []) {
    if (
      ignored.includes(name) ||
      (/\.lora_[AB]\.weight$/u.test(name) && wrapped.has(name.replace(/\.lora_[AB]\.weight$/u, "")))
    )
      continue;
    const place = placeOf(name, wrapped);
    const expected = place === undefined ? undefined : base.dims(place);
    const found = adapter.dims(name);
    if (expected === undefined) {
      faults.push(`${shownName(name)}: ${whyNoPlace(name, wrapped)}`);
      placeless.push(name);
    } else if (String(expected) !== String(found))
      faults.push(`${shownName(name)}: has the shape [${listed(found)}], expected [${listed(expected)}]`);
    else replaced.set(place!, name);
  }
  if (faults.length > 0)
    throw new ModelError(
      "ERR_MODEL_WEIGHTS",
      `the LoRA ${adapter.origin} does not fit ${base.origin} (${faults.length}):\n${shownLines(faults)}`,
      placeless.length === 0 ? {} : { remedy: `leave out what has no place: ${ignoring(placeless)}` },
    );

  return {
    origin: `${base.origin} with ${adapter.origin}`,
    names: () => base.names(),
    dims: (name) => base.dims(name),
    read: (name, dims) => {
      const other = replaced.get(name);
      const values = other === undefined ? base.read(name, dims) : adapter.read(other, dims);
      const pair = name.endsWith(".weight") ? pairs.get(name.slice(0, -".weight".length)) : undefined;
      return pair === undefined ? values : addProduct(values, adapter, pair, dims, (alpha ?? pair.rank) / pair.rank);
    },
    originOf: (name) => {
      if (replaced.has(name)) return undefined;
      const pair = name.endsWith(".weight") ? pairs.get(name.slice(0, -".weight".length)) : undefined;
      return pair === undefined
        ? { base }
        : { base, adapter: { source: adapter, ...pair, scale: (alpha ?? pair.rank) / pair.rank } };
    },
  };
}

/** Whether a module is wrapped: its name is a target, or ends in "." and one. */
export function isTarget(module: string, targets: readonly string[]): boolean {
  return targets.some((target) => module === target || module.endsWith(`.${target}`));
}

/** The adapter's two tensors of a module, checked. */
function pairOf(
  adapter: WeightSource,
  module: string,
  dims: readonly number[],
  faults: string[],
  ignored: readonly string[],
): Pair | undefined {
  const [down, up] = [`${module}.lora_A.weight`, `${module}.lora_B.weight`];
  const [a, b] = [adapter.dims(down), adapter.dims(up)] as [
    readonly number[] | undefined,
    readonly number[] | undefined,
  ];
  if (a === undefined && b === undefined && ignored.includes(module)) return undefined;
  const [out, ...inner] = dims as [number, ...number[]];
  const rank = a?.[0] ?? b?.[1] ?? 0;
  const expected = { [down]: [rank, ...inner], [up]: [out, rank, ...inner.slice(1).map(() => 1)] };
  for (const [name, found] of [
    [down, a],
    [up, b],
  ] as const) {
    const wanted = expected[name]!;
    if (found === undefined) faults.push(`${name}: missing; if the module has none, say so with --ignore ${module}`);
    else if (rank < 1 || found.join() !== wanted.join())
      faults.push(`${name}: has the shape [${found.join(", ")}], expected [${wanted.join(", ")}]`);
  }
  return { down, up, rank };
}

function listed(dims: readonly number[] | "any" | undefined): string {
  return Array.isArray(dims) ? dims.join(", ") : String(dims);
}

/** Which tensor of the base a plain tensor of the adapter's file replaces. */
function placeOf(name: string, wrapped: ReadonlyMap<string, unknown>): string | undefined {
  const module = name.replace(/\.(?:weight|bias)$/u, "");
  if (module.endsWith(".base_layer")) {
    const inner = module.slice(0, -".base_layer".length);
    return wrapped.has(inner) ? inner + name.slice(module.length) : undefined;
  }
  return wrapped.has(module) && module !== name ? undefined : name;
}

/** The flags that leave tensors out; of many, the first ones. */
function ignoring(names: readonly string[]): string {
  const flags = names.slice(0, 3).map((name) => `--ignore ${shownName(name)}`);
  return names.length > flags.length ? `${flags.join(" ")} …` : flags.join(" ");
}

function whyNoPlace(name: string, wrapped: ReadonlyMap<string, unknown>): string {
  const module = name.replace(/\.(?:weight|bias)$/u, "");
  if (module !== name && wrapped.has(module))
    return `belongs to a wrapped module, where the original never reads it (it would be ${module}.base_layer${name.slice(module.length)})`;
  return "is neither a part of the base nor of an adapter";
}

/** values + scale * B A. Sums in doubles, a row at a time. */
export function addProduct(
  values: Float32Array,
  adapter: WeightSource,
  pair: Pair,
  dims: readonly number[],
  scale: number,
): Float32Array {
  const rows = dims[0]!;
  const columns = elementCount(dims) / rows;
  const { rank } = pair;
  const down = adapter.read(pair.down, [rank, ...dims.slice(1)]);
  const up = adapter.read(pair.up, [rows, rank]);
  const result = Float32Array.from(values);
  const row = new Float64Array(columns);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) row[c] = values[r * columns + c]!;
    for (let k = 0; k < rank; k++) {
      const factor = scale * up[r * rank + k]!;
      const from = k * columns;
      for (let c = 0; c < columns; c++) row[c] = row[c]! + factor * down[from + c]!;
    }
    result.set(row, r * columns);
  }
  return result;
}
