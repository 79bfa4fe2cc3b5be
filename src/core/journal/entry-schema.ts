/**
 * The schema of what a run keeps: journal entries, and the metadata of an archive. Both may come from anywhere, so
 * nothing in them is used before it is checked here. Names of files must stay inside the output; fields from later
 * versions are accepted.
 */
import { basename } from "node:path";
import { z } from "zod";
import { withoutUndefined } from "../../config/without-undefined.js";
import { ValidationError } from "../../errors.js";
import { LAYER_NAMES, layersFolder } from "../../io/names/output-names.js";
import { checkOutputName } from "../../io/names/output-rules.js";
import type { PageFailure } from "../events.js";
import type { JournalEntry } from "./entries.js";

const text = z.string().max(4096);
const count = z.int().min(0);
/** Empty for a page that was never read. */
const hash = z.string().regex(/^(?:[0-9a-f]{64})?$/u);

/** The relative name of a file inside the output. */
const fileName = text.refine(staysInside, { error: "leads outside the output", params: { unsafe: true } });
/**
 * The name of a file right beside the journal's output. A user has chosen it, so it need not be valid on every system:
 * `a:b.cbz`.
 */
const siblingName = text.refine((name) => name === basename(name) && !["", ".", ".."].includes(name), {
  error: "leads outside the output's folder",
  params: { unsafe: true },
});

function staysInside(name: string): boolean {
  try {
    checkOutputName(name);
    return true;
  } catch {
    return false;
  }
}

const pageKey = { page: text, fingerprint: text, inputSha256: hash };
const fileRecord = { sha256: hash, sizeBytes: count, firstNumber: count };
const layerRecord = z.looseObject({
  name: z.enum(LAYER_NAMES),
  sha256: hash,
  sizeBytes: count,
  written: hash.optional(),
});

const failure = z.looseObject({ page: text, stage: text, code: text, message: z.string(), remedy: z.string() });

/** Shown again with a picture that is kept; `output` and `layers` are set again from where the files are. */
const success = z.looseObject({
  page: text,
  output: z.string(),
  layers: z.array(z.string()).optional(),
  width: count,
  height: count,
  bucket: z.string(),
  tiles: count.optional(),
  seed: count,
  elapsedMs: z.number().min(0),
  stageMs: z.record(z.string(), z.number()),
  references: z.array(z.string()),
});

const pageConfig = z.looseObject({ referenceImages: z.array(text).optional() });
const pageConfigs = z.record(z.string(), pageConfig);

/**
 * How sessions are opened. Options that name files are not taken from a file: they could make ONNX Runtime read or
 * write anywhere.
 */
const session = z
  .looseObject({
    provider: text.optional(),
    fallback: z.boolean().optional(),
    deviceId: count.optional(),
    intraOpThreads: count.optional(),
    interOpThreads: count.optional(),
    providerOptions: z.record(text, text).optional().transform(withoutPaths),
    config: z.record(text, text).optional().transform(withoutPaths),
  })
  .transform(withoutUndefined);

function withoutPaths(options: Record<string, string> | undefined): Record<string, string> | undefined {
  if (options === undefined) return undefined;
  return Object.fromEntries(
    Object.entries(options).filter(([key]) => !/path|file|folder|dir|librar|plugin/iu.test(key)),
  );
}

const lanes = z.looseObject({
  devices: z.union([z.literal("all"), z.array(text).min(1)]).optional(),
  maxBatch: z.int().min(1).optional(),
});

const runRecord = z.looseObject({
  config: z.looseObject({ referenceImages: z.array(text).optional() }),
  pageConfigs,
  added: z
    .array(z.looseObject({ inputPath: text, priority: z.number().optional(), config: pageConfig.optional() }))
    .optional(),
  model: z.looseObject({ directory: text, name: text, hash: text }),
  session,
  lanes: lanes.optional(),
});

/** See `place.ts`. */
const place = z.looseObject({ path: text, folder: text.optional() });

const adjustments = z.looseObject({ all: pageConfig, pages: pageConfigs });

const preview = z.looseObject({
  pages: z.array(success),
  failures: z.array(failure),
  settings: z.looseObject({ seed: count }),
  seeds: z
    .looseObject({
      sheet: text,
      pictures: z.array(z.looseObject({ page: text, seed: count, output: text })),
    })
    .optional(),
});

/** See `CarriedOrigins`. The names are those of the input: no file is opened by them. */
const carriedOrigins = z.looseObject({
  files: z.array(z.looseObject({ name: text, sha256: hash })),
  comment: hash.optional(),
});

/** One line of a journal. */
const journalEntry = z.discriminatedUnion("type", [
  z.looseObject({ type: z.literal("run"), job: text, at: text, record: runRecord, place: place.optional() }),
  z.looseObject({
    type: z.literal("page"),
    ...pageKey,
    outputName: fileName,
    success,
    ...fileRecord,
    layers: z.array(layerRecord).max(LAYER_NAMES.length).optional(),
    preview: z.literal(true).optional(),
    written: hash.optional(),
  }),
  z.looseObject({ type: z.literal("begin"), ...pageKey, stage: text }),
  z.looseObject({ type: z.literal("failed"), ...pageKey, failure }),
  z.looseObject({
    type: z.literal("died"),
    cause: z.enum(["crash", "out-of-memory", "perhaps-out-of-memory", "unknown"]).optional(),
    signal: text.optional(),
    alone: z.boolean().optional(),
    pages: z.array(z.looseObject({ ...pageKey, stage: text })),
  }),
  z.looseObject({ type: z.literal("retry"), pages: z.array(text) }),
  z.looseObject({ type: z.literal("adjust"), page: text.optional(), settings: pageConfig }),
  z.looseObject({
    type: z.literal("preview"),
    state: z.enum(["waiting", "approved", "rejected"]),
    result: preview.optional(),
    settings: pageConfig.optional(),
  }),
  z.looseObject({ type: z.literal("carried"), name: fileName, ...fileRecord }),
  z.looseObject({
    type: z.literal("archive"),
    name: siblingName,
    sha256: hash.optional(),
    sizeBytes: count.optional(),
    firstNumber: count.optional(),
    inputs: z.array(hash).optional(),
    keepOthers: z.literal(true).optional(),
    kept: z.enum(["files", "pages", "copied"]).optional(),
    instead: z.looseObject({ sha256: hash, sizeBytes: count }).optional(),
    gone: z.array(text).optional(),
    inColor: z.array(text).optional(),
    carried: carriedOrigins.optional(),
  }),
  z.looseObject({ type: z.literal("forget") }),
]);

/** Of a page in an archive: its layers are its own. */
const archivedSuccess = success
  .extend({ output: fileName })
  .refine(
    ({ output, layers = [] }) =>
      layers.every((name, index) => name === `${layersFolder(output)}/${String(LAYER_NAMES[index])}`),
    { error: "names layers that are not the page's own", params: { unsafe: true }, path: ["layers"] },
  );

/** What `processing_metadata.json` says, as far as a later run uses it. */
export const archiveMetadata = z.looseObject({
  inputs: z.array(
    z.looseObject({
      page: text,
      fingerprint: text,
      sha256: hash,
      picture: hash.optional(),
      layers: z.array(hash).optional(),
    }),
  ),
  pages: z.array(archivedSuccess),
  failures: z.array(z.unknown()),
  in_color: z.array(text).optional(),
  carried: carriedOrigins.optional(),
  run: z.looseObject({ record: runRecord, adjustments, place: place.optional() }).optional(),
});

/** The journal's lines for failures that an archive's metadata tell. What is none is left out. */
export function failedEntries(failures: readonly unknown[]): JournalEntry[] {
  return failures.flatMap((value): JournalEntry[] => {
    const { data } = failure.safeParse(value);
    return data === undefined
      ? []
      : [
          {
            type: "failed",
            page: data.page,
            fingerprint: "",
            inputSha256: "",
            failure: data as unknown as PageFailure,
          },
        ];
  });
}

/**
 * A value of a journal as an entry; undefined for one that is none, such as a damaged one or one of a later version.
 * @param where the journal, for the message
 * @throws ValidationError `ERR_OUTPUT_UNSAFE` for an entry that names a file outside the output
 */
export function parseEntry(value: unknown, where: string): JournalEntry | undefined {
  const result = journalEntry.safeParse(value);
  if (result.success) return result.data as unknown as JournalEntry;
  throwIfUnsafe(result.error, value, where);
  return undefined;
}

/** Throws `ERR_OUTPUT_UNSAFE` if one of the faults is a name that leads outside the output. */
export function throwIfUnsafe(error: z.ZodError, value: unknown, where: string): void {
  const unsafe = error.issues.find((issue) => issue.code === "custom" && issue.params?.["unsafe"] === true);
  if (unsafe === undefined) return;
  const named = unsafe.path.reduce<unknown>((node, key) => (node as Record<PropertyKey, unknown>)[key], value);
  throw unsafeOutput(where, `"${unsafe.path.join(".")}" ${unsafe.message}: ${JSON.stringify(named).slice(0, 200)}`);
}

/** `ERR_OUTPUT_UNSAFE`: records or links of an output lead outside it. */
export function unsafeOutput(where: string, fault: string): ValidationError {
  return new ValidationError("ERR_OUTPUT_UNSAFE", `${where} is refused: ${fault}; it was not written by this program`, {
    remedy: "remove it, or choose another output",
  });
}
