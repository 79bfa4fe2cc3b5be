/**
 * The calibrated classifier: how likely a picture is to be coloured, from its `ColorEvidence`, by logistic regression.
 * It stands beside the plain rule, which is misled by yellowed paper, palettes, pale colour and pages with little
 * colour. Weights: `scripts/classifier/fit.mjs`; figures: `docs/classification.md`.
 */
import type { ImageType } from "./decision.js";
import type { ColorEvidence } from "./evidence.js";

interface CalibratedDecision {
  readonly type: ImageType;
  /** How sure that is, 0.5..1. */
  readonly confidence: number;
  /** Neither is clear: less sure than `SURE`. */
  readonly ambiguous: boolean;
}

/** Below this confidence a picture is ambiguous. */
const SURE = 0.85;

/** What the regression sees, in this order. */
export const EVIDENCE_FEATURES = [
  "inks",
  "lightInks",
  "hueSpread",
  "tinted",
  "vivid",
  "localMean",
  "localTop2",
  "localTop10",
  "localTop30",
] as const;

/**
 * Steps between nothing and a little colour count as much as those between a little and much: logarithms, above a floor
 * of noise.
 */
const FLOORS: Readonly<Record<keyof ColorEvidence, number>> = {
  inks: 1e-3,
  lightInks: 2e-3,
  hueSpread: 2e-3,
  tinted: 2e-3,
  vivid: 1e-3,
  localMean: 0.5,
  localTop2: 0.5,
  localTop10: 0.5,
  localTop30: 0.5,
};

const BIAS = -11.804;
const WEIGHTS: Readonly<Record<keyof ColorEvidence, number>> = {
  inks: 0.55,
  lightInks: -1.023,
  hueSpread: 3.413,
  tinted: -0.108,
  vivid: -0.019,
  localMean: -5.132,
  localTop2: 4.851,
  localTop10: 3.92,
  localTop30: -3.091,
};

/** The evidence as the regression sees it: 0 for gray. */
export function evidenceFeatures(evidence: ColorEvidence): number[] {
  return EVIDENCE_FEATURES.map((name) => Math.log1p(evidence[name] / FLOORS[name]));
}

/** Line art or coloured, by the evidence. */
export function calibrate(evidence: ColorEvidence): CalibratedDecision {
  const features = evidenceFeatures(evidence);
  const score = EVIDENCE_FEATURES.reduce((sum, name, index) => sum + WEIGHTS[name] * features[index]!, BIAS);
  const colored = 1 / (1 + Math.exp(-score));
  const confidence = Math.max(colored, 1 - colored);
  return { type: colored >= 0.5 ? "colored" : "line_art", confidence, ambiguous: confidence < SURE };
}
