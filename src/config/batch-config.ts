/**
 * The settings of one batch: one schema, built from the table in `settings.ts`, gives types, defaults and validation.
 */
import { z } from "zod";
import { checkArgument, checkFunction, checkList, checkObject } from "../errors/arguments.js";
import type { Fault } from "../errors/fault.js";
import { colorHintsSchema, type ColorHints } from "./color-hints.js";
import { configError, describeIssue, type Label } from "./config-messages.js";
import { ARCHIVE_NAME, resolveOutput } from "./output-archive.js";
import {
  BATCH_CONFIG_KEYS,
  CLASSIFIERS,
  FILLS,
  FORMAT_ALIASES,
  IMAGE_TYPES,
  INKS,
  LAYERS,
  OUTPUT_FORMATS,
  OUTPUT_SETTINGS,
  PAGE_CONFIG_KEYS,
  PAGE_SETTINGS,
  SETTINGS,
  settingText,
  STYLES,
  type OutputFormat,
  type SettingKey,
} from "./settings.js";
import { wholeNumberRule } from "./setting-text.js";

export { configError } from "./config-messages.js";
export * from "./settings.js";

const path = z.string("must be a path").min(1, "must not be empty");
const flag = z.boolean("must be true or false");
const LARGEST = Number.MAX_SAFE_INTEGER;
/** A whole number from `least` to the largest that JavaScript counts exactly. Texts of larger ones come as bigints. */
const whole = (least: number, most?: number, why = ""): z.ZodInt => {
  const rule = wholeNumberRule(least, most) + why;
  const fault = ({ input }: { readonly input?: unknown }): string =>
    (typeof input === "bigint" && input > 0n) || (Number.isInteger(input) && (input as number) > LARGEST)
      ? wholeNumberRule(least, most ?? LARGEST)
      : rule;
  return z
    .int({ error: fault })
    .min(least, rule)
    .max(most ?? LARGEST, rule);
};
const oneOf = <const T extends readonly string[]>(values: T) =>
  z.enum(values, `must be ${values.map((value) => `"${value}"`).join(" or ")}`);

const ALIASES: Readonly<Record<string, OutputFormat>> = FORMAT_ALIASES;
const outputFormat = z
  .enum(
    [...OUTPUT_FORMATS, ...(Object.keys(FORMAT_ALIASES) as (keyof typeof FORMAT_ALIASES)[])],
    `must be ${OUTPUT_FORMATS.map((value) => `"${value}"`).join(" or ")}`,
  )
  .transform((name): OutputFormat => ALIASES[name] ?? (name as OutputFormat));

/** The text for `--help` and the JSON Schema stands before `default`, so that it stays where defaults are taken off. */
const described = <T extends z.ZodType>(key: SettingKey, type: T): T => type.describe(settingText(key));

const schema = z.strictObject({
  inputDir: described("inputDir", path).optional(),
  inputZip: described("inputZip", path).optional(),
  outputDir: described("outputDir", path).optional(),
  outputZip: described("outputZip", path).optional(),
  zipOutputName: described(
    "zipOutputName",
    z.string("must be a file name").regex(ARCHIVE_NAME, "must be a file name without a folder"),
  ).optional(),
  /** Empty: the input's own coloured pages are the references. */
  referenceImages: described("referenceImages", z.array(path, "must be a list of paths")).default([]),
  /** Which weights colour the pages. */
  style: described("style", oneOf(STYLES)).default(SETTINGS.style.default),
  /** Of the start noise. */
  seed: described("seed", whole(0)).default(SETTINGS.seed.default),
  numInferenceSteps: described("numInferenceSteps", whole(1, 999, ", since models are trained with 1000")).default(
    SETTINGS.numInferenceSteps.default,
  ),
  /** Clamped to the patches there are; above 50 is a warning. */
  topK: described("topK", whole(1)).default(SETTINGS.topK.default),
  ink: described("ink", oneOf(INKS)).default(SETTINGS.ink.default),
  fill: described("fill", oneOf(FILLS)).optional(),
  classifier: described("classifier", oneOf(CLASSIFIERS)).default(SETTINGS.classifier.default),
  /** Meant for single images of a configuration file. */
  imageType: described("imageType", oneOf(IMAGE_TYPES)).optional(),
  outputFormat: described("outputFormat", outputFormat).optional(),
  quality: described("quality", whole(1, 100)).optional(),
  lossless: described("lossless", flag).default(SETTINGS.lossless.default),
  compressionLevel: described("compressionLevel", whole(0, 9)).default(SETTINGS.compressionLevel.default),
  layers: described("layers", oneOf(LAYERS)).optional(),
  recolor: described("recolor", flag).optional(),
  recursive: described("recursive", flag).default(SETTINGS.recursive.default),
  overwrite: described("overwrite", flag).default(SETTINGS.overwrite.default),
  previewMode: described("previewMode", flag).default(SETTINGS.previewMode.default),
  previewPages: described("previewPages", whole(1)).default(SETTINGS.previewPages.default),
  previewSeeds: described("previewSeeds", whole(1, 64)).default(SETTINGS.previewSeeds.default),
  /** Absent: chosen by `MemoryManager.pagesInFlight`. */
  maxConcurrent: described("maxConcurrent", whole(1)).optional(),
  preserveStructure: described("preserveStructure", flag).default(SETTINGS.preserveStructure.default),
});

/** What a caller may give. */
export type BatchConfigInput = z.input<typeof schema>;
/** A complete, valid set of settings. */
export type BatchConfig = z.output<typeof schema>;

/** What a page alone has beside them: references in place of the batch's, and colours to keep to. */
export interface PageOwn {
  readonly referenceImages?: readonly string[];
  readonly colorHints?: ColorHints;
}
/** Settings of one page, including those that only a page can have. */
export type PageSettings = Pick<BatchConfig, (typeof PAGE_SETTINGS)[number]> & PageOwn;
/** Settings of one page that differ from the batch's, and what it is. */
export type PageConfig = { [Key in keyof PageSettings]?: PageSettings[Key] | undefined } & {
  imageType?: BatchConfig["imageType"];
};

export type OutputSettings = Pick<BatchConfig, (typeof OUTPUT_SETTINGS)[number]>;

/** Settings of one page, defaults filled in. */
export const pageSettingsSchema = schema.pick(
  Object.fromEntries(PAGE_SETTINGS.map((key) => [key, true])) as Record<(typeof PAGE_SETTINGS)[number], true>,
);
/** How one picture is written, defaults filled in; its format apart. */
export const encodingSchema = schema.pick({ quality: true, lossless: true, compressionLevel: true, layers: true });

/** The output settings of a batch. */
export function outputSettings(config: BatchConfig): OutputSettings {
  return Object.fromEntries(OUTPUT_SETTINGS.map((key) => [key, config[key]])) as OutputSettings;
}

/** What a program gives beside the settings, in the place of paths. */
export interface GivenEnds {
  /** Pages come from a source; no input path is needed or allowed. */
  readonly source?: boolean;
  /** Results go to a sink; no output path is needed or allowed. */
  readonly sink?: boolean;
}

/**
 * Pairs of settings of which exactly one is given. (Not a zod refinement: those are skipped once another value is
 * wrong.)
 */
function exclusiveFaults(input: BatchConfigInput, label: Label, ends: GivenEnds): Fault[] {
  const unused: Fault[] =
    ends.sink === true && input.zipOutputName !== undefined
      ? [
          {
            message: `${label("zipOutputName")} is given (${String(input.zipOutputName)}) and so is a sink`,
            remedy: `leave ${label("zipOutputName")} or the sink out`,
          },
        ]
      : [];
  const pairs = (
    [
      ["inputDir", "inputZip", "source"],
      ["outputDir", "outputZip", "sink"],
    ] as const
  ).flatMap(([a, b, end]) => {
    const given = [a, b].filter((key) => input[key] !== undefined);
    if (ends[end] === true)
      return given.map((key) => ({
        message: `${label(key)} is given (${String(input[key])}) and so is a ${end}`,
        remedy: `leave ${label(key)} or the ${end} out`,
      }));
    if (given.length === 1) return [];
    const found =
      given.length === 0 ? "neither is given" : `both are given (${String(input[a])} and ${String(input[b])})`;
    return [{ message: `exactly one of ${label(a)} and ${label(b)} is needed, but ${found}` }];
  });
  return [...unused, ...pairs];
}

/**
 * Checks settings and fills in the defaults.
 * @param label what a setting is called in messages, such as the flag it came from; default its name
 * @param ends what is given in the place of paths; default: nothing
 * @param otherFaults found elsewhere, to be reported together with these
 * @returns the settings, and warnings about values that are allowed but odd
 * @throws ConfigurationError `ERR_CONFIG` that lists all faults at once; ValidationError `ERR_ARGUMENT` for other
 * arguments of a wrong type
 */
export function parseBatchConfig(
  input: BatchConfigInput,
  label: Label = String,
  ends: GivenEnds = {},
  otherFaults: readonly Fault[] = [],
): { config: BatchConfig; warnings: string[] } {
  checkFunction("label", label);
  checkObject("ends", ends);
  checkList("otherFaults", otherFaults);
  for (const fault of otherFaults) {
    checkObject("a fault", fault);
    checkArgument(typeof fault.message === "string", "a fault's message", fault.message, "text");
  }
  if (typeof input !== "object" || input === null)
    throw configError([{ message: `the settings must be an object, not ${input === null ? "null" : typeof input}` }]);
  const result = schema.safeParse(input);
  const faults = [
    ...otherFaults,
    ...exclusiveFaults(input, label, ends),
    ...(result.success
      ? []
      : result.error.issues.flatMap((issue) => describeIssue(issue, input, BATCH_CONFIG_KEYS, label))),
  ];
  if (!result.success || faults.length > 0) {
    throw configError(faults);
  }
  const warnings: string[] = [];
  const config = resolveOutput(result.data, (text) => warnings.push(text));
  if (config.numInferenceSteps > 100)
    warnings.push(
      `${label("numInferenceSteps")} is ${config.numInferenceSteps}; more than 100 steps take long and improve little`,
    );
  if (config.topK > 50)
    warnings.push(`${label("topK")} is ${config.topK}; above 50, memory grows and the colours hardly change`);
  if (config.layers !== undefined && config.ink === "model")
    warnings.push(
      `${label("layers")} is "${config.layers}", but the model's own picture (${label("ink")} "model") has no layers: ${config.layers === "psd" ? "each document holds only the picture" : "only pictures are written"}`,
    );
  return { config, warnings };
}

/** Schemas by their keys: zod would compile each one again. */
const partialSchemas = new WeakMap<readonly string[], z.ZodObject>();

/** The schema of some settings, none of them needed and none filled in. */
function partialSchema(keys: readonly string[]): z.ZodObject {
  const known = partialSchemas.get(keys);
  if (known !== undefined) return known;
  const made = makePartialSchema(keys);
  partialSchemas.set(keys, made);
  return made;
}

function makePartialSchema(keys: readonly string[]): z.ZodObject {
  const fields: Readonly<Record<string, z.ZodType>> = { ...schema.shape, colorHints: colorHintsSchema };
  return z.strictObject(
    Object.fromEntries(
      keys.map((key) => [
        key,
        (fields[key] instanceof z.ZodDefault ? (fields[key].removeDefault() as z.ZodType) : fields[key]!).optional(),
      ]),
    ),
  );
}

/**
 * What is wrong with some settings.
 * @param keys the settings that may be there
 * @param label what a setting is called where it was given. Default: by its key
 */
export function settingFaults(
  input: unknown,
  keys: readonly string[] = BATCH_CONFIG_KEYS,
  label: Label = String,
): Fault[] {
  const result = partialSchema(keys).safeParse(input);
  if (!result.success) return result.error.issues.flatMap((issue) => describeIssue(issue, input, keys, label));
  const { referenceImages } = input as { referenceImages?: readonly string[] };
  return keys === PAGE_CONFIG_KEYS && referenceImages?.length === 0
    ? [
        {
          message: `${label("referenceImages")}: must name at least one`,
          remedy: `leave ${label("referenceImages")} out for the references of all pages`,
        },
      ]
    : [];
}

/** JSON Schema of settings, none of them required: all with their defaults, or (`keys`) some without. */
export function settingsJsonSchema(keys?: readonly string[]): { properties: Record<string, { type?: string }> } {
  const { properties } = z.toJSONSchema(keys === undefined ? schema : partialSchema(keys), { io: "input" }) as {
    properties: Record<string, { type?: string }>;
  };
  return { type: "object", properties, additionalProperties: false } as {
    properties: Record<string, { type?: string }>;
  };
}

/**
 * The settings of one page: the batch's, with the page's own over them.
 * @throws ConfigurationError `ERR_CONFIG` that lists all faults of the page's settings at once
 */
export function pageSettings(config: BatchConfig, page: PageConfig = {}): PageSettings {
  const faults = settingFaults(page, PAGE_CONFIG_KEYS);
  if (faults.length > 0) throw configError(faults);
  const { referenceImages, colorHints } = page;
  return {
    ...(Object.fromEntries(PAGE_SETTINGS.map((key) => [key, page[key] ?? config[key]])) as unknown as PageSettings),
    ...(referenceImages === undefined ? {} : { referenceImages }),
    ...(colorHints === undefined ? {} : { colorHints }),
  };
}

/**
 * The settings' name at run time too, so that `import { BatchConfig }` is right in JavaScript: `BatchConfig.parse(…)`
 * is `parseBatchConfig`.
 */
export const BatchConfig = Object.freeze({
  parse: parseBatchConfig,
  keys: BATCH_CONFIG_KEYS,
  jsonSchema: settingsJsonSchema,
});
