/** The names of a package's graphs and of the sets of weights that they take. */

/** Graphs that all styles of a package share. */
const SHARED_GRAPHS = ["line_extractor", "image_encoder", "vae_encoder", "vae_decoder"] as const;
/** The name of a graph that all styles share. */
export type SharedGraph = (typeof SHARED_GRAPHS)[number];

/** Graphs that belong to one style. */
const STYLE_GRAPHS = ["reference_encoder", "denoiser", "guided_upsampler"] as const;
/** The name of a graph that belongs to a style. */
export type StyleGraph = (typeof STYLE_GRAPHS)[number];

/** The name of any graph of a package. */
export type GraphName = SharedGraph | StyleGraph;

/** All graphs, in the order in which a page meets them. */
export const GRAPHS: readonly GraphName[] = [
  "line_extractor",
  "image_encoder",
  "vae_encoder",
  "reference_encoder",
  "denoiser",
  "vae_decoder",
  "guided_upsampler",
];

/** A set of weights that may be stored apart from the graphs that take it. */
export type WeightSet = "vae" | "transformer" | "upsampler";

/** Which sets of weights each graph takes. */
export const TAKEN_WEIGHTS: Readonly<Partial<Record<GraphName, readonly WeightSet[]>>> = {
  vae_encoder: ["vae"],
  vae_decoder: ["vae"],
  reference_encoder: ["transformer"],
  denoiser: ["transformer"],
  guided_upsampler: ["vae", "upsampler"],
};
