/** The sizes of each network's inputs for a page. */
import { referenceTokens } from "./buckets.js";
import type { GraphName } from "./graph-names.js";
import type { ModelManifest } from "./manifest.js";

/** Dims of the inputs of a graph, by name. */
type InputDims = Readonly<Record<string, readonly number[]>>;

/**
 * What the networks get for one page of a bucket with `references` chosen patches (the image encoder: a reference's
 * five patches at once).
 */
export function networkInputs(
  manifest: ModelManifest,
  { width, height }: { readonly width: number; readonly height: number },
  references: number,
): Readonly<Record<GraphName, InputDims>> {
  const { latent, imageEncoder, referenceKv, upsampler } = manifest;
  const { channels, downscale } = latent;
  const [h, w] = [height / downscale, width / downscale];
  const [upHeight, upWidth] = [height, width].map((edge) => Math.trunc(edge * (upsampler?.scale ?? 1))) as [
    number,
    number,
  ];
  const tokens = referenceTokens({ width, height }, latent);
  const pageLatent = [1, channels, h, w];
  return {
    line_extractor: { gray: [1, 1, Math.ceil(height / 16) * 16, Math.ceil(width / 16) * 16] },
    image_encoder: { pixels: [5, 3, imageEncoder.imageSize, imageEncoder.imageSize] },
    vae_encoder: { image: [1, 3, height, width], noise: pageLatent },
    reference_encoder: { latent: [1, channels, h / 2, w / 2], quadrant: [1], resolution: [1, 2] },
    denoiser: {
      latent: pageLatent,
      line_latent: pageLatent,
      hint_latent: pageLatent,
      hint_mask: [1, 1, h, w],
      timestep: [1],
      resolution: [1, 2],
      reference_kv: [1, references, referenceKv.layers, 2, tokens, referenceKv.width],
    },
    vae_decoder: { latent: pageLatent },
    guided_upsampler: {
      color: [1, 3, upHeight, upWidth],
      line: [1, 3, upHeight, upWidth],
      noise: [1, channels, upHeight / downscale, upWidth / downscale],
    },
  };
}
