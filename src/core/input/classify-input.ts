/** Sorts the pictures of an input into pages and references. */
import type { BatchConfig, PageConfig } from "../../config/batch-config.js";
import { type BatchProcessingError, ConfigurationError, ValidationError } from "../../errors.js";
import { isFileFailure } from "../../errors/facts.js";
import type { PageSource, SourceEntry, SourceFault } from "../../io/page-source.js";
import type { ImageKind } from "../../classification/classify-image.js";
import type { ImagePool } from "../batch-engine.js";
import { noticeOf, noticesOf, type Notice } from "../../errors/notice.js";
import { shownNames } from "../../text/shown.js";
import { findResults, insideOf } from "./earlier-results.js";
import { decodeReference, grayWarning, readReferences, type DecodedReference } from "./read-references.js";
import { mapConcurrent } from "../../concurrency/map-concurrent.js";
import { sha256 } from "../../platform/sha256.js";

export interface FindOptions {
  /** Settings of single pages by name. */
  readonly pageConfig?: ((name: string) => PageConfig) | undefined;
  /** Where references come from. Default: the paths of the settings, else the coloured pictures among the pages. */
  readonly references?: PageSource | undefined;
}

/** An input, sorted. */
export interface FoundPages {
  /** Line art to colour, in order. */
  pages: SourceEntry[];
  /**
   * Everything that goes to the output unchanged: files that are no pictures or of a format that is not read, and
   * coloured pictures of the input.
   */
  carried: SourceEntry[];
  /** Pictures that are in colour already; they are among `carried`. */
  inColor: SourceEntry[];
  references: DecodedReference[];
  /** How pictures were classified, if they were. */
  classifications: Map<SourceEntry, ImageKind>;
  /** What cannot be used of the input, and pictures that could not be classified because they cannot be read. */
  failures: SourceFault[];
  warnings: Notice[];
}

/**
 * Sorts an input. If references are given, every picture of the input is a page unless it is in colour already.
 * Otherwise the coloured pictures of the input are the references. `pageConfig` can state what a picture is.
 * @throws ConfigurationError `ERR_NO_REFERENCES`; ValidationError `ERR_INPUT_EMPTY` when nothing is left to colour
 */
export async function findPages(
  pool: ImagePool,
  source: PageSource,
  config: BatchConfig,
  signal: AbortSignal,
  { pageConfig = () => ({}), references: given }: FindOptions = {},
): Promise<FoundPages> {
  const results = await findResults(source, config.inputDir);
  const faults = source.faults.filter(({ name }) => !results.isInside(name));
  const told = (source.warnings ?? []).filter(({ copied }) => copied === undefined || !results.isInside(copied));
  const notices = [...told.map(({ message, remedy }) => noticeOf(message, remedy)), ...noticesOf(results.warnings)];
  notices.push(...(await unreadFolders(source, config)));
  const entries = source.entries().filter(({ name }) => !results.isInside(name));
  const images = entries.filter((entry) => entry.kind === "image");
  const unread = faults.flatMap(({ file }) => file ?? []);
  const others = [...entries.filter((entry) => entry.kind === "other"), ...unread];
  if (given !== undefined || config.referenceImages.length > 0) {
    const byName = new Map(given?.entries().map((entry) => [entry.name, entry]));
    const sorted = await sortBesideReferences(pool, images, config, signal, { pageConfig, references: byName });
    const { references, warnings } = await readReferences(
      pool,
      given ?? config.referenceImages,
      signal,
      config.recursive,
    );
    return {
      pages: sorted.pages,
      carried: [...others, ...sorted.inColor, ...sorted.alsoReferences],
      inColor: sorted.inColor,
      references,
      classifications: new Map(),
      failures: faults,
      warnings: [...notices, ...sorted.warnings, ...warnings, ...grayWarning(references)],
    };
  }
  const found: FoundPages = {
    pages: [],
    carried: others,
    inColor: [],
    references: [],
    classifications: new Map(),
    failures: [],
    warnings: notices,
  };
  const coloured: SourceEntry[] = [];
  for await (const { entry, classification, error } of mapConcurrent(
    images,
    (entry) => classifyEntry(pool, config, entry, pageConfig(entry.name).imageType, signal),
    { concurrency: pool.maxThreads, signal },
  )) {
    if (error) found.failures.push({ name: entry.name, error });
    else {
      found.classifications.set(entry, classification);
      if (classification.ambiguous === true) found.warnings.push(ambiguity(entry.name, classification));
      (classification.type === "line_art" ? found.pages : coloured).push(entry);
    }
  }
  const [first] = found.failures;
  if (first && found.failures.length === images.length) {
    throw new ValidationError(
      "ERR_INPUT_EMPTY",
      `${source.path} holds no picture that can be read; the first of ${images.length}: ${first.error.message}`,
    );
  }
  if (coloured.length === 0) {
    throw new ConfigurationError(
      "ERR_NO_REFERENCES",
      `${source.path} holds no coloured picture, so there is no reference (${found.pages.length} line art, ${found.failures.length} unreadable)`,
      { remedy: "name references with --reference-dir" },
    );
  }
  if (found.pages.length === 0 && found.failures.length === 0) {
    throw new ValidationError(
      "ERR_INPUT_EMPTY",
      `every picture of ${source.path} is coloured already, so there is no line art to colour`,
      { remedy: "name references with --reference-dir to colour them all" },
    );
  }
  for await (const reference of mapConcurrent(
    coloured,
    (entry) => decodeReference(pool, entry, () => entry.read(), signal),
    {
      concurrency: pool.maxThreads,
      signal,
    },
  ))
    found.references.push(reference);
  found.carried.push(...coloured);
  found.failures.unshift(...faults);
  return found;
}

/** What people should know of folders that hold pictures and are not read. Folders of references are no pages. */
async function unreadFolders(source: PageSource, config: BatchConfig): Promise<Notice[]> {
  const isReference = await insideOf(config.inputDir, config.referenceImages);
  const names: string[] = [];
  for (const name of source.unreadFolders ?? []) if (!(await isReference(name))) names.push(name);
  if (names.length === 0) return [];
  const folders = names.length === 1 ? "a folder" : `${names.length} folders`;
  return [
    {
      message: `the pictures in ${folders} inside ${source.path} are left out: ${shownNames(names)}`,
      remedy: "to colour them too, use --recursive or recursive: true",
    },
  ];
}

/** Of the plain rule, which knows no doubt: from this confidence on a picture is surely in colour. */
const SURE = 0.95;

interface SortedPictures {
  pages: SourceEntry[];
  /** The settings say or the classifier is sure that they are in colour. */
  inColor: SourceEntry[];
  /** The settings say that they are, and they are references themselves. */
  alsoReferences: SourceEntry[];
  warnings: Notice[];
}

/** Which pictures are pages where references are named. One that cannot be read is a page, which then fails. */
async function sortBesideReferences(
  pool: ImagePool,
  images: readonly SourceEntry[],
  config: BatchConfig,
  signal: AbortSignal,
  {
    pageConfig,
    references,
  }: { pageConfig: (name: string) => PageConfig; references: ReadonlyMap<string, SourceEntry> },
): Promise<SortedPictures> {
  const sorted: SortedPictures = { pages: [], inColor: [], alsoReferences: [], warnings: [] };
  const own = await insideOf(config.inputDir, config.referenceImages);
  const kindOf = async (entry: SourceEntry): Promise<"page" | "inColor" | "alsoReferences" | "reference"> => {
    const said = pageConfig(entry.name).imageType ?? config.imageType;
    if (said === "line_art") return "page";
    const isReference = (await isSameFile(entry, references.get(entry.name))) || (await own(entry.name));
    if (said !== undefined) return isReference ? "alsoReferences" : "inColor";
    if (isReference) return "reference";
    if (config.recolor === true) return "page";
    const { classification } = await classifyEntry(pool, config, entry, undefined, signal);
    if (classification?.type !== "colored" || classification.ambiguous === true) return "page";
    return classification.ambiguous === undefined && classification.confidence < SURE ? "page" : "inColor";
  };
  const kinds = mapConcurrent(images, async (entry) => [entry, await kindOf(entry)] as const, {
    concurrency: pool.maxThreads,
    signal,
  });
  for await (const [entry, kind] of kinds) {
    if (kind === "page") sorted.pages.push(entry);
    else if (kind !== "reference") sorted[kind].push(entry);
  }
  if (sorted.pages.length === 0 && sorted.inColor.length > 0)
    sorted.warnings.push({
      message: "every picture is in colour already and is carried over as it is",
      remedy: "to colour them all the same, use --recolor or recolor: true",
    });
  return sorted;
}

function ambiguity(name: string, { type, confidence }: ImageKind): Notice {
  const [taken, other] = type === "line_art" ? ["line art", "coloured"] : ["coloured", "line art"];
  return {
    message: `${name} may be line art or coloured; it is taken as ${taken} (${Math.round(confidence * 100)}% sure)`,
    remedy: `if it is ${other}, say so in a --config file: { "images": { ${JSON.stringify(name)}: { "imageType": "${type === "line_art" ? "colored" : "line_art"}" } } }`,
  };
}

async function classifyEntry(
  pool: ImagePool,
  config: BatchConfig,
  entry: SourceEntry,
  known: PageConfig["imageType"],
  signal: AbortSignal,
): Promise<
  | { entry: SourceEntry; classification: ImageKind; error?: undefined }
  | { entry: SourceEntry; classification?: undefined; error: BatchProcessingError }
> {
  const said = known ?? config.imageType;
  if (said !== undefined) return { entry, classification: { type: said, confidence: 1 } };
  try {
    return {
      entry,
      classification: await pool.classify(await entry.read(), entry.name, {
        decision: config.classifier,
        byHeader: true,
        signal,
      }),
    };
  } catch (error) {
    if (!signal.aborted && isFileFailure(error)) return { entry, error };
    throw error;
  }
}

/** Whether a file of another source is this one: its name alone may be that of a page. */
async function isSameFile(entry: SourceEntry, other: SourceEntry | undefined): Promise<boolean> {
  if (other === undefined || other.sizeBytes !== entry.sizeBytes) return false;
  // What cannot be read says so where it is used.
  const hashOf = async (one: SourceEntry): Promise<string> => sha256(await one.read());
  const [own, others] = await Promise.all([entry, other].map((one) => hashOf(one).catch(() => undefined)));
  return own !== undefined && own === others;
}
