/**
 * The knobs that a machine has, and the values worth trying: pruned by what its cores, memory and devices allow. The
 * default of each knob is always among what is measured; it is the setting that leaves the knob out.
 */
import type { BaseEngine, KnobName, Setting } from "./setting.js";

/** What the space depends on. */
export interface MachineFacts {
  readonly cores: number;
  /** Bytes that may be taken now. */
  readonly availableBytes: number;
  /** GPUs that the base engine may use; 0 on the CPU. */
  readonly gpus: number;
  /** Bytes that the default setting took at its peak. */
  readonly defaultPeakBytes: number;
  /** Other packages of the same model, such as of another precision: what `--model` takes. */
  readonly otherModels: readonly string[];
  /** Where the chapter is. */
  readonly storage: "folder" | "archive";
}

/** A knob and its values besides the default. */
export interface Knob {
  readonly name: KnobName;
  /** For reports. */
  readonly title: string;
  readonly values: readonly NonNullable<Setting[KnobName]>[];
  /** What it costs besides time and memory; empty where it costs nothing. */
  readonly cost: string;
  /** Whether its value goes into `settings.json`. */
  readonly isKept: boolean;
}

/** What more pages in flight, or lanes, may take of the memory that is free. */
const MEMORY_SHARE = 0.8;

/** All knobs with values to try; those without any are left out. */
export function knobsOf(base: BaseEngine, facts: MachineFacts): Knob[] {
  const { cores, gpus, defaultPeakBytes, availableBytes } = facts;
  const onGpu = (base.provider ?? "cpu") !== "cpu";
  /** How many times the memory of the default may be taken. */
  const room = (MEMORY_SHARE * availableBytes) / Math.max(1, defaultPeakBytes);
  const knob = <Name extends KnobName>(
    name: Name,
    title: string,
    values: readonly NonNullable<Setting[Name]>[],
    { cost = "", isKept = true } = {},
  ): Knob => ({ name, title, values: values as Knob["values"], cost, isKept });
  const all = [
    knob(
      "maxConcurrent",
      "pages in flight",
      [1, 2, 3, 4, ...(onGpu ? [6, 8] : [])].filter((pages) => pages <= 2 || (pages <= 2 * cores && pages / 3 <= room)),
    ),
    knob("threads", "threads of a network", onGpu ? [] : smaller(cores)),
    knob(
      "lanes",
      "lanes on the CPU",
      onGpu || base.devices !== undefined
        ? []
        : [...smaller(cores), cores].filter((lanes) => lanes > 1 && lanes <= room),
    ),
    knob("workers", "worker threads", [...smaller(cores), 2 * cores]),
    knob("spinning", "spinning threads", onGpu ? [] : ["on"]),
    knob(
      "maxBatch",
      "pages in a batch",
      (onGpu ? [1, 2, 4, 8] : [2]).filter((pages) => pages / 2 <= room),
    ),
    knob(
      "devices",
      "GPUs",
      Array.from({ length: gpus }, (_, index) => index + 1).filter((count) => gpus > 1 && isPowerOfTwo(count)),
    ),
    knob("convSearch", "cuDNN's search", base.provider === "cuda" ? ["EXHAUSTIVE", "DEFAULT"] : []),
    knob("referenceCacheBytes", "reference cache", [0]),
    knob("compressionLevel", "PNG compression", [1, 3], { cost: "larger files" }),
    knob("storage", "storage", [facts.storage === "folder" ? "archive" : "folder"], { isKept: false }),
    knob("model", "model package", facts.otherModels, { cost: "other pictures" }),
  ];
  return all.flatMap((one) => (one.values.length === 0 ? [] : [{ ...one, values: [...new Set(one.values)] }]));
}

/** Powers of two below a number. */
function smaller(limit: number): number[] {
  return Array.from({ length: 10 }, (_, power) => 2 ** power).filter((value) => value < limit);
}

function isPowerOfTwo(value: number): boolean {
  return (value & (value - 1)) === 0;
}

/** A setting with one more knob named. */
export function withKnob(setting: Setting, name: KnobName, value: unknown): Setting {
  return { ...setting, [name]: value } as Setting;
}

/** Every setting that differs from the defaults by one knob. */
export function oneKnobSettings(knobs: readonly Knob[]): Setting[] {
  return knobs.flatMap(({ name, values }) => values.map((value) => withKnob({}, name, value)));
}

/** Every combination of the knobs' values, the defaults of each among them. For exhaustive sweeps. */
export function allSettings(knobs: readonly Knob[]): Setting[] {
  return knobs.reduce<Setting[]>(
    (settings, { name, values }) =>
      settings.flatMap((setting) => [setting, ...values.map((value) => withKnob(setting, name, value))]),
    [{}],
  );
}
