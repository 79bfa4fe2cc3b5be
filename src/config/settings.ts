/**
 * The settings of a batch as plain data: names, values, defaults and the text that `--help` shows. The schema in
 * `batch-config.ts` is built from this table. Nothing is imported here, so that a command can print its help without
 * loading the schema library.
 */

/** The two looks Cobra was trained for: clean lines, or lines with shadow areas kept. Each has weights of its own. */
export const STYLES = ["line", "line + shadow"] as const;
/** A look of the lines; see `STYLES`. */
export type Style = (typeof STYLES)[number];

/** Whose lines a finished page has: the page's own, at its own size, or those that the model drew. */
export const INKS = ["page", "model"] as const;
/** Whose lines a finished page has; see `INKS`. */
export type Ink = (typeof INKS)[number];

/** How a page's regions are filled under its ink: one flat colour each, or as the model painted them. */
export const FILLS = ["flat", "model"] as const;
/** How regions are filled; see `FILLS`. */
export type Fill = (typeof FILLS)[number];

/** Picture formats that are written. */
export const OUTPUT_FORMATS = ["png", "jpeg", "webp", "tiff", "avif"] as const;
/** A picture format that is written. */
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];
/** Other names of formats, which are read wherever a format is named. */
export const FORMAT_ALIASES = { jpg: "jpeg", tif: "tiff" } as const satisfies Record<string, OutputFormat>;

/** How a page's layers are written: as a layered document in the picture's place, or as files in a folder beside it. */
export const LAYERS = ["psd", "png"] as const;
/** How layers are written; see `LAYERS`. */
export type Layers = (typeof LAYERS)[number];

/** What a picture is: a page to colour, or a coloured picture to take colours from. */
export const IMAGE_TYPES = ["line_art", "colored"] as const;
/** What a picture is taken for; see `IMAGE_TYPES`. */
export type ImageType = (typeof IMAGE_TYPES)[number];

/**
 * How line art and coloured pictures are distinguished: by the calibrated decision, or by the original's rule of three
 * metrics.
 */
export const CLASSIFIERS = ["calibrated", "plain"] as const;
/** How pages are classified; see `CLASSIFIERS`. */
export type ClassifierName = (typeof CLASSIFIERS)[number];

/** What is known of a setting without its schema. */
export interface SettingFacts {
  /** For `--help` and the JSON Schema. Without a full stop. */
  readonly help: string;
  /** What applies if the setting is left out and has no default of its own, in words. */
  readonly standard?: string;
  /** Absent: no default; the setting may be left out. */
  readonly default?: string | number | boolean | readonly string[];
  /** The values to choose from. */
  readonly choices?: readonly string[];
  /** How a text (a flag's, a variable's) is read. */
  readonly type: "string" | "integer" | "boolean" | "list";
}

/** Every setting of a batch, in the order of the documentation. */
export const SETTINGS = {
  inputDir: { type: "string", help: "folder with pages" },
  inputZip: { type: "string", help: "ZIP or CBZ with pages" },
  outputDir: { type: "string", help: "folder for the coloured pages" },
  outputZip: { type: "string", help: "ZIP or CBZ for the coloured pages, or a folder to put it in" },
  zipOutputName: {
    type: "string",
    help: "name of the ZIP when the output is a folder to put it in",
    standard: "<folder>_colorized.zip",
  },
  referenceImages: { type: "list", default: [], help: "coloured references: pictures, folders or archives" },
  style: { type: "string", default: "line + shadow", choices: STYLES, help: "line style that the pages are drawn in" },
  seed: { type: "integer", default: 0, help: "seed of the noise; the same seed gives the same picture" },
  numInferenceSteps: { type: "integer", default: 10, help: "denoising steps per page; more steps are slower" },
  topK: {
    type: "integer",
    default: 3,
    help: "reference patches for each quarter of a page; more are slower and need more memory",
  },
  ink: {
    type: "string",
    default: "page",
    choices: INKS,
    help: '"page": the page\'s own lines and size with the model\'s colours; "model": the picture as the model drew it',
  },
  fill: {
    type: "string",
    choices: FILLS,
    help: 'colours under the page\'s own ink: "flat" is one colour for each region, "model" keeps the model\'s shading',
    standard: "as the model package says",
  },
  classifier: {
    type: "string",
    default: "calibrated",
    choices: CLASSIFIERS,
    help: "how line art and coloured pictures are distinguished",
  },
  imageType: {
    type: "string",
    choices: IMAGE_TYPES,
    help: "what a picture is, instead of classifying it",
  },
  outputFormat: {
    type: "string",
    choices: OUTPUT_FORMATS,
    help: "format of all results",
    standard: "each page keeps its own; GIF becomes PNG",
  },
  quality: {
    type: "integer",
    help: "1 to 100, for JPEG, WebP and AVIF",
    standard: "92, 90 and 70",
  },
  lossless: {
    type: "boolean",
    default: false,
    help: "write WebP and AVIF without loss; pages that are lossless stay so anyway unless a quality is given",
  },
  compressionLevel: { type: "integer", default: 6, help: "PNG compression, 0 (fast) to 9 (small)" },
  layers: {
    type: "string",
    choices: LAYERS,
    help: 'write each page\'s layers (ink, colour, original page): "psd" as a Photoshop document in place of the picture, "png" as files in a folder beside it',
  },
  recolor: {
    type: "boolean",
    help: "colour pages that are already in colour too, instead of keeping them as they are",
  },
  recursive: { type: "boolean", default: false, help: "read subfolders too, of the input and of reference folders" },
  overwrite: {
    type: "boolean",
    default: false,
    help: "replace existing files too that cobra-batch did not write, instead of adding _1, _2, …",
  },
  previewMode: { type: "boolean", default: false, help: "colour the first pages, then wait for approval" },
  previewPages: { type: "integer", default: 1, help: "number of pages in a preview" },
  previewSeeds: {
    type: "integer",
    default: 1,
    help: "show each preview page with this many seeds, to choose one for all pages",
  },
  maxConcurrent: {
    type: "integer",
    help: "most pages in progress at once",
    standard: "as many as memory and cores allow",
  },
  preserveStructure: { type: "boolean", default: true, help: "mirror the input's folders in the output" },
} as const satisfies Record<string, SettingFacts>;

/** The name of a setting. */
export type SettingKey = keyof typeof SETTINGS;

/** What is known of a setting. */
export function settingFacts(key: SettingKey): SettingFacts {
  return SETTINGS[key];
}

/** A setting's text for readers of the JSON Schema. */
export function settingText(key: SettingKey): string {
  const { help, standard } = settingFacts(key);
  return standard === undefined ? help : `${help} (default: ${standard})`;
}

/** Names of all settings, in the order of the table. */
export const BATCH_CONFIG_KEYS: readonly string[] = Object.keys(SETTINGS);

/** Settings that decide how one page's picture looks; each page may have its own. */
export const PAGE_SETTINGS = ["style", "seed", "numInferenceSteps", "topK", "ink", "fill"] as const;

/** Keys of a page's settings in the section `images` of a configuration file. */
export const PAGE_CONFIG_KEYS = [...PAGE_SETTINGS, "referenceImages", "colorHints", "imageType"] as const;

/** Settings of how all pictures of a batch are written. */
export const OUTPUT_SETTINGS = ["outputFormat", "quality", "lossless", "compressionLevel", "layers"] as const;

/** What a continued run can be given besides the settings of its pages. */
export const RERUN_SETTINGS = ["inputDir", "inputZip", "referenceImages", "maxConcurrent"] as const;
