// Measures the ways to run convolution networks on CUDA: src/model/cuda-graphs.ts says which one the engine takes.
import { sessionOptions, withNetworks } from "../engine-parts.mjs";

const NO_TF32 = { use_tf32: "0" };
const NHWC = { prefer_nhwc: "1" };
const FUSED_BIAS = { fuse_conv_bias: "1" };

/**
 * Network, how its graph is rewritten, options of the CUDA provider: what matters most first. The first of a network is
 * what the others are compared with. The line network has no group norms, and float32 weights inside its graph; a half
 * precision package runs it with TF32. Fused biases come last: cuDNN may have to compile kernels for them.
 */
const WAYS = [
  ["vae_decoder", "as stored", {}],
  ["vae_decoder", "channels last", {}],
  ["vae_decoder", "group norms", {}],
  ["vae_decoder", "constant weights", NHWC],
  ["vae_encoder", "as stored", {}],
  ["vae_encoder", "channels last", {}],
  ["guided_upsampler", "as stored", {}],
  ["guided_upsampler", "channels last", {}],
  ["line_extractor", "as stored", NO_TF32],
  ["line_extractor", "as stored", {}],
  ["line_extractor", "as stored", NHWC],
  ["vae_encoder", "group norms", {}],
  ["vae_encoder", "constant weights", NHWC],
  ["vae_decoder", "channels last", FUSED_BIAS],
  ["line_extractor", "as stored", FUSED_BIAS],
  ["vae_encoder", "channels last", FUSED_BIAS],
];
const RUNS = 3;

/** Milliseconds of each network in each way, and how far its output is from that of the first way. */
export async function compared({ device, directory, bucket }, emit) {
  const expected = {};
  const faults = [];
  for (const [graph, layout, providerOptions] of WAYS) {
    const name = [graph, layout, ...Object.entries(providerOptions).map((one) => one.join(" "))].join(", ");
    const measure = async (bench) => {
      const begun = performance.now();
      await bench.session(graph);
      const openMs = performance.now() - begun;
      const outputs = await bench.outputs(graph, bucket, 1);
      const { ms } = await bench.time(graph, bucket, 1, { runs: RUNS });
      emit(name, ms, "ms");
      emit(`${name}, session opened in`, openMs, "ms");
      expected[graph] ??= outputs;
      emit(`${name}, largest difference`, 100 * largestShare(outputs, expected[graph]), "% of the largest value");
    };
    try {
      const options = { ...sessionOptions(device), ...(device === "cpu" ? {} : { providerOptions }) };
      await withNetworks(directory, options, measure, layout);
    } catch (error) {
      emit(name, `failed: ${error?.message ?? error}`);
      faults.push(name);
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
