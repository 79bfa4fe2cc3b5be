/** From the three metrics to "line art" or "coloured": the plain rule, with its thresholds as options. */
import { shown } from "../errors/arguments.js";
import type { ClassifierName, ImageType } from "../config/batch-config.js";
import { SETTINGS } from "../config/settings.js";
import { ConfigurationError } from "../errors.js";

export type { ImageType };

/** The three measured figures of a picture. */
export interface ClassificationMetrics {
  /** Mean HSV saturation, 0..1; 0 for gray pictures. */
  readonly saturation: number;
  /** Distinct RGB triples after shrinking to fit 256 x 256. */
  readonly colorCount: number;
  /** Fraction of Canny edge pixels, 0..1. */
  readonly edgeDensity: number;
}

/** A picture's type, how sure that is, and why. */
export interface ImageClassification {
  readonly type: ImageType;
  /** 0..1. By the plain rule in thirds: how many of the three metrics agree. By the calibrated decision 0.5..1. */
  readonly confidence: number;
  readonly metrics: ClassificationMetrics;
  /** Neither is clear; set by the calibrated classifier only. */
  readonly ambiguous?: boolean;
}

/** From this confidence on a coloured picture is left as it is where a batch would colour it. */
const SURELY = 0.95;

/** Whether a picture is coloured beyond doubt, by either decision: such a page is finished and needs no colour. */
export function isSurelyColored({
  type,
  confidence,
  ambiguous = false,
}: Pick<ImageClassification, "type" | "confidence" | "ambiguous">): boolean {
  return type === "colored" && !ambiguous && confidence >= SURELY;
}

/** Limits of the rule. */
export interface ClassificationThresholds {
  /** Line art has less saturation. Default 0.15. */
  readonly saturation: number;
  /** Line art has fewer colours. Default 1000. */
  readonly colorCount: number;
  /** Line art has more edges. Default 0.30. */
  readonly edgeDensity: number;
}

/** The limits that the plain rule has by default. */
export const DEFAULT_THRESHOLDS: ClassificationThresholds = { saturation: 0.15, colorCount: 1000, edgeDensity: 0.3 };

/** The decision where none is named: a batch's; with limits of the plain rule, that rule. */
export function defaultDecision(thresholds: Partial<ClassificationThresholds> | undefined): ClassifierName {
  return thresholds === undefined ? SETTINGS.classifier.default : "plain";
}

/**
 * Fills in the defaults and checks.
 * @throws ConfigurationError `ERR_CONFIG` for an unknown name or a value that is no number >= 0
 */
export function completeThresholds(given: Partial<ClassificationThresholds> = {}): ClassificationThresholds {
  for (const [name, value] of Object.entries(given)) {
    if (!(name in DEFAULT_THRESHOLDS)) {
      throw new ConfigurationError(
        "ERR_CONFIG",
        `unknown classification threshold "${name}"; there are ${Object.keys(DEFAULT_THRESHOLDS).join(", ")}`,
      );
    }
    if (typeof value !== "number" || !(value >= 0))
      throw new ConfigurationError(
        "ERR_CONFIG",
        `the classification threshold ${name} must be a number >= 0, got ${shown(value)}`,
      );
  }
  return { ...DEFAULT_THRESHOLDS, ...given };
}

/**
 * score = [saturation low] + [few colours] + [many edges]. Line art when the saturation is low and the score at least
 * 1, or the score at least 2, with confidence score / 3; otherwise coloured with confidence 1 - score / 3.
 */
export function decide(
  metrics: ClassificationMetrics,
  thresholds: ClassificationThresholds = DEFAULT_THRESHOLDS,
): ImageClassification {
  const lowSaturation = metrics.saturation < thresholds.saturation;
  const score =
    Number(lowSaturation) +
    Number(metrics.colorCount < thresholds.colorCount) +
    Number(metrics.edgeDensity > thresholds.edgeDensity);
  if ((lowSaturation && score >= 1) || score >= 2) return { type: "line_art", confidence: score / 3, metrics };
  return { type: "colored", confidence: 1 - score / 3, metrics };
}
