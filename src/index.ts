/** The public API of cobra-batch, and only that. */
export { liveCounts, runtimeInfo } from "./binding/index.js";
export type { RasterImage, SessionOptions } from "./binding/index.js";
export { ImageClassifier, separateLineArtAndReferences } from "./classification/index.js";
export type { ClassificationMetrics, ImageClassification, ImageType } from "./classification/index.js";
export { Engine, type EngineOptions } from "./colorization/engine.js";
export type { ColorHint } from "./colorization/hints.js";
export { PAGE_STAGES, type PageRequest, type PageResult, type PageStage } from "./colorization/page-pipeline.js";
export { ReferenceSet, type ReferenceImage } from "./colorization/references.js";
export { parseBatchConfig, STYLES, type BatchConfig, type BatchConfigInput, type PageConfig, type Style } from "./config/batch-config.js";
export { ImageQueue, type ImageQueueInput, type ImageQueueItem } from "./core/image-queue.js";
export { StatusTracker, type ImageState, type ImageStatus, type StatusSummary } from "./core/status-tracker.js";
export { runBatch, type RunBatchOptions } from "./core/batch.js";
export type { BatchEvent, BatchSummary, PageFailure, PageSuccess } from "./core/events.js";
export * from "./errors.js";
export { decodeImage, encodeImage } from "./io/image-codec.js";
export { getLogger, setupLogging, type LoggingOptions, type LogLevel } from "./logging.js";
export { openModelPackage, type ModelPackage } from "./model/model-package.js";
