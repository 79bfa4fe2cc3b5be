// Measures the ways to run convolution networks on CUDA: src/model/cuda-graphs.ts says which one the engine takes.
import { sessionOptions, withNetworks } from "../engine-parts.mjs";

const TF32 = { use_tf32: "1" };
const NHWC = { prefer_nhwc: "1" };
const FUSED_BIAS = { fuse_conv_bias: "1" };

/** Ways to run a network with group norms: how graphs are rewritten, and options of the CUDA provider. */
const WITH_NORMS = [
  ["as stored", {}],
  ["channels last", {}],
  ["group norms", {}],
  ["channels last", FUSED_BIAS],
  ["constant weights", NHWC],
  ["channels last", { ...FUSED_BIAS, ...TF32 }],
];
/** The line network has no group norms, and float32 weights inside the graph. */
const PLAIN = [
  ["as stored", {}],
  ["as stored", TF32],
  ["as stored", { ...TF32, ...NHWC }],
  ["as stored", NHWC],
  ["as stored", { ...TF32, ...FUSED_BIAS }],
];
const WAYS = {
  vae_decoder: WITH_NORMS,
  vae_encoder: WITH_NORMS,
  line_extractor: PLAIN,
  // One run takes as long as ten of the others: only what matters most.
  guided_upsampler: WITH_NORMS.slice(0, 4),
};
const RUNS = 3;

/** Milliseconds of each network in each way, and how far its output is from that of the first way. */
export async function compared({ device, directory, bucket }, emit) {
  const faults = [];
  for (const [graph, ways] of Object.entries(WAYS)) {
    let expected;
    for (const [layout, providerOptions] of ways) {
      const name = [`${graph}, ${layout}`, ...Object.keys(providerOptions)].join(", ");
      try {
        const measure = async (bench) => {
          const begun = performance.now();
          await bench.session(graph);
          const openMs = performance.now() - begun;
          const outputs = await bench.outputs(graph, bucket, 1);
          const { ms } = await bench.time(graph, bucket, 1, { runs: RUNS });
          emit(name, ms, "ms");
          emit(`${name}, session opened in`, openMs, "ms");
          if (expected !== undefined)
            emit(`${name}, largest difference`, 100 * largestShare(outputs, expected), "% of the largest value");
          expected ??= outputs;
        };
        const options = { ...sessionOptions(device), ...(device === "cpu" ? {} : { providerOptions }) };
        await withNetworks(directory, options, measure, layout);
      } catch (error) {
        emit(name, `failed: ${error?.message ?? error}`);
        faults.push(name);
      }
    }
  }
  if (faults.length > 0) throw new Error(`did not run: ${faults.join("; ")}`);
}

/** The largest difference as a share of the largest value expected. */
function largestShare(actual, expected) {
  let share = 0;
  for (const [name, values] of Object.entries(expected)) {
    let most = 0;
    let off = 0;
    for (let at = 0; at < values.length; at++) {
      most = Math.max(most, Math.abs(values[at]));
      const one = Math.abs(actual[name][at] - values[at]);
      if (!(one <= off)) off = Number.isNaN(one) ? Infinity : one;
    }
    share = Math.max(share, off / most);
  }
  return share;
}
