/** Which pictures of an input are pages and which are references. */
import type { Engine } from "../../colorization/engine.js";
import type { ReferenceImage } from "../../colorization/cobra/references.js";
import type { BatchConfig, PageConfig } from "../../config/batch-config.js";
import { BatchProcessingError, ConfigurationError, messageOf, ValidationError } from "../../errors.js";
import type { PageSource, SourceEntry, SourceFault } from "../../io/page-source.js";
import { openPageSource } from "../../io/open-source.js";
import type { PictureKind } from "../../classification/classify-picture.js";
import { mapConcurrent } from "../../workers/map-concurrent.js";

/** An input, sorted. */
export interface FoundPages {
  /** Line art to colour, in order. */
  pages: SourceEntry[];
  /** Everything that goes to the output unchanged: files that are no pictures, and coloured pictures of the input. */
  carried: SourceEntry[];
  references: ReferenceImage[];
  /** What the decision was where pictures were told apart. */
  classifications: Map<SourceEntry, PictureKind>;
  /** Pictures that could not be told apart because they cannot be read. */
  failures: SourceFault[];
  warnings: string[];
}

/**
 * Sorts an input. With reference paths every picture of the input is a page; without, the input's own coloured pictures
 * are the references. What `pageConfig` says a picture is, it is.
 * @throws ConfigurationError `ERR_NO_REFERENCES`; ValidationError `ERR_INPUT_EMPTY` when nothing is left to colour
 */
export async function findPages(
  engine: Engine,
  source: PageSource,
  config: BatchConfig,
  signal: AbortSignal,
  pageConfig: (name: string) => PageConfig = () => ({}),
): Promise<FoundPages> {
  const images = source.entries().filter((entry) => entry.kind === "image");
  const others = source.entries().filter((entry) => entry.kind === "other");
  if (config.referenceImages.length > 0) {
    const { references, warnings } = await readReferences(engine, config.referenceImages, signal);
    const isPage = (entry: SourceEntry): boolean => (pageConfig(entry.name).imageType ?? "line_art") === "line_art";
    return {
      pages: images.filter(isPage),
      carried: [...others, ...images.filter((entry) => !isPage(entry))],
      references,
      classifications: new Map(),
      failures: [],
      warnings,
    };
  }
  const found: FoundPages = {
    pages: [],
    carried: others,
    references: [],
    classifications: new Map(),
    failures: [],
    warnings: [],
  };
  const coloured: SourceEntry[] = [];
  for await (const { entry, classification, error } of mapConcurrent(
    images,
    (entry) => classifyEntry(engine, config, entry, pageConfig(entry.name).imageType, signal),
    { concurrency: engine.pool.maxThreads, signal },
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
      `${source.path} holds no coloured picture, so there is no reference (${found.pages.length} line art, ${found.failures.length} unreadable); name references with --reference-dir`,
    );
  }
  if (found.pages.length === 0 && found.failures.length === 0) {
    throw new ValidationError(
      "ERR_INPUT_EMPTY",
      `every picture of ${source.path} is coloured already, so there is no line art to colour; name references with --reference-dir to colour them all`,
    );
  }
  for await (const reference of mapConcurrent(
    coloured,
    async (entry) => ({ name: entry.name, image: await decode(engine, entry, signal) }),
    { concurrency: engine.pool.maxThreads, signal },
  ))
    found.references.push(reference);
  found.carried.push(...coloured);
  return found;
}

function ambiguity(name: string, { type, confidence }: PictureKind): string {
  const [taken, other] = type === "line_art" ? ["line art", "coloured"] : ["coloured", "line art"];
  return `${name} may be line art or coloured; it is taken as ${taken} (${Math.round(confidence * 100)}% sure). If it is ${other}, say so in a --config file: { "images": { ${JSON.stringify(name)}: { "imageType": "${type === "line_art" ? "colored" : "line_art"}" } } }`;
}

async function classifyEntry(
  engine: Engine,
  config: BatchConfig,
  entry: SourceEntry,
  known: PageConfig["imageType"],
  signal: AbortSignal,
): Promise<
  | { entry: SourceEntry; classification: PictureKind; error?: undefined }
  | { entry: SourceEntry; classification?: undefined; error: BatchProcessingError }
> {
  const said = known ?? config.imageType;
  if (said !== undefined) return { entry, classification: { type: said, confidence: 1 } };
  try {
    return {
      entry,
      classification: await engine.pool.classify(await entry.read(), entry.name, {
        decision: config.classifier,
        byHeader: true,
        signal,
      }),
    };
  } catch (error) {
    if (!signal.aborted && error instanceof BatchProcessingError) return { entry, error };
    throw error;
  }
}

/**
 * Decodes the references under paths; with warnings about those that cannot be read.
 * @throws ConfigurationError `ERR_NO_REFERENCES` when none can
 */
export async function readReferences(
  engine: Engine,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<{ references: ReferenceImage[]; warnings: string[] }> {
  const references: ReferenceImage[] = [];
  const warnings: string[] = [];
  for (const path of paths) {
    const source = await openPageSource(path);
    try {
      for (const fault of source.faults)
        warnings.push(`reference ${fault.name} is left out: ${messageOf(fault.error)}`);
      const images = source.entries().filter(({ kind }) => kind === "image");
      for await (const { name, image, error } of mapConcurrent(
        images,
        (entry) => decodeOrError(engine, entry, signal),
        {
          concurrency: engine.pool.maxThreads,
          signal,
        },
      )) {
        if (error === undefined) references.push({ name, image });
        else warnings.push(`reference ${name} is left out: ${error.message}`);
      }
    } finally {
      await source.close();
    }
  }
  if (references.length === 0) {
    throw new ConfigurationError(
      "ERR_NO_REFERENCES",
      `none of the references in ${paths.join(", ")} can be read${warnings.length > 0 ? `: ${warnings.join("; ")}` : ""}`,
    );
  }
  return { references, warnings };
}

async function decodeOrError(
  engine: Engine,
  entry: SourceEntry,
  signal: AbortSignal,
): Promise<
  (ReferenceImage & { error?: undefined }) | { name: string; image?: undefined; error: BatchProcessingError }
> {
  try {
    return { name: entry.name, image: await decode(engine, entry, signal) };
  } catch (error) {
    if (!signal.aborted && error instanceof BatchProcessingError) return { name: entry.name, error };
    throw error;
  }
}

async function decode(engine: Engine, entry: SourceEntry, signal: AbortSignal): Promise<ReferenceImage["image"]> {
  return (await engine.pool.decode(await entry.read(), entry.name, { signal })).image;
}
