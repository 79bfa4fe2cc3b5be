/** Weight sources made from other sources, or from nothing: prefix view, union, overlay, random numbers. */
import { createHash } from "node:crypto";
import { ModelError } from "../../errors.js";
import { elementCount } from "../../onnx/tensor-data.js";
import type { WeightSource } from "../../onnx/weights.js";
import { quotedName } from "../../text/shown.js";

/** The tensors of `source` whose names begin with `prefix`, under the rest of their names. */
export function prefixView(source: WeightSource, prefix: string): WeightSource {
  return {
    origin: source.origin,
    names: () =>
      source
        .names()
        ?.filter((name) => name.startsWith(prefix))
        .map((name) => name.slice(prefix.length)),
    dims: (name) => source.dims(prefix + name),
    read: (name, dims) => source.read(prefix + name, dims),
  };
}

/** All tensors of several sources. A name that two of them hold is an error (ERR_MODEL_WEIGHTS). */
export function union(sources: readonly WeightSource[]): WeightSource {
  const owners = new Map<string, WeightSource>();
  for (const source of sources) {
    for (const name of source.names() ?? []) {
      const other = owners.get(name);
      if (other !== undefined)
        throw new ModelError(
          "ERR_MODEL_WEIGHTS",
          `the tensor ${quotedName(name)} is in ${other.origin} and in ${source.origin}`,
          { remedy: "leave one of them out" },
        );
      owners.set(name, source);
    }
  }
  return {
    origin: sources.map((source) => source.origin).join(", "),
    names: () => [...owners.keys()],
    dims: (name) => owners.get(name)?.dims(name),
    read: (name, dims) => owners.get(name)!.read(name, dims),
  };
}

/** Tensors given by value. */
export function givenWeights(
  tensors: Readonly<Record<string, { dims: readonly number[]; data: Float32Array }>>,
  origin: string,
): WeightSource {
  const table = new Map(Object.entries(tensors));
  return {
    origin,
    names: () => [...table.keys()],
    dims: (name) => table.get(name)?.dims,
    read: (name) => table.get(name)!.data,
  };
}

/** `base` with the tensors of `top` in place of its own. */
export function overlay(base: WeightSource, top: WeightSource): WeightSource {
  return {
    origin: `${base.origin} under ${top.origin}`,
    names: () => {
      const names = base.names();
      return names === undefined ? undefined : [...new Set([...names, ...(top.names() ?? [])])];
    },
    dims: (name) => top.dims(name) ?? base.dims(name),
    read: (name, dims) => (top.dims(name) === undefined ? base.read(name, dims) : top.read(name, dims)),
  };
}

/** A rule for random weights: tensors whose name matches are multiplied by `scale`. */
export interface SeededRule {
  readonly match: RegExp;
  readonly scale: number;
}

/** Last layers of residual branches: smaller, so that depth does not make values grow. */
const RESIDUAL_ENDS = /(?:conv2|to_out\.0|ff\.net\.2|fc2|out_proj|residual\.model\.2|adapter_linear\.\d+)\.weight$/u;
const EMBEDDINGS = /(?:class_embedding|position_embedding\.weight)$/u;

/**
 * Random weights of any shape. The same seed, name and shape give the same tensor, in any order. Values: biases and
 * running means 0; norm weights and running variances 1; linear and convolution weights normal with deviation
 * 1/sqrt(fan in), half of that at the end of residual branches; `scale_shift_table` deviation 1/sqrt(width) (as
 * diffusers sets it), embeddings 0.02. So values stay of order one through every network. `rules` scale single tensors
 * further; the first match counts.
 */
export function seededWeights(seed: number, rules: readonly SeededRule[] = []): WeightSource {
  return {
    origin: `random weights (seed ${seed})`,
    names: () => undefined,
    dims: () => "any",
    read: (name, dims) => {
      const scale = rules.find((rule) => rule.match.test(name))?.scale ?? 1;
      const values = new Float32Array(elementCount(dims));
      if (/(?:bias|running_mean)$/u.test(name)) return values;
      if (dims.length === 1 && !EMBEDDINGS.test(name)) return values.fill(scale);
      return fillNormal(values, scale * deviation(name, dims), `${seed}/${name}`);
    },
  };
}

function deviation(name: string, dims: readonly number[]): number {
  if (EMBEDDINGS.test(name)) return 0.02;
  const fanIn = elementCount(dims.slice(1));
  return (RESIDUAL_ENDS.test(name) ? 0.5 : 1) / Math.sqrt(fanIn);
}

/** Fills with normal numbers: xorshift128 seeded with the key's SHA-256, Box-Muller. Not for anything but weights. */
function fillNormal(values: Float32Array, deviation: number, key: string): Float32Array {
  const digest = createHash("sha256").update(key).digest();
  let [a, b, c, d] = [0, 4, 8, 12].map((offset) => digest.readInt32LE(offset)) as [number, number, number, number];
  const next = (): number => {
    let t = d ^ (d << 11);
    t ^= t >>> 8;
    d = c;
    c = b;
    b = a;
    a = t ^ a ^ (a >>> 19);
    return ((a >>> 0) + 0.5) * 2 ** -32;
  };
  for (let index = 0; index < values.length; index += 2) {
    const radius = deviation * Math.sqrt(-2 * Math.log(next()));
    const angle = 2 * Math.PI * next();
    values[index] = radius * Math.cos(angle);
    if (index + 1 < values.length) values[index + 1] = radius * Math.sin(angle);
  }
  return values;
}
