/** Classification: the public part. */
export { DEFAULT_THRESHOLDS, decide, type ClassificationMetrics, type ClassificationThresholds, type ImageClassification, type ImageType } from "./decision.js";
export { decodeForClassification, type ClassificationDecodeOptions } from "./decode-for-classification.js";
export { ImageClassifier, type BatchClassification, type ClassifierSource, type ImageClassifierOptions } from "./image-classifier.js";
export { measure, type ClassifierImage, type PictureMode } from "./metrics.js";
export { separateLineArtAndReferences, type Separation, type UnreadableImage } from "./separate.js";
