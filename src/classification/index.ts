/** Line art or coloured? What other rooms use. */
export { calibrate } from "./calibrated.js";
export { colorEvidence } from "./evidence.js";
export { isGrayByHeader } from "./header.js";
export {
  DEFAULT_THRESHOLDS,
  decide,
  isSurelyColored,
  type ClassificationMetrics,
  type ClassificationThresholds,
  type ImageClassification,
  type ImageType,
} from "./decision.js";
export { decodeForClassification } from "./decode-for-classification.js";
export {
  ImageClassifier,
  type BatchClassification,
  type ClassifierSource,
  type ImageClassifierOptions,
} from "./image-classifier.js";
export { evidenceOf, measure, type ClassifierImage } from "./metrics.js";
export { separateLineArtAndReferences, type Separation, type UnreadableImage } from "./separate.js";
