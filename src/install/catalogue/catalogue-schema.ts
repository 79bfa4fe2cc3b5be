/**
 * The form of a catalogue: models that can be installed, where their files are, and under which licences. From here
 * `models/catalogue.schema.json` is made. A catalogue may come from anyone, so every name in it is checked.
 */
import { z } from "zod";
import { STYLES } from "../../config/settings.js";
import { BUCKET_STEP_PX } from "../../model/manifest.js";
import { EMBEDDED_NAME, isModelName } from "../../model/model-name.js";
import { PRECISIONS } from "../../model/precisions.js";
import { isWebAddress } from "../fetch/web-address.js";

/** Number of the format. */
const CATALOGUE_FORMAT = 1;

/** Shown to people and written into files: no control characters, none that turn the direction of the text. */
const text = z
  .string()
  .min(1)
  .max(2000)
  .regex(
    /^[^\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]*$/u,
    "must be one line of plain text, without control characters",
  );
const unknown = z.literal("unknown");
const bytes = z
  .union([
    z
      .int()
      .min(0)
      .max(2 ** 42),
    unknown,
  ])
  .describe("length in bytes");
const sha256 = z
  .union([z.string().regex(/^[0-9a-f]{64}$/u, "must be 64 lower-case hex digits"), unknown])
  .describe("SHA-256 of the content; unknown: the hub's own is taken and recorded");
const revision = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/u, "must be a commit, a tag or a branch, or unknown")
  .describe('commit, tag or branch; "unknown" takes the newest and records its commit');
const repository = z.string().regex(/^[A-Za-z0-9][\w.-]{0,95}\/[A-Za-z0-9][\w.-]{0,95}$/u, "must be OWNER/NAME");
const sourceId = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/u, "must be a word of lower-case letters, digits and '-'");

const webAddress = z.string().max(2000).refine(isWebAddress, "must be an https: address, or http: to localhost");

/** A path below a source's root. It becomes a path on disk, so it stays below its folder on every system. */
const filePath = z
  .string()
  .max(300)
  .regex(/^[A-Za-z0-9_][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_][A-Za-z0-9._-]*)*$/u, {
    error: "must be a path such as vae/config.json: letters, digits, '.', '_' and '-', no part that begins with '.'",
  });

const source = z.union([
  z.strictObject({ hub: repository.describe("model repository of the Hugging Face hub"), revision }),
  z.strictObject({ github: repository.describe("GitHub repository"), revision }),
  z.strictObject({
    url: webAddress
      .refine((address) => !/[?#]/u.test(address), "must have no query and no fragment: paths are added to it")
      .describe("folder that the files' paths are added to"),
    revision: unknown.optional(),
  }),
]);

const file = z.strictObject({
  source: sourceId.describe("where it is: a key of `sources`"),
  path: filePath.describe("path in the source"),
  bytes,
  sha256,
  styles: z.array(z.enum(STYLES)).min(1).optional().describe("needed for these styles only; absent: for all"),
});

const licence = z.strictObject({
  id: sourceId.describe("key under which its acceptance is remembered"),
  name: text,
  covers: text.describe("what is under it"),
  url: webAddress.describe("where its text is"),
  summary: text.optional().describe("what a user should know before accepting it"),
  file: z
    .strictObject({ source: sourceId, path: filePath, bytes, sha256 })
    .optional()
    .describe("its text, fetched with the weights and kept beside the package"),
});

const edge = z.int().min(BUCKET_STEP_PX).multipleOf(BUCKET_STEP_PX);

const model = z
  .strictObject({
    name: z
      .string()
      .refine(isModelName, "must be lower-case letters, digits, '.', '_' and '-', 64 at most")
      .refine((name) => name !== EMBEDDED_NAME, `"${EMBEDDED_NAME}" is the model that comes with the program`)
      .describe("what --model is given"),
    version: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/u, "must be letters, digits, '.', '_' and '-'")
      .describe("version of the weights"),
    title: text,
    description: text.describe("what it is good for"),
    kind: z
      .literal("cobra-release", "must be cobra-release; another kind needs a newer version of cobra-batch")
      .describe("how a package is made of the files: cobra-release has the sources cobra, pixart and prompt"),
    styles: z.array(z.enum(STYLES)).min(1),
    precision: z.enum(PRECISIONS).default("fp16").describe("precision where none is asked for"),
    buckets: z
      .array(z.tuple([edge, edge]))
      .min(1)
      .max(64)
      .optional()
      .describe("page sizes [width, height]; absent: Cobra's 15"),
    memoryBytes: z.int().min(0).optional().describe("host memory for one page of the largest size on the CPU"),
    packageBytes: z
      .partialRecord(z.enum(PRECISIONS), z.int().min(0))
      .optional()
      .describe("size of the package with all styles, for the check of free disk space"),
    sources: z.record(sourceId, source),
    files: z.array(file).min(1).max(1000),
    licences: z.array(licence).min(1).max(20),
  })
  .superRefine((one, context) => {
    const fault = (path: (string | number)[], message: string): void =>
      context.addIssue({ code: "custom", path, message });
    for (const id of ["cobra", "pixart", "prompt"])
      if (!Object.hasOwn(one.sources, id)) fault(["sources"], `lacks "${id}", which the kind cobra-release needs`);
    const named = [
      ...one.files.map((each, at) => ({ ...each, at: ["files", at] })),
      ...one.licences.flatMap((each, at) => (each.file ? [{ ...each.file, at: ["licences", at, "file"] }] : [])),
    ];
    const seen = new Set<string>();
    for (const { source: id, path, at } of named) {
      if (!Object.hasOwn(one.sources, id)) fault([...at, "source"], `names "${id}", which \`sources\` does not have`);
      const key = `${id}/${path}`.toLowerCase();
      if (seen.has(key)) fault([...at, "path"], `${path} is there twice, or differs by case alone`);
      seen.add(key);
    }
    for (const { source: id, path, at } of named)
      if ([...seen].some((key) => key.startsWith(`${id}/${path}/`.toLowerCase())))
        fault([...at, "path"], `${path} is a file here and a folder in another path`);
  });

/** A whole catalogue. */
export const catalogueSchema = z
  .strictObject({
    $schema: z.string().max(500).optional(),
    format: z.literal(
      CATALOGUE_FORMAT,
      `must be ${CATALOGUE_FORMAT}; another format needs another version of cobra-batch`,
    ),
    models: z.array(model).min(1).max(100),
  })
  .superRefine(({ models }, context) => {
    for (const [at, { name }] of models.entries())
      if (models.findIndex((one) => one.name === name) !== at)
        context.addIssue({ code: "custom", path: ["models", at, "name"], message: `${name} is there twice` });
  });

export type Catalogue = z.infer<typeof catalogueSchema>;
export type CatalogueModel = Catalogue["models"][number];
export type CatalogueSource = CatalogueModel["sources"][string];
export type CatalogueFile = CatalogueModel["files"][number];
export type CatalogueLicence = CatalogueModel["licences"][number];

/** JSON Schema of a catalogue. */
export function catalogueJsonSchema(): Record<string, unknown> {
  return { ...z.toJSONSchema(catalogueSchema, { io: "input" }), title: "A catalogue of models for cobra-batch" };
}
