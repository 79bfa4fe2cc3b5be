/** Options of `tune`, and the progress that it reports. */
import type { BatchConfigInput } from "../config/batch-config.js";
import type { OpenedModel } from "./measure/protocol.js";
import type { Sample } from "./measure/sample.js";
import type { MeasuredSetting, Phase } from "./search.js";
import type { BaseEngine } from "./setting.js";
import type { Knob } from "./space.js";
import type { Goal, Limits } from "./wishes.js";

/** What is tuned, how long, and for what. */
export interface TuneOptions {
  /** Input, references and settings of the pages. */
  readonly settings: BatchConfigInput;
  /** Draws pages of this size in the place of an input. */
  readonly synthetic?: { readonly width: number; readonly height: number };
  readonly base: BaseEngine;
  readonly minutes: number;
  readonly goal: Goal;
  readonly limits: Limits;
  /** Folder of the report. */
  readonly out: string;
  /** Measures again what is in the folder already. */
  readonly fresh: boolean;
  /** Names of this machine's GPUs. */
  readonly gpus: readonly string[];
  /** Other packages of the model that is tuned. */
  readonly otherModels?: (model: OpenedModel) => readonly string[];
  /** Stops measuring; a report of what was measured is written. */
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: TuneProgress) => void;
}

/** What the tuner does. */
export type TuneProgress =
  | { readonly type: "opening" }
  | { readonly type: "plan"; readonly pagesPerSample: number; readonly knobs: readonly Knob[] }
  | {
      readonly type: "sample";
      readonly phase: Phase;
      readonly measured: MeasuredSetting;
      readonly defaults: readonly Sample[];
    };
