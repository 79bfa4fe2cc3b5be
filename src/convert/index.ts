/** What the floors above may use to make a model package, with `src/model` for opening one. */
export * from "../model/manifest.js";
export { openModelPackage, type ModelPackage, type OpenModelPackageOptions } from "../model/package.js";
export {
  buildModelPackage,
  type BuildModelPackageOptions,
  type BuildProgress,
  type ModelInfo,
} from "./build-package.js";
export type { ModelWeights, StyleWeights } from "./package-graphs.js";
export { importRelease, type ImportReleaseOptions } from "./cobra-release/import-release.js";
export type { ModelConfig } from "./model-config.js";
export {
  buildPresetPackage,
  ensurePresetPackage,
  PRESETS,
  presetWeights,
  type BuildPresetOptions,
  type PresetName,
} from "./presets.js";
export type { Prompt } from "./graphs/prompt.js";
export { loadSafetensors, SafetensorsFile } from "./weights/safetensors.js";
export { givenWeights, overlay, prefixView, seededWeights, union, type SeededRule } from "./weights/sources.js";
export { openWeights, type WeightsOnDisk } from "./weights/open-weights.js";
export { type WeightSource } from "../onnx/weights.js";
export { COBRA_BUCKETS } from "./cobra-buckets.js";
