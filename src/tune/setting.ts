/** A setting of the tuner: a value for some knobs; what it leaves out stays at its default. */
import { availableParallelism } from "node:os";
import type { BatchConfigInput } from "../config/batch-config.js";
import type { EngineSettings } from "../config/engine-settings.js";

/** What a setting may name. */
export interface Setting {
  /** Pages in progress at once. */
  readonly maxConcurrent?: number;
  /** Lanes on the CPU, each with sessions and threads of its own. */
  readonly lanes?: number;
  /** Threads of each network on the CPU. */
  readonly threads?: number;
  /** Threads for decoding, encoding and pixels. */
  readonly workers?: number;
  /** Whether the networks' threads spin while they wait for work. */
  readonly spinning?: "on";
  /** Pages denoised together. */
  readonly maxBatch?: number;
  /** GPUs that are used. */
  readonly devices?: number;
  /** How cuDNN chooses its algorithms. */
  readonly convSearch?: "EXHAUSTIVE" | "DEFAULT";
  /** Bytes for keys and values of references. */
  readonly referenceCacheBytes?: number;
  /** PNG compression, 0 to 9. */
  readonly compressionLevel?: number;
  /** Where pages are read from and written to. */
  readonly storage?: "folder" | "archive";
  /** Another package of the same model, such as one of another precision. */
  readonly model?: string;
}

/** The name of a knob. */
export type KnobName = keyof Setting;

/** A name that two settings share only if they are the same. */
export function settingId(setting: Setting): string {
  const parts = (Object.entries(setting) as [KnobName, unknown][])
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${String(value)}`);
  return parts.length === 0 ? "defaults" : parts.join(" ");
}

/** What the tuned engine is opened with in every setting, unless a knob says otherwise. */
export type BaseEngine = Pick<EngineSettings, "model" | "provider" | "devices">;

/** A setting as the section `engine` of a configuration file. */
export function engineSettingsOf(setting: Setting, base: BaseEngine): EngineSettings {
  const { lanes, threads, workers, maxBatch, devices, referenceCacheBytes, model } = setting;
  const kind = base.provider ?? "cpu";
  const threadsOfLane = threads ?? (lanes === undefined ? undefined : threadsPerLane(lanes));
  return {
    ...base,
    ...(model === undefined ? {} : { model }),
    ...(lanes === undefined ? {} : { devices: Array.from({ length: lanes }, (_, lane) => deviceName("cpu", lane)) }),
    ...(devices === undefined ? {} : { devices: Array.from({ length: devices }, (_, device) => `${kind}:${device}`) }),
    ...(threadsOfLane === undefined ? {} : { threads: threadsOfLane }),
    ...(workers === undefined ? {} : { workers }),
    ...(maxBatch === undefined ? {} : { maxBatch }),
    ...(referenceCacheBytes === undefined ? {} : { referenceCacheBytes }),
    ...(setting.spinning === undefined ? {} : { sessionConfig: { "session.intra_op.allow_spinning": "1" } }),
    ...(setting.convSearch === undefined ? {} : { providerOptions: { cudnn_conv_algo_search: setting.convSearch } }),
  };
}

/** Threads of a lane where several share the cores. */
function threadsPerLane(lanes: number): number {
  return Math.max(1, Math.floor(availableParallelism() / lanes));
}

function deviceName(kind: string, number: number): string {
  return number === 0 ? kind : `${kind}:${number}`;
}

/** A setting as settings of a batch. Storage is the chapter's own and is left out. */
export function batchSettingsOf({ maxConcurrent, compressionLevel }: Setting): Partial<BatchConfigInput> {
  return {
    ...(maxConcurrent === undefined ? {} : { maxConcurrent }),
    ...(compressionLevel === undefined ? {} : { compressionLevel }),
  };
}

/** A setting as a configuration file that `colorize --config` and `worker --config` take. */
export function configFileOf(setting: Setting, base: BaseEngine): Record<string, unknown> {
  return { default: batchSettingsOf(setting), engine: engineSettingsOf(setting, base) };
}
