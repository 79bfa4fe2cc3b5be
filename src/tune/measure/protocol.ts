/** Messages between the tuner and a measured process. */
import type { BatchConfigInput } from "../../config/batch-config.js";
import type { EngineSettings } from "../../config/engine-settings.js";
import type { Sample, Span } from "./sample.js";

/** A batch to run and measure. */
export interface RunOrder {
  /** Input, references and settings; the output is added. */
  readonly settings: BatchConfigInput;
  /** Where the result goes; it is removed when it was measured. */
  readonly output: string;
  readonly storage: "folder" | "archive";
  /** Whether the pixels of the pictures are hashed, after the measurement. */
  readonly withPictures: boolean;
}

/** To the process. */
export type Order = { readonly type: "open"; readonly engine: EngineSettings } | ({ readonly type: "run" } & RunOrder);

/** What was opened. */
export interface OpenedModel {
  readonly name: string;
  readonly version: string;
  readonly hash: string;
  readonly precision: string;
  readonly trained: boolean;
}

/** What the engine chooses by itself, where a setting names nothing. */
export interface Automatic {
  readonly maxConcurrent: number;
  readonly workers: number;
}

/** From the process. */
export type Answer =
  | { readonly type: "opened"; readonly model: OpenedModel; readonly provider: string; readonly automatic: Automatic }
  | { readonly type: "measured"; readonly sample: Sample; readonly spans: readonly Span[] }
  | { readonly type: "failed"; readonly code: string; readonly message: string };
