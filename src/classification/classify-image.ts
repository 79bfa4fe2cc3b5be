/** Classifies one picture of the input, from a single decode or from its header alone. */
import { calibrate } from "./calibrated.js";
import {
  completeThresholds,
  decide,
  defaultDecision,
  type ClassificationThresholds,
  type ImageClassification,
} from "./decision.js";
import { decodeForClassification } from "./decode-for-classification.js";
import { isGrayByHeader } from "./header.js";
import { evidenceOf, measure, type ClassifierImage } from "./metrics.js";
import type { ClassifierName } from "../config/batch-config.js";
import {
  decodeImage,
  DEFAULT_MAX_PIXELS,
  DEFAULT_TIMEOUT_SECONDS,
  type DecodeOptions,
} from "../io/image/image-codec.js";

/** What a picture is; with metrics where the plain rule has decided by them or somebody has asked for them. */
export type ImageKind = Omit<ImageClassification, "metrics"> & Partial<Pick<ImageClassification, "metrics">>;

/** How a picture is classified. */
export interface ClassifyImageOptions extends Omit<DecodeOptions, "keepGray"> {
  /** Limits of the classifier; the others keep their defaults. */
  readonly thresholds?: Partial<ClassificationThresholds>;
  /** Which decision. Default: "plain" with `thresholds`, otherwise "calibrated". */
  readonly decision?: ClassifierName | undefined;
  /** Where the header leaves no room for colour, say so without decoding the picture. Default false. */
  readonly byHeader?: boolean;
  /** Measure the three metrics also where the decision needs none. Default false. */
  readonly withMetrics?: boolean;
}

/** Tells whether a picture is line art or coloured. Errors as `decodeImage`. */
export async function classifyImage(
  bytes: Uint8Array,
  name: string,
  { byHeader = false, withMetrics = false, thresholds, decision, ...options }: ClassifyImageOptions = {},
): Promise<ImageKind> {
  const calibrated = (decision ?? defaultDecision(thresholds)) === "calibrated";
  if (byHeader && isGrayByHeader(bytes))
    return { type: "line_art", confidence: 1, ...(calibrated ? { ambiguous: false } : {}) };
  const seen = await decode(bytes, name, options);
  if (!calibrated) return decide(measure(seen), completeThresholds(thresholds));
  return { ...calibrate(evidenceOf(seen)), ...(withMetrics ? { metrics: measure(seen) } : {}) };
}

/** As the classifier decodes, but as strict as the page's own decoder, which also says what is wrong. */
async function decode(bytes: Uint8Array, name: string, options: DecodeOptions): Promise<ClassifierImage> {
  const { maxPixels: limitPixels = DEFAULT_MAX_PIXELS, timeoutSeconds = DEFAULT_TIMEOUT_SECONDS } = options;
  try {
    return await decodeForClassification(bytes, name, { limitPixels, timeoutSeconds, failOn: "warning" });
  } catch (error) {
    await decodeImage(bytes, name, options);
    throw error;
  }
}
