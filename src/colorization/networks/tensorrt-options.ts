/**
 * TensorRT options of a package's networks: engines from a cache on disk, in half precision, for all sizes that a page
 * may have. Engines are built when a session is made, never while a page runs: each input's smallest, usual and
 * largest size is told ahead. Not tried on a GPU yet; docs/gpu.md says what is known.
 */
import { runtimeInfo, type SessionOptions } from "../../binding/index.js";
import { tensorRtFolder, tensorRtMachine } from "../../binding/runtime/tensorrt-cache.js";
import type { GraphName } from "../../model/graph-names.js";
import { networkInputs } from "../../model/network-inputs.js";
import type { ModelPackage } from "../../model/package.js";
import { QUADRANTS } from "../cobra/retrieval.js";

/** Reference patches a quadrant: least, usual, most. */
const TOP_KS = { min: 1, opt: 3, max: 20 } as const;
/** Pages in a step. */
const BATCH = { min: 1, opt: 1, max: 4 } as const;
/** Reference pictures' patches that the image encoder takes at once; a page has four queries. */
const ENCODED = { min: 1, opt: 5, max: 5 } as const;

type Bound = "min" | "opt" | "max";

/** The folder that holds a package's engines on this machine. */
export function engineFolder(model: ModelPackage): string {
  return tensorRtFolder(model.hash, tensorRtMachine(runtimeInfo(), process.env), process.env);
}

/**
 * Whether all weights are in the graphs. TensorRT makes constants of those alone; weights apart it would carry as
 * inputs.
 */
export function hasWeightsInside({ manifest }: ModelPackage): boolean {
  return manifest.graphs.weights === undefined;
}

/** Options of a session with TensorRT's for one network; what the caller names of the provider wins. */
export function tensorRtOptions(model: ModelPackage, graph: GraphName, options: SessionOptions): SessionOptions {
  const folder = engineFolder(model);
  return {
    ...options,
    providerOptions: {
      trt_engine_cache_enable: "1",
      trt_engine_cache_path: folder,
      trt_engine_cache_prefix: graph,
      trt_timing_cache_enable: "1",
      trt_timing_cache_path: folder,
      ...(model.manifest.precision === "float16" ? { trt_fp16_enable: "1" } : {}),
      ...shapeProfile(model, graph),
      ...options.providerOptions,
    },
  };
}

/** The provider's options `trt_profile_*_shapes`: "name:1x3x96x96,other:…". */
export function shapeProfile(model: ModelPackage, graph: GraphName): Record<string, string> {
  const shapes = (bound: Bound): string =>
    Object.entries(bounds(model, graph, bound))
      .map(([name, dims]) => `${name}:${dims.join("x")}`)
      .join(",");
  return {
    trt_profile_min_shapes: shapes("min"),
    trt_profile_opt_shapes: shapes("opt"),
    trt_profile_max_shapes: shapes("max"),
  };
}

function bounds(model: ModelPackage, graph: GraphName, bound: Bound): Record<string, number[]> {
  const all = model.manifest.buckets.map(
    ([width, height]) => networkInputs(model.manifest, { width, height }, QUADRANTS * TOP_KS[bound])[graph],
  );
  const usual = all[Math.floor(all.length / 2)]!;
  return Object.fromEntries(
    Object.keys(usual).map((name) => {
      const dims = usual[name]!.map((size, axis) => {
        if (axis === 0) return graph === "image_encoder" ? ENCODED[bound] : graph === "denoiser" ? BATCH[bound] : 1;
        const sizes = all.map((inputs) => inputs[name]![axis]!);
        return bound === "opt" ? size : bound === "min" ? Math.min(...sizes) : Math.max(...sizes);
      });
      return [name, dims];
    }),
  );
}
