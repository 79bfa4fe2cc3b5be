/**
 * The graphs of a model package and the names of their files. In large packages the weights of transformer, VAE and
 * upsampler are stored apart: graphs such as `transformer.X.onnx` produce them, and the graphs that take them as inputs
 * are the same for all styles.
 */
import type { Graph, GraphOptions } from "../onnx/graph-builder.js";
import { STYLES, type Style } from "../config/batch-config.js";
import type { ModelManifest } from "../model/manifest.js";
import type { ModelConfig } from "./model-config.js";
import { buildDenoiser } from "./graphs/denoiser.js";
import { buildGuidedUpsampler } from "./graphs/guided-upsampler.js";
import { buildImageEncoder } from "./graphs/image-encoder.js";
import { buildLineExtractor } from "./graphs/line-extractor.js";
import type { Prompt } from "./graphs/prompt.js";
import { buildReferenceEncoder } from "./graphs/reference-encoder.js";
import { buildVaeDecoder, buildVaeEncoder } from "./graphs/vae-graphs.js";
import { buildWeightsGraph } from "./graphs/weights-graph.js";
import { Weights, type WeightSource } from "../onnx/weights.js";

/** Weights that belong to a style. Two styles given the same object share their files. */
export interface StyleWeights {
  /** The main branch. */
  readonly main: WeightSource;
  /** The control branch. */
  readonly control: WeightSource;
  /** The upsampler's ResNets; needed unless the config's `upsampler` is null. */
  readonly upsampler?: WeightSource;
  readonly prompt: Prompt;
}

/** All weights of a package. */
export interface ModelWeights {
  readonly lineExtractor: WeightSource;
  readonly imageEncoder: WeightSource;
  readonly vae: WeightSource;
  readonly styles: Readonly<Partial<Record<Style, StyleWeights>>>;
  /**
   * Gives a style its own files even if there is no other style (default false), so that the other files of two
   * packages with one style each are the same.
   */
  readonly separateStyles?: boolean;
}

/** What packages are made of. */
interface PackageParts {
  readonly config: ModelConfig;
  readonly weights: ModelWeights;
  /** Default float32. */
  readonly precision?: "float32" | "float16";
}

/** Weights of what all styles share, and of the styles where they are one. */
export const WEIGHT_FILE = "weights.bin";

/** Graphs by file name; `weights` is the weight file of those that are a style's own. */
export type PackageFiles = Map<string, { readonly graph: Graph; readonly weights: string }>;

type Graphs = ModelManifest["graphs"];

/** Graphs, and which file the manifest names for what. */
export interface PackageGraphs {
  readonly files: PackageFiles;
  readonly graphs: Graphs;
}

type StyleGraphs = NonNullable<Graphs["styles"]["line"]>;
type StyleWeightFiles = NonNullable<NonNullable<Graphs["weights"]>["styles"]["line"]>;

/**
 * All graphs of a package. `apart`: weights lie apart from the graphs.
 * @throws ModelError ERR_MODEL_GRAPH, ERR_MODEL_WEIGHTS with every fault by name
 */
export function packageGraphs(options: PackageParts, apart: boolean): PackageGraphs {
  const { config, weights } = options;
  const files: PackageFiles = new Map();
  const inside: GraphOptions = { precision: options.precision ?? "float32", pageSizes: config.buckets };
  const how: GraphOptions = { ...inside, weightsAsInputs: apart };
  const lineExtractor = new Weights(weights.lineExtractor, "line_extractor");
  const imageEncoder = new Weights(weights.imageEncoder, "image_encoder");
  const vae = new Weights(weights.vae, "vae");
  const put = (name: string, graph: Graph, weightFile = WEIGHT_FILE): string => {
    files.set(name, { graph, weights: weightFile });
    return name;
  };
  /** Without the suffix where no weights are in the graph, unless another style has another graph there. */
  const putStyle = (name: string, suffix: string, graph: Graph): string => {
    if (!apart) return put(`${name}${suffix}.onnx`, graph, `weights${suffix}.bin`);
    const other = files.get(`${name}.onnx`)?.graph;
    if (other !== undefined && isSameGraph(other, graph)) return `${name}.onnx`;
    return put(`${name}${other === undefined ? "" : suffix}.onnx`, graph);
  };
  const [encoder, decoder] = [buildVaeEncoder(config.vae, vae, how), buildVaeDecoder(config.vae, vae, how)];
  const shared = {
    line_extractor: put(
      "line_extractor.onnx",
      buildLineExtractor(config.lineExtractor, lineExtractor, { ...inside, precision: "float32" }),
    ),
    image_encoder: put("image_encoder.onnx", buildImageEncoder(config.imageEncoder, imageEncoder, inside)),
    vae_encoder: put("vae_encoder.onnx", encoder),
    vae_decoder: put("vae_decoder.onnx", decoder),
  };
  const sharedWeights = apart
    ? { vae: put("vae.onnx", buildWeightsGraph([...encoder.weights, ...decoder.weights], vae.label)) }
    : undefined;
  const styles: Graphs["styles"] = {};
  const weightFiles: Partial<Record<Style, StyleWeightFiles>> = {};
  const done = new Map<StyleWeights, Style>();
  const distinct = new Set(Object.values(weights.styles)).size;
  for (const style of STYLES) {
    const own = weights.styles[style];
    if (own === undefined) continue;
    const twin = done.get(own);
    if (twin === undefined)
      putGraphs(style, own, distinct === 1 && weights.separateStyles !== true ? "" : `.${style.replace(" + ", "-")}`);
    else {
      styles[style] = styles[twin];
      if (apart) weightFiles[style] = weightFiles[twin]!;
    }
    done.set(own, style);
  }
  for (const one of [lineExtractor, imageEncoder, vae]) one.check();
  return {
    files,
    graphs: {
      shared,
      styles,
      ...(sharedWeights === undefined ? {} : { weights: { shared: sharedWeights, styles: weightFiles } }),
    },
  };

  function putGraphs(style: Style, own: StyleWeights, suffix: string): void {
    // Inputs are called alike for all styles; what lies in files is not.
    const label = (name: string): string => (apart ? name : name + suffix);
    const putWeights = (name: string, taken: Graph["weights"]): string =>
      put(`${name}${suffix}.onnx`, buildWeightsGraph(taken, `${name}${suffix}`), `weights${suffix}.bin`);
    const [main, control] = [new Weights(own.main, label("main")), new Weights(own.control, label("control"))];
    const reference = buildReferenceEncoder(config.transformer, main, own.prompt, how);
    const denoiser = buildDenoiser(config.transformer, { main, control }, own.prompt, how);
    main.check();
    control.check();
    const names: StyleGraphs = {
      reference_encoder: putStyle("reference_encoder", suffix, reference),
      denoiser: putStyle("denoiser", suffix, denoiser),
    };
    const apartNames: StyleWeightFiles | undefined = apart
      ? { transformer: putWeights("transformer", [...reference.weights, ...denoiser.weights]) }
      : undefined;
    if (config.upsampler !== null && own.upsampler !== undefined) {
      const resnets = new Weights(own.upsampler, label("upsampler"));
      const graph = buildGuidedUpsampler(config.vae, resnets, vae, how);
      resnets.check();
      names.guided_upsampler = putStyle("guided_upsampler", suffix, graph);
      if (apartNames !== undefined)
        apartNames.upsampler = putWeights(
          "upsampler",
          graph.weights.filter(({ name }) => name.startsWith(`${resnets.label}/`)),
        );
    }
    styles[style] = names;
    if (apartNames !== undefined) weightFiles[style] = apartNames;
  }
}

/** Whether two graphs do the same; their constants' names say what is in them. */
function isSameGraph(a: Graph, b: Graph): boolean {
  const shape = ({ nodes, inputs, outputs, constants }: Graph): string =>
    JSON.stringify([nodes, inputs, outputs, constants.map(({ name, dtype, dims }) => [name, dtype, dims])]);
  return shape(a) === shape(b);
}
