/** The config of a whole model: the sizes of its networks and what the pipeline must know about it. */
import type { Fill } from "../config/batch-config.js";
import type { ImageEncoderConfig } from "./graphs/image-encoder.js";
import type { HintForm } from "../model/manifest.js";
import type { LineExtractorConfig } from "./graphs/line-extractor.js";
import type { TransformerConfig } from "./graphs/transformer-config.js";
import type { VaeConfig } from "./graphs/vae.js";

/** See the file's head. The fields that the manifest repeats are described there. */
export interface ModelConfig {
  readonly lineExtractor: LineExtractorConfig;
  readonly imageEncoder: ImageEncoderConfig;
  readonly imageNormalization: {
    readonly mean: readonly [number, number, number];
    readonly std: readonly [number, number, number];
  };
  readonly vae: VaeConfig;
  readonly transformer: TransformerConfig;
  /** Null: the package has no guided upsampler. */
  readonly upsampler: { readonly scale: number; readonly pageInk?: boolean } | null;
  /** Page sizes [width, height]. */
  readonly buckets: readonly (readonly [number, number])[];
  readonly prediction: "epsilon" | "sample";
  /** Default "squares". */
  readonly hints?: HintForm;
  /** How regions are filled where the settings do not say. Default "model". */
  readonly fill?: Fill;
  readonly scheduler: {
    readonly trainTimesteps: number;
    readonly betaStart: number;
    readonly betaEnd: number;
    readonly maxSteps?: number;
  };
}
