/** Opens a file of weights by what it is: safetensors, an index of safetensors files, or a PyTorch checkpoint. */
import { openSafetensorsIndex } from "./safetensors-index.js";
import { SafetensorsFile } from "./safetensors.js";
import { TorchCheckpoint } from "./torch/torch-checkpoint.js";
import type { WeightSource } from "../../onnx/weights.js";

/** Weights from a file. Dispose them when the graphs made of them are written. */
export interface WeightsOnDisk extends WeightSource {
  [Symbol.dispose]?(): void;
  [Symbol.asyncDispose]?(): Promise<void>;
}

/** Opens `path`; headers are read and checked, tensors when they are asked for. Throws ERR_MODEL_WEIGHTS. */
export async function openWeights(path: string): Promise<WeightsOnDisk> {
  if (path.endsWith(".index.json")) return openSafetensorsIndex(path);
  if (path.endsWith(".safetensors")) return SafetensorsFile.open(path);
  return TorchCheckpoint.open(path);
}
