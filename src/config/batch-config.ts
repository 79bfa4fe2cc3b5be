/** The settings of one batch: one schema gives types, defaults and validation. Rules: the contract's table `BatchConfig`. */
import { z } from "zod";
import { ConfigurationError } from "../errors.js";

/** The two looks Cobra was trained for: clean lines, or lines with shadow areas kept. Each has weights of its own. */
export const STYLES = ["line", "line + shadow"] as const;
export type Style = (typeof STYLES)[number];

/** Whose lines a finished page has: the page's own, at its own size, or those that the model drew. */
export const INKS = ["page", "model"] as const;
export type Ink = (typeof INKS)[number];

const path = z.string().min(1, "must not be empty");

const schema = z.strictObject({
  /** Folder with pages. Exactly one of `inputDir` and `inputZip`. */
  inputDir: path.optional(),
  /** ZIP or CBZ with pages. */
  inputZip: path.optional(),
  /** Folder for the coloured pages. Exactly one of `outputDir` and `outputZip`. */
  outputDir: path.optional(),
  /** ZIP or CBZ for the coloured pages. */
  outputZip: path.optional(),
  /** Coloured pictures or folders of them. Empty: the input's own coloured pages are the references. */
  referenceImages: z.array(path).default([]),
  /** Which weights colour the pages. */
  style: z.enum(STYLES).default("line + shadow"),
  /** Seed of the start noise; the same seed gives the same picture. */
  seed: z.int().min(0).default(0),
  /** Denoising steps a page. More is slower; above 100 is a warning. */
  numInferenceSteps: z.int().min(1).default(10),
  /** Reference patches a quadrant, clamped to the patches there are; above 50 is a warning. */
  topK: z.int().min(1).default(3),
  /** "page" keeps the page's size and ink and takes the colour from the model; "model" gives the model's own picture. */
  ink: z.enum(INKS).default("page"),
  /** Folders below the input folder too. */
  recursive: z.boolean().default(false),
  /** Existing outputs are replaced; otherwise a new file gets `_1`, `_2`, … */
  overwrite: z.boolean().default(false),
  /** Pages in flight at once, at most. Absent: as many as memory and cores are good for. */
  maxConcurrent: z.int().min(1).optional(),
  /** The input's folders are mirrored in the output. */
  preserveStructure: z.boolean().default(true),
});

/** What a caller may give. */
export type BatchConfigInput = z.input<typeof schema>;
/** A complete, valid set of settings. */
export type BatchConfig = z.output<typeof schema>;

/** Settings that decide how one page's picture looks; each page may have its own. */
export const PAGE_SETTINGS = ["style", "seed", "numInferenceSteps", "topK", "ink"] as const;
export type PageSettings = Pick<BatchConfig, (typeof PAGE_SETTINGS)[number]>;
/** Settings of one page that differ from the batch's. */
export type PageConfig = { [Key in keyof PageSettings]?: PageSettings[Key] | undefined };

/** Known keys, in the order of the table. */
export const BATCH_CONFIG_KEYS = Object.keys(schema.shape);

/** The known key nearest to `key` by edit distance, or undefined when none is near. */
export function nearestKey(key: string, keys: readonly string[] = BATCH_CONFIG_KEYS): string | undefined {
  const ranked = keys.map((known) => ({ known, distance: editDistance(key.toLowerCase(), known.toLowerCase()) })).sort((a, b) => a.distance - b.distance);
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

function describeIssue(issue: z.core.$ZodIssue, input: unknown, known: readonly string[] = BATCH_CONFIG_KEYS): string[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => {
      const near = nearestKey(key, known);
      return `${key}: unknown setting${near ? `; did you mean ${near}?` : `; the settings are ${known.join(", ")}`}`;
    });
  }
  const where = issue.path.join(".");
  const value = issue.path.reduce<unknown>((node, key) => (node as Record<PropertyKey, unknown> | undefined)?.[key], input);
  return [`${where}: ${issue.message} (got ${JSON.stringify(value)})`];
}

/** Pairs of settings of which exactly one is given. (Not a zod refinement: those are skipped once another value is wrong.) */
function exclusiveFaults(input: BatchConfigInput): string[] {
  return ([["inputDir", "inputZip"], ["outputDir", "outputZip"]] as const).flatMap(([a, b]) => {
    const given = [a, b].filter((key) => input[key] !== undefined);
    if (given.length === 1) return [];
    const found = given.length === 0 ? "neither is given" : `both are given (${String(input[a])} and ${String(input[b])})`;
    return [`exactly one of ${a} and ${b} is needed, but ${found}`];
  });
}

/**
 * Checks settings and fills in the defaults.
 * @returns the settings, and warnings about values that are allowed but odd
 * @throws ConfigurationError `ERR_CONFIG` that lists all faults at once
 */
export function parseBatchConfig(input: BatchConfigInput): { config: BatchConfig; warnings: string[] } {
  const result = schema.safeParse(input);
  const faults = [...exclusiveFaults(input), ...(result.success ? [] : result.error.issues.flatMap((issue) => describeIssue(issue, input)))];
  if (!result.success || faults.length > 0) {
    throw configError(faults);
  }
  const config = result.data;
  const warnings: string[] = [];
  if (config.numInferenceSteps > 100) warnings.push(`numInferenceSteps is ${config.numInferenceSteps}; above 100 a page takes long and gains little`);
  if (config.topK > 50) warnings.push(`topK is ${config.topK}; above 50 memory grows and the colours hardly change`);
  return { config, warnings };
}

/** The schema of some settings, none of them needed and none filled in. */
function partialSchema(keys: readonly string[]): z.ZodObject {
  const fields = schema.shape as Readonly<Record<string, z.ZodType>>;
  return z.strictObject(Object.fromEntries(keys.map((key) => [key, (fields[key] instanceof z.ZodDefault ? (fields[key].removeDefault() as z.ZodType) : fields[key]!).optional()])));
}

/**
 * What is wrong with some settings, one line a fault.
 * @param keys the settings that may be there
 */
export function settingFaults(input: unknown, keys: readonly string[] = BATCH_CONFIG_KEYS): string[] {
  const result = partialSchema(keys).safeParse(input);
  return result.success ? [] : result.error.issues.flatMap((issue) => describeIssue(issue, input, keys));
}

/** JSON Schema of some settings, none of them required. */
export function settingsJsonSchema(keys: readonly string[] = BATCH_CONFIG_KEYS): { properties: Record<string, { type?: string }> } {
  const { properties } = z.toJSONSchema(partialSchema(keys)) as { properties: Record<string, { type?: string }> };
  return { type: "object", properties, additionalProperties: false } as { properties: Record<string, { type?: string }> };
}

/**
 * The settings of one page: the batch's, with the page's own over them.
 * @throws ConfigurationError `ERR_CONFIG` that lists all faults of the page's settings at once
 */
export function pageSettings(config: BatchConfig, page: PageConfig = {}): PageSettings {
  const faults = settingFaults(page, PAGE_SETTINGS);
  if (faults.length > 0) throw configError(faults);
  return Object.fromEntries(PAGE_SETTINGS.map((key) => [key, page[key] ?? config[key]])) as PageSettings;
}

/** One error for all faults. */
export function configError(faults: readonly string[]): ConfigurationError {
  return new ConfigurationError("ERR_CONFIG", faults.length === 1 ? faults[0]! : `${faults.length} settings are wrong:\n${faults.map((fault) => `  - ${fault}`).join("\n")}`);
}
