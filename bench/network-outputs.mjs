// What each network gives, by the shapes of what it takes; for devices that compute nothing.

/** @returns name, dtype and dims of a network's output */
export function networkOutputs({ latent, imageEncoder, referenceKv, precision }, graph, dims) {
  const { downscale } = latent;
  switch (graph) {
    case "line_extractor":
      return { name: "line", dtype: "float32", dims: dims.gray };
    case "image_encoder":
      return { name: "embedding", dtype: "float32", dims: [dims.pixels[0], imageEncoder.embeddingSize] };
    case "vae_encoder":
      return { name: "latent", dtype: "float32", dims: dims.noise };
    case "reference_encoder": {
      const tokens = (dims.latent[2] / 2) * (dims.latent[3] / 2);
      return {
        name: "reference_kv",
        dtype: precision,
        dims: [1, referenceKv.layers, 2, tokens, referenceKv.width],
      };
    }
    case "denoiser":
      return { name: "noise", dtype: "float32", dims: dims.latent };
    case "vae_decoder": {
      const [batch, , height, width] = dims.latent;
      return { name: "image", dtype: "float32", dims: [batch, 3, height * downscale, width * downscale] };
    }
    default:
      return {
        name: "image",
        dtype: "float32",
        dims: [dims.noise[0], 3, dims.noise[2] * downscale, dims.noise[3] * downscale],
      };
  }
}
