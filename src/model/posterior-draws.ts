/**
 * Lets a picture's encoder draw several latents of one picture in a run. A page without hints encodes its line picture
 * twice, with other noise: the network is the same for both, and only the draws from the posterior differ.
 */
import type { SessionOptions } from "../binding/index.js";
import type { ModelProto, ValueInfoProto } from "../onnx/schema.js";

/** What packages call the encoder's noise and its result. */
const NOISE = "noise";
const LATENT = "latent";
/** Draws, where the stored graph has pictures: [N, 4, h, w]. */
const DRAWS = "draws";

/**
 * Whether a provider's encoder draws several at once. They lie side by side in a tensor, in memory without addresses on
 * WebGPU; TensorRT's profiles know one draw.
 */
export function drawsSeveral({ provider = "cpu" }: SessionOptions): boolean {
  return provider === "cpu" || provider === "cuda";
}

/**
 * The encoder with `noise` and `latent` [draws, 4, h, w] beside `image` [1, 3, H, W]; other values stay as they are.
 */
export function withDraws(model: ModelProto): ModelProto {
  const { graph } = model;
  const changed = (values: readonly ValueInfoProto[], name: string): ValueInfoProto[] =>
    values.map((value) => (value.name === name ? withFirstDim(value) : value));
  return { ...model, graph: { ...graph, input: changed(graph.input, NOISE), output: changed(graph.output, LATENT) } };
}

// The name differs from that of the pictures' axis: ONNX Runtime writes values of one shape over one another.
function withFirstDim(value: ValueInfoProto): ValueInfoProto {
  const { tensorType } = value.type;
  const [, ...others] = tensorType.shape?.dim ?? [];
  return {
    ...value,
    type: { tensorType: { ...tensorType, shape: { dim: [{ dimParam: DRAWS }, ...others] } } },
  };
}
