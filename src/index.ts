/** The public API of cobra-batch, and only that. */
export { liveCounts, runtimeInfo } from "./binding/index.js";
export type { RasterImage, SessionOptions } from "./binding/index.js";
export { DEFAULT_THRESHOLDS, ImageClassifier, separateLineArtAndReferences } from "./classification/index.js";
export type {
  BatchClassification,
  ClassificationMetrics,
  ClassificationThresholds,
  ClassifierImage,
  ClassifierSource,
  ImageClassification,
  ImageClassifierOptions,
  ImageType,
  Separation,
  UnreadableImage,
} from "./classification/index.js";
export { Engine } from "./colorization/engine.js";
export type { DeviceStats } from "./colorization/devices/device-lane.js";
export type { EngineOptions, EngineStats, LaneOptions } from "./colorization/engine-options.js";
export type { ColorHint } from "./colorization/cobra/hint-squares.js";
export type { PageHint, PageHints } from "./colorization/page/page-hints.js";
export { PAGE_STAGES, type OnStage, type PageStage } from "./colorization/cobra/page-stages.js";
export type { RasterRequest, RasterResult } from "./colorization/cobra/raster-request.js";
export type { ColorizedImage, ColorizeImageOptions } from "./colorization/colorize-image.js";
export {
  colorizePage,
  type PageOptions,
  type PageServices,
  type RasterColorizer,
} from "./colorization/request/colorize-page.js";
export {
  PageSchedule,
  PageNotStartedError,
  type PageTicket,
  type PageScheduleOptions,
} from "./colorization/request/page-schedule.js";
export {
  pageRequestSchema,
  pageResultSchema,
  RESULT_FORMATS,
  type ColorizedPage,
  type FailedPage,
  type PageProgress,
  type PageReference,
  type PageRequest,
  type PageRequestInput,
  type PageResult,
  type ImageFile,
  type ResultFormat,
} from "./colorization/request/page-request.js";
export {
  ReferenceStore,
  type HoldOptions,
  type ReferenceFile,
  type ReferenceStoreOptions,
} from "./colorization/reference-store.js";
export { ReferenceSet, type ReferenceImage } from "./colorization/cobra/references.js";
export {
  BatchConfig,
  INKS,
  parseBatchConfig,
  STYLES,
  type BatchConfigInput,
  type Ink,
  type PageConfig,
  type Style,
} from "./config/batch-config.js";
export { ConfigurationHandler, type ConfigFile } from "./config/configuration-handler.js";
export type { EngineSettings } from "./config/engine-settings.js";
export type {
  BatchEngine,
  ModelFacts,
  PageBudget,
  PageColorizer,
  ImagePool,
  ReferenceHolder,
} from "./core/batch-engine.js";
export type { ImageRequest } from "./core/pages/batch-pages.js";
export type { BatchProcessorOptions } from "./core/batch-options.js";
export { BatchProcessor, type ProcessorStatus } from "./core/batch-processor.js";
export { ImageQueue, type ImageQueueInput, type ImageQueueItem } from "./core/pages/image-queue.js";
export { StatusTracker, type ImageState, type ImageStatus, type StatusSummary } from "./core/pages/status-tracker.js";
export { runBatch, type RunBatchOptions } from "./core/run-batch.js";
export type { ProcessorState } from "./core/processor-state.js";
export { EVENT_FORMAT_VERSION } from "./core/event-format.js";
export type {
  BatchEvent,
  BatchEventBody,
  BatchProgress,
  BatchSummary,
  FailureStage,
  PageFailure,
  PageSuccess,
} from "./core/events.js";
export type { PreviewDecision } from "./core/preview/preview.js";
export type { PreviewResult, SeedImage } from "./core/events.js";
export {
  approveRun,
  redoRun,
  rejectRun,
  retryRun,
  type Continuation,
  type SettingChanges,
} from "./core/continue-run.js";
export type { RunDecision } from "./core/output/run-decision.js";
export * from "./errors.js";
export type { Fault } from "./errors/fault.js";
export type { Notice } from "./errors/notice.js";
export { memorySink, type MemorySink } from "./io/memory-sink.js";
export { memorySource, type MemoryFile } from "./io/memory-source.js";
export { openArchiveSink, openFolderSink } from "./io/open-sink.js";
export { openPageSource } from "./io/open-source.js";
export type { PageSink, PageSinkOptions } from "./io/page-sink.js";
export type { PageSource, PageSourceOptions, SourceEntry, SourceFault, SourceNotice } from "./io/page-source.js";
export { decodeImage, encodeImage } from "./io/image/image-codec.js";
export {
  configureComponentLogger,
  getLogger,
  LOG_LEVELS,
  setupLogging,
  withLogContext,
  type LogContext,
  type Logger,
  type LoggingOptions,
  type LoggingSetup,
  type LogLevel,
} from "./logging.js";
export type { LedgerSnapshot, MemoryLedger } from "./memory/ledger.js";
export {
  MemoryManager,
  type DeviceUsage,
  type HostUsage,
  type MemoryUsage,
  type PageSize,
} from "./memory/memory-manager.js";
export {
  CHANNELS,
  type CacheUse,
  type MemoryBooking,
  type NetworkLoad,
  type NetworkRun,
  type PagesTogether,
  type PageTurn,
  type QueueWait,
  type StageItem,
  type TaskRun,
  type TypedChannel,
  type WorkContext,
} from "./observe/channels.js";
export type { HistogramSnapshot } from "./observe/histogram.js";
export { openModelPackage, type ModelPackage } from "./model/package.js";
export { importRelease, type ImportReleaseOptions } from "./convert/cobra-release/import-release.js";

// Types that the signatures above name.
export type { PixelImage } from "./binding/pixels/pixels.js";
export type { Provider } from "./binding/runtime/providers.js";
export type { LiveCounts, RuntimeInfo } from "./binding/types.js";
export type { ImageMode } from "./classification/metrics.js";
export type { Bucket } from "./model/buckets.js";
export type { NetworkRuns, RunTimes } from "./colorization/networks/run-times.js";
export type { TaskPool } from "./colorization/tasks/pool.js";
export type { ClassifierName, Fill, GivenEnds, OutputFormat, PageSettings } from "./config/batch-config.js";
export type { BuildProgress } from "./convert/build-package.js";
export type { ReleaseFolders } from "./convert/cobra-release/release-files.js";
export type { ModelConfig } from "./convert/model-config.js";
export type { RunRecord } from "./core/journal/entries.js";
export type { StatusDetails } from "./core/pages/status-tracker.js";
export type { ArchiveLimits } from "./io/archive/archive-limits.js";
export type { DecodeOptions, DecodedImage, EncodeOptions } from "./io/image/image-codec.js";
export type { ImageFormat } from "./io/image/headers/image-format.js";
export type { EntryKind } from "./io/names/entry-rules.js";
export type { SinkMetadata } from "./io/names/output-rules.js";
export type { LeaseCacheStats } from "./memory/lease-cache.js";
export type { Booking } from "./memory/ledger.js";
export type {
  ArenaSource,
  CacheCounters,
  DroppableCache,
  MemoryManagerOptions,
  PageNeeds,
} from "./memory/memory-manager.js";
export type { PageSlot } from "./memory/page-gate.js";
export type { PressureStep } from "./memory/pressure.js";
export type { GraphName, WeightSet } from "./model/graph-names.js";
export type { ModelManifest } from "./model/manifest.js";
export type { OpenModelPackageOptions } from "./model/package.js";
export type { HostMemory } from "./platform/host-memory.js";
export type { TaskStats, WorkerPoolStats } from "./workers/task-counts.js";
export type { AllocatorStats, DeviceMemory } from "./binding/types.js";
export type { ClassifyImageOptions, ImageKind } from "./classification/classify-image.js";
export type { PageOwn } from "./config/batch-config.js";
export type { ImageEncoderConfig } from "./convert/graphs/image-encoder.js";
export type { LineExtractorConfig } from "./convert/graphs/line-extractor.js";
export type { TransformerConfig } from "./convert/graphs/transformer-config.js";
export type { VaeConfig } from "./convert/graphs/vae.js";
export type { ImageInfo } from "./io/image/headers/image-info.js";
export type { BookingState } from "./memory/ledger.js";
export type { SharedGraph, StyleGraph } from "./model/graph-names.js";
export type { HintForm } from "./model/manifest.js";
export type { CallOptions } from "./workers/pool.js";
export type { ColorHints } from "./config/color-hints.js";
export type { PlaceUsage } from "./memory/usage.js";
