/**
 * The settings of one batch: one schema gives types, defaults and validation. Rules: the contract's table
 * `BatchConfig`.
 */
import { z } from "zod";
import { ConfigurationError } from "../errors.js";
import { colorHintsSchema, type ColorHints } from "./color-hints.js";
import { ARCHIVE_NAME, resolveOutput } from "./output-archive.js";

/** The two looks Cobra was trained for: clean lines, or lines with shadow areas kept. Each has weights of its own. */
export const STYLES = ["line", "line + shadow"] as const;
/** A look of the lines; see `STYLES`. */
export type Style = (typeof STYLES)[number];

/** Whose lines a finished page has: the page's own, at its own size, or those that the model drew. */
export const INKS = ["page", "model"] as const;
/** Whose lines a finished page has; see `INKS`. */
export type Ink = (typeof INKS)[number];

/**
 * How a page's regions are filled under its ink: one colour each, as a flatter lays them, or as the model painted them.
 */
export const FILLS = ["flat", "model"] as const;
export type Fill = (typeof FILLS)[number];

/** Picture formats that are written. */
export const OUTPUT_FORMATS = ["png", "jpeg", "webp", "tiff", "avif"] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

/**
 * How the layers of pages are written: as a layered document in the picture's place, or as files in a folder beside it.
 */
export const LAYERS = ["psd", "png"] as const;
export type Layers = (typeof LAYERS)[number];

/** What a picture is taken for: a page to colour, or a coloured picture to take colours from. */
export const IMAGE_TYPES = ["line_art", "colored"] as const;
/** What a picture is taken for; see `IMAGE_TYPES`. */
export type ImageType = (typeof IMAGE_TYPES)[number];

/**
 * How pages are told from coloured pictures: by the calibrated decision, or by the original's rule of three metrics.
 */
export const CLASSIFIERS = ["calibrated", "plain"] as const;
export type ClassifierName = (typeof CLASSIFIERS)[number];

const path = z.string("must be a path").min(1, "must not be empty");
const flag = z.boolean("must be true or false");
const whole = (least: number): z.ZodInt =>
  z.int(`must be a whole number of ${least} or more`).min(least, `must be a whole number of ${least} or more`);
const oneOf = <const T extends readonly string[]>(values: T) =>
  z.enum(values, `must be ${values.map((value) => `"${value}"`).join(" or ")}`);

// The descriptions are what `--help` and the JSON Schema say. They stand before `default`, so that they stay where
// defaults are taken off.
const schema = z.strictObject({
  inputDir: path.describe("folder with pages").optional(),
  inputZip: path.describe("ZIP or CBZ with pages").optional(),
  outputDir: path.describe("folder for the coloured pages").optional(),
  outputZip: path.describe("ZIP or CBZ for the coloured pages, or a folder for it").optional(),
  zipOutputName: z
    .string("must be a file name")
    .regex(ARCHIVE_NAME, "must be a file name without a folder")
    .describe("name of the ZIP where the output is a folder for it (default: <folder>_colorized.zip)")
    .optional(),
  /** Empty: the input's own coloured pages are the references. */
  referenceImages: z
    .array(path, "must be a list of paths")
    .describe("coloured references: pictures, folders or archives")
    .default([]),
  /** Which weights colour the pages. */
  style: oneOf(STYLES).describe("look of the lines that the colours are made for").default("line + shadow"),
  /** Of the start noise. */
  seed: whole(0).describe("seed of the noise; the same seed gives the same picture").default(0),
  numInferenceSteps: whole(1)
    .max(999, "must be 999 or less: models are trained for 1000")
    .describe("denoising steps a page; more is slower")
    .default(10),
  /** Clamped to the patches there are; above 50 is a warning. */
  topK: whole(1).describe("reference patches a quadrant; more is slower and takes memory").default(3),
  ink: oneOf(INKS)
    .describe('"page": the page\'s own size and lines with the model\'s colour; "model": the model\'s own picture')
    .default("page"),
  fill: oneOf(FILLS)
    .describe(
      'with the page\'s own ink: "flat" gives every region of lines one colour, "model" keeps the model\'s shading; without it as the model package says',
    )
    .optional(),
  classifier: oneOf(CLASSIFIERS)
    .describe("how pages are told from coloured pictures where no references are named")
    .default("calibrated"),
  /** Meant for single images of a configuration file. */
  imageType: oneOf(IMAGE_TYPES).describe("what a picture is, instead of being told from it").optional(),
  outputFormat: oneOf(OUTPUT_FORMATS)
    .describe("picture format of all results; without it each page keeps its own, and GIF becomes PNG")
    .optional(),
  quality: whole(1)
    .max(100, "must be 100 or less")
    .describe("1 to 100, for JPEG, WebP and AVIF; without it 92, 90 and 70")
    .optional(),
  lossless: flag
    .describe(
      "WebP and AVIF without loss; PNG and TIFF are always, and pages that are themselves are unless `quality` is given",
    )
    .default(false),
  compressionLevel: whole(0).max(9, "must be 9 or less").describe("of PNG: 0 (fast) to 9 (small)").default(6),
  layers: oneOf(LAYERS)
    .describe(
      'write the layers of each page (ink over colour over the original page): "psd" as a Photoshop document in the picture\'s place, "png" as files in a folder beside the picture',
    )
    .optional(),
  recursive: flag.describe("folders inside the input folder too").default(false),
  overwrite: flag.describe("replace existing outputs instead of adding _1, _2, …").default(false),
  previewMode: flag.describe("do the first pages, then wait until they are approved").default(false),
  previewPages: whole(1).describe("how many pages a preview shows").default(1),
  previewSeeds: whole(1)
    .max(64, "must be 64 or less")
    .describe("above 1: a preview shows each of its pages with so many seeds, to choose one for all pages")
    .default(1),
  /** Absent: chosen by `MemoryManager.pagesInFlight`. */
  maxConcurrent: whole(1)
    .describe("pages in flight at once, at most; without it as many as memory and cores are good for")
    .optional(),
  preserveStructure: flag.describe("mirror the input's folders in the output").default(true),
});

/** What a caller may give. */
export type BatchConfigInput = z.input<typeof schema>;
/** A complete, valid set of settings. */
export type BatchConfig = z.output<typeof schema>;

/** Settings that decide how one page's picture looks; each page may have its own. */
export const PAGE_SETTINGS = ["style", "seed", "numInferenceSteps", "topK", "ink", "fill"] as const;
/** What a page alone has beside them: references in place of the batch's, and colours to keep to. */
export interface PageOwn {
  readonly referenceImages?: readonly string[];
  readonly colorHints?: ColorHints;
}
export type PageSettings = Pick<BatchConfig, (typeof PAGE_SETTINGS)[number]> & PageOwn;
/** Settings of one page that differ from the batch's, and what it is. */
export type PageConfig = { [Key in keyof PageSettings]?: PageSettings[Key] | undefined } & {
  imageType?: BatchConfig["imageType"];
};
/** Keys of a page's settings. */
export const PAGE_CONFIG_KEYS = [...PAGE_SETTINGS, "referenceImages", "colorHints", "imageType"] as const;

/** Settings of how all pictures of a batch are written. */
export const OUTPUT_SETTINGS = ["outputFormat", "quality", "lossless", "compressionLevel", "layers"] as const;
export type OutputSettings = Pick<BatchConfig, (typeof OUTPUT_SETTINGS)[number]>;

/** Settings of one page, defaults filled in. */
export const pageSettingsSchema = schema.pick({
  style: true,
  seed: true,
  numInferenceSteps: true,
  topK: true,
  ink: true,
  fill: true,
});
/** How one picture is written, defaults filled in; its format apart. */
export const encodingSchema = schema.pick({ quality: true, lossless: true, compressionLevel: true, layers: true });

/** The output settings of a batch. */
export function outputSettings(config: BatchConfig): OutputSettings {
  return Object.fromEntries(OUTPUT_SETTINGS.map((key) => [key, config[key]])) as OutputSettings;
}

/** Known keys, in the order of the table. */
export const BATCH_CONFIG_KEYS = Object.keys(schema.shape);

/** The known key nearest to `key` by edit distance, or undefined when none is near. */
export function nearestKey(key: string, keys: readonly string[] = BATCH_CONFIG_KEYS): string | undefined {
  const ranked = keys
    .map((known) => ({ known, distance: editDistance(key.toLowerCase(), known.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best && best.distance <= Math.max(2, key.length / 3) ? best.known : undefined;
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length]!;
}

/** What a setting is called in a message. */
type Label = (key: string) => string;

function describeIssue(
  issue: z.core.$ZodIssue,
  input: unknown,
  known: readonly string[] = BATCH_CONFIG_KEYS,
  label: Label = String,
): string[] {
  // Of a value that may be one of several things, what is wrong inside the one that it looks like.
  const inside =
    issue.code === "invalid_union" && issue.path.length === 1
      ? issue.errors.find(
          (issues) => issues.some(({ path }) => path.length > 0) || issues.some(({ code }) => code === "too_small"),
        )
      : undefined;
  if (inside !== undefined)
    return inside.flatMap((one) => describeIssue({ ...one, path: [...issue.path, ...one.path] }, input, known, label));
  if (issue.code === "unrecognized_keys" && issue.path.length > 0)
    return [`${issue.path.join(".")}: unknown ${issue.keys.map((key) => `"${key}"`).join(", ")}; leave it out`];
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => {
      const near = nearestKey(key, known);
      return `${label(key)}: unknown setting${near ? `; did you mean ${near}?` : `; the settings are ${known.join(", ")}`}`;
    });
  }
  const where = [label(String(issue.path[0] ?? "")), ...issue.path.slice(1)].join(".");
  const value = issue.path.reduce<unknown>(
    (node, key) => (node as Record<PropertyKey, unknown> | undefined)?.[key],
    input,
  );
  return [`${where}: ${issue.message}, not ${typeof value === "number" ? String(value) : JSON.stringify(value)}`];
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
function exclusiveFaults(input: BatchConfigInput, label: Label, ends: GivenEnds): string[] {
  return (
    [
      ["inputDir", "inputZip", "source"],
      ["outputDir", "outputZip", "sink"],
    ] as const
  ).flatMap(([a, b, end]) => {
    const given = [a, b].filter((key) => input[key] !== undefined);
    if (ends[end] === true)
      return given.map((key) => `${label(key)} is given (${String(input[key])}) and so is a ${end}; give one of them`);
    if (given.length === 1) return [];
    const found =
      given.length === 0 ? "neither is given" : `both are given (${String(input[a])} and ${String(input[b])})`;
    return [`exactly one of ${label(a)} and ${label(b)} is needed, but ${found}`];
  });
}

/**
 * Checks settings and fills in the defaults.
 * @param label what a setting is called in messages, such as the flag it came from; default its name
 * @param ends what is given in the place of paths; default: nothing
 * @returns the settings, and warnings about values that are allowed but odd
 * @throws ConfigurationError `ERR_CONFIG` that lists all faults at once
 */
export function parseBatchConfig(
  input: BatchConfigInput,
  label: Label = String,
  ends: GivenEnds = {},
): { config: BatchConfig; warnings: string[] } {
  if (typeof input !== "object" || input === null)
    throw configError([`the settings must be an object, not ${input === null ? "null" : typeof input}`]);
  const result = schema.safeParse(input);
  const faults = [
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
      `${label("numInferenceSteps")} is ${config.numInferenceSteps}; above 100 a page takes long and gains little`,
    );
  if (config.topK > 50)
    warnings.push(`${label("topK")} is ${config.topK}; above 50 memory grows and the colours hardly change`);
  if (config.layers !== undefined && config.ink === "model")
    warnings.push(
      `${label("layers")} is "${config.layers}", but the model's own picture (${label("ink")} "model") has no layers: ${config.layers === "psd" ? "each document has the picture alone" : "pictures are written and no layers"}`,
    );
  return { config, warnings };
}

/** What `--help` says of a setting: its description and, where it has one, its default. */
export function settingHelp(key: keyof BatchConfig): { description: string; default: unknown } {
  const field: z.ZodType = schema.shape[key];
  const inner = field instanceof z.ZodDefault || field instanceof z.ZodOptional ? (field.unwrap() as z.ZodType) : field;
  return {
    description: inner.description ?? "",
    default: field instanceof z.ZodDefault ? field.parse(undefined) : undefined,
  };
}

/** The schema of some settings, none of them needed and none filled in. */
function partialSchema(keys: readonly string[]): z.ZodObject {
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
 * What is wrong with some settings, one line a fault.
 * @param keys the settings that may be there
 */
export function settingFaults(input: unknown, keys: readonly string[] = BATCH_CONFIG_KEYS): string[] {
  const result = partialSchema(keys).safeParse(input);
  if (!result.success) return result.error.issues.flatMap((issue) => describeIssue(issue, input, keys));
  const { referenceImages } = input as { referenceImages?: readonly string[] };
  return keys === PAGE_CONFIG_KEYS && referenceImages?.length === 0
    ? ["referenceImages: must name at least one; leave it out for the references of all pages"]
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

/** One error for all faults. */
export function configError(faults: readonly string[]): ConfigurationError {
  return new ConfigurationError(
    "ERR_CONFIG",
    faults.length === 1
      ? faults[0]!
      : `${faults.length} settings are wrong:\n${faults.map((fault) => `  - ${fault}`).join("\n")}`,
  );
}
