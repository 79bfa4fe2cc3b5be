// The golden cases of test/golden/data/networks: values that the original Cobra code gives, for a run on any device.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadModule } from "../lib/modules.mjs";
import { ROOT } from "../lib/steps.mjs";

const FOLDER = join(ROOT, "test/golden/data/networks");

/** A case's tensors and weights. */
export async function goldenCase(id) {
  const { loadSafetensors } = await loadModule("convert/weights/safetensors.js");
  const { prefixView, union } = await loadModule("convert/weights/sources.js");
  const { cases } = JSON.parse(readFileSync(join(FOLDER, "index.json"), "utf8"));
  const found = cases.find((one) => one.id === id);
  if (!found) throw new Error(`there is no golden case ${id}`);
  const open = (file) => loadSafetensors(join(FOLDER, file));
  const weightsAt = ({ file, prefix }) => union([file].flat().map((name) => prefixView(open(name), prefix)));
  return {
    config: found.config,
    tensor(name) {
      const value = found.outputs[name] ?? found.mids[name] ?? found.inputs[name];
      if (!value?.key) throw new Error(`${id} has no tensor ${name}`);
      return { dims: value.shape, data: open(value.file).read(value.key) };
    },
    /** @param network of a case with several networks; "vae" for `vae_weights` */
    weights(network) {
      if (network === "vae" && found.vae_weights) return weightsAt({ file: found.vae_weights, prefix: "weights/" });
      const place = network === undefined ? (found.weights ?? { prefix: "weights/" }) : found.weights[network];
      return weightsAt({ file: found.file, ...place });
    },
  };
}

const vaeConfig = (raw) => ({
  channels: raw.block_out_channels,
  layersPerBlock: raw.layers_per_block,
  groups: raw.norm_num_groups,
  latentChannels: raw.latent_channels,
  scalingFactor: raw.scaling_factor,
});

const encoderConfig = (raw) => ({
  width: raw.hidden_size,
  mlpWidth: raw.intermediate_size,
  layers: raw.num_hidden_layers,
  heads: raw.num_attention_heads,
  imageSize: raw.image_size,
  patchSize: raw.patch_size,
  projection: raw.projection_dim,
  activation: raw.hidden_act,
  epsilon: raw.layer_norm_eps,
});

const lineConfig = (raw) => ({
  channels: raw.channels,
  downRepetitions: raw.down_reps,
  upRepetitions: raw.up_reps,
  lastChannels: raw.last_channels,
  lastRepetitions: raw.last_reps,
});

const transformerConfig = (raw) => ({
  heads: raw.num_attention_heads,
  headSize: raw.attention_head_dim,
  layers: raw.num_layers,
  controlLayers: Math.floor(raw.num_layers / 2),
  latentChannels: raw.in_channels,
  outChannels: raw.out_channels,
  captionChannels: raw.caption_channels,
});

/**
 * Every network on its golden case.
 * @param {{precision?: "float16"}} options as the graphs' builders take them
 * @param {(graph, inputs) => Promise<Record<string, {dims, data}>>} run
 * @yields {{network: string, share: number}} the largest difference as a share of the largest golden value
 */
export async function* goldenRuns(options, run) {
  const { Weights } = await loadModule("onnx/weights.js");
  const graphs = async (file) => loadModule(`convert/graphs/${file}.js`);
  const share = (actual, expected) => {
    const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    let off = 0;
    for (const [at, value] of expected.entries()) {
      const one = Math.abs(actual[at] - value);
      if (!(one <= off)) off = Number.isNaN(one) ? Infinity : one;
    }
    return off / largest;
  };

  const line = await goldenCase("line_extractor/0");
  const { buildLineExtractor } = await graphs("line-extractor");
  const lineGraph = buildLineExtractor(lineConfig(line.config), new Weights(line.weights(), "line"), options);
  const raw = (await run(lineGraph, { gray: line.tensor("padded") })).line;
  yield { network: "line_extractor", share: share(raw.data, line.tensor("raw").data) };

  const clip = await goldenCase("image_encoder/real");
  const { buildImageEncoder } = await graphs("image-encoder");
  const clipGraph = buildImageEncoder(encoderConfig(clip.config), new Weights(clip.weights(), "clip"), options);
  const { embedding } = await run(clipGraph, { pixels: clip.tensor("pixel_values") });
  yield { network: "image_encoder", share: share(embedding.data, clip.tensor("image_embeds").data) };

  const { buildVaeDecoder, buildVaeEncoder } = await graphs("vae-graphs");
  const encoder = await goldenCase("vae_encoder/0");
  const encoderGraph = buildVaeEncoder(vaeConfig(encoder.config), new Weights(encoder.weights(), "vae"), options);
  const { latent: encoded } = await run(encoderGraph, {
    image: encoder.tensor("image"),
    noise: encoder.tensor("noise"),
  });
  yield { network: "vae_encoder", share: share(encoded.data, encoder.tensor("latent").data) };

  const decoder = await goldenCase("vae_decoder/0");
  const decoderGraph = buildVaeDecoder(vaeConfig(decoder.config), new Weights(decoder.weights(), "vae"), options);
  const { image } = await run(decoderGraph, { latent: decoder.tensor("latent") });
  yield { network: "vae_decoder", share: share(image.data, decoder.tensor("decoded").data) };

  const upsampler = await goldenCase("guided_upsampler/as_original");
  const { buildGuidedUpsampler } = await graphs("guided-upsampler");
  const upsamplerGraph = buildGuidedUpsampler(
    vaeConfig(upsampler.config.vae),
    new Weights(upsampler.weights(), "upsampler"),
    new Weights(upsampler.weights("vae"), "vae"),
    options,
  );
  const { image: large } = await run(upsamplerGraph, {
    color: upsampler.tensor("color"),
    line: upsampler.tensor("bw"),
    noise: upsampler.tensor("noise"),
  });
  yield { network: "guided_upsampler", share: share(large.data, upsampler.tensor("decoded").data) };

  yield* transformerRuns(options, run, { Weights, graphs, share });
}

async function* transformerRuns(options, run, { Weights, graphs, share }) {
  const pipeline = await goldenCase("pipeline_tiny/0");
  const config = transformerConfig(pipeline.config.transformer);
  const prompt = {
    embeds: pipeline.tensor("prompt_embeds").data,
    mask: pipeline.tensor("prompt_attention_mask").data,
  };
  const main = () => new Weights(pipeline.weights("transformer"), "main");
  const { buildReferenceEncoder } = await graphs("reference-encoder");
  const { buildDenoiser } = await graphs("denoiser");
  const latent = pipeline.tensor("cond_refs_latent");
  const count = latent.dims[0];
  const resolution = pipeline.tensor("resolution");
  const quadrants = [...pipeline.tensor("n_ref_list").data].flatMap((times, at) => Array(times).fill(at));
  const { reference_kv: encoded } = await run(buildReferenceEncoder(config, main(), prompt, options), {
    latent,
    quadrant: { dims: [count], data: Float32Array.from(quadrants), dtype: "int64" },
    resolution: {
      dims: [count, 2],
      data: Float32Array.from({ length: 2 * count }, (_, at) => resolution.data[at % 2]),
    },
  });
  // [N, layers, 2, tokens, width], of which the golden case has each layer's keys and values apart.
  const [, layers, , tokens, width] = encoded.dims;
  const size = tokens * width;
  let worst = 0;
  for (let layer = 0; layer < layers; layer++)
    for (const [kind, name] of ["K", "V"].entries()) {
      const rows = Array.from({ length: count }, (_, at) =>
        encoded.data.subarray(((at * layers + layer) * 2 + kind) * size).subarray(0, size),
      );
      const joined = Float32Array.from(rows.flatMap((row) => [...row]));
      worst = Math.max(worst, share(joined, pipeline.tensor(`${name}_${layer}`).data));
    }
  yield { network: "reference_encoder", share: worst };

  const weights = { main: main(), control: new Weights(pipeline.weights("control"), "control") };
  const graph = buildDenoiser(config, weights, prompt, options);
  worst = 0;
  for (const [step, timestep] of [...pipeline.tensor("timesteps").data].entries()) {
    const noisy = step === 0 ? pipeline.tensor("noise_latents") : pipeline.tensor(`step${step - 1}_latents_after`);
    const { noise } = await run(graph, {
      latent: noisy,
      line_latent: pipeline.tensor("cond_input_latent"),
      hint_latent: pipeline.tensor("hint_color_latent"),
      hint_mask: pipeline.tensor("hint_mask_tensor"),
      timestep: { dims: [1], data: Float32Array.of(timestep) },
      resolution,
      reference_kv: { ...encoded, dims: [1, ...encoded.dims], dtype: options.precision ?? "float32" },
    });
    const expected = pipeline.tensor(`step${step}_noise_pred_8ch`).data.subarray(0, noise.data.length);
    worst = Math.max(worst, share(noise.data, expected));
  }
  yield { network: "denoiser", share: worst };
}
