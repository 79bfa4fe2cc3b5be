/**
 * A random LoRA on random weights, in the form of the original's: what full-size packages of two styles are made of.
 */
import type { WeightSource } from "../../onnx/weights.js";
import { seededWeights } from "../weights/sources.js";
import { addProduct, COBRA_LORA_TARGETS, isTarget } from "./lora.js";

/** Small beside the base, so that values stay in range. */
const SCALE = 0.1;

/**
 * `base`, which makes a tensor for any name, with an adapter of this rank on every module that Cobra wraps. The same
 * seed gives the same adapter.
 */
export function seededLora(base: WeightSource, seed: number, rank: number): WeightSource {
  const source = seededWeights(seed);
  const pairOf = (name: string, dims: readonly number[]): { down: string; up: string; rank: number } | undefined => {
    const module = name.replace(/\.weight$/u, "");
    return module !== name && dims.length >= 2 && isTarget(module, COBRA_LORA_TARGETS)
      ? { down: `${module}.lora_A.weight`, up: `${module}.lora_B.weight`, rank }
      : undefined;
  };
  return {
    origin: `${base.origin} with a random LoRA of rank ${rank} (seed ${seed})`,
    names: () => base.names(),
    dims: (name) => base.dims(name),
    read: (name, dims) => {
      const pair = pairOf(name, dims);
      const values = base.read(name, dims);
      return pair === undefined ? values : addProduct(values, source, pair, dims, SCALE);
    },
    originOf: (name, dims) => {
      const pair = pairOf(name, dims);
      return pair === undefined ? { base } : { base, adapter: { source, ...pair, scale: SCALE } };
    },
  };
}
