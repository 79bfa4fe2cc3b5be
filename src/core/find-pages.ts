/** Which pictures of an input are pages and which are references. */
import type { ImageClassification } from "../classification/index.js";
import type { Engine } from "../colorization/engine.js";
import type { ReferenceImage } from "../colorization/references.js";
import type { BatchConfig } from "../config/batch-config.js";
import { BatchProcessingError, ConfigurationError, messageOf, ValidationError } from "../errors.js";
import { openPageSource, type PageSource, type SourceEntry, type SourceFault } from "../io/page-source.js";
import { stage } from "../workers/stage.js";

/** An input, sorted. */
export interface FoundPages {
  /** Line art to colour, in order. */
  pages: SourceEntry[];
  /** Everything that goes to the output unchanged: files that are no pictures, and coloured pictures of the input. */
  carried: SourceEntry[];
  references: ReferenceImage[];
  /** What the decision was where pictures were told apart. */
  classifications: Map<SourceEntry, ImageClassification>;
  /** Pictures that could not be told apart because they cannot be read. */
  failures: SourceFault[];
  warnings: string[];
}

/**
 * Sorts an input. With reference paths every picture of the input is a page; without, the input's own coloured pictures
 * are the references.
 * @throws ConfigurationError `ERR_NO_REFERENCES`; ValidationError `ERR_INPUT_EMPTY` when nothing is left to colour
 */
export async function findPages(engine: Engine, source: PageSource, config: BatchConfig, signal: AbortSignal): Promise<FoundPages> {
  const images = source.entries().filter((entry) => entry.kind === "image");
  const others = source.entries().filter((entry) => entry.kind === "other");
  if (config.referenceImages.length > 0) {
    const { references, warnings } = await readReferences(engine, config.referenceImages, signal);
    return { pages: images, carried: others, references, classifications: new Map(), failures: [], warnings };
  }
  const found: FoundPages = { pages: [], carried: others, references: [], classifications: new Map(), failures: [], warnings: [] };
  const coloured: SourceEntry[] = [];
  for await (const { entry, classification, error } of stage(images, (entry) => classifyEntry(engine, entry, signal), { concurrency: engine.pool.maxThreads, signal })) {
    if (error) found.failures.push({ name: entry.name, error });
    else {
      found.classifications.set(entry, classification);
      (classification.type === "line_art" ? found.pages : coloured).push(entry);
    }
  }
  const [first] = found.failures;
  if (first && found.failures.length === images.length) {
    throw new ValidationError("ERR_INPUT_EMPTY", `${source.path} holds no picture that can be read; the first of ${images.length}: ${first.error.message}`);
  }
  if (coloured.length === 0) {
    throw new ConfigurationError("ERR_NO_REFERENCES", `${source.path} holds no coloured picture, so there is no reference (${found.pages.length} line art, ${found.failures.length} unreadable); name references with --reference-dir`);
  }
  if (found.pages.length === 0 && found.failures.length === 0) {
    throw new ValidationError("ERR_INPUT_EMPTY", `every picture of ${source.path} is coloured already, so there is no line art to colour; name references with --reference-dir to colour them all`);
  }
  for (const entry of coloured) found.references.push({ name: entry.name, image: await decode(engine, entry, signal) });
  found.carried.push(...coloured);
  return found;
}

async function classifyEntry(engine: Engine, entry: SourceEntry, signal: AbortSignal): Promise<{ entry: SourceEntry; classification: ImageClassification; error?: undefined } | { entry: SourceEntry; classification?: undefined; error: BatchProcessingError }> {
  try {
    return { entry, classification: await engine.pool.classify(await entry.read(), entry.name, { signal }) };
  } catch (error) {
    if (!signal.aborted && error instanceof BatchProcessingError) return { entry, error };
    throw error;
  }
}

/**
 * Decodes the references under paths; with warnings about those that cannot be read.
 * @throws ConfigurationError `ERR_NO_REFERENCES` when none can
 */
export async function readReferences(engine: Engine, paths: readonly string[], signal: AbortSignal): Promise<{ references: ReferenceImage[]; warnings: string[] }> {
  const references: ReferenceImage[] = [];
  const warnings: string[] = [];
  for (const path of paths) {
    const source = await openPageSource(path);
    try {
      for (const fault of source.faults) warnings.push(`reference ${fault.name} is left out: ${messageOf(fault.error)}`);
      for (const entry of source.entries().filter((one) => one.kind === "image")) {
        try {
          references.push({ name: entry.name, image: await decode(engine, entry, signal) });
        } catch (error) {
          if (signal.aborted || !(error instanceof BatchProcessingError)) throw error;
          warnings.push(`reference ${entry.name} is left out: ${error.message}`);
        }
      }
    } finally {
      await source.close();
    }
  }
  if (references.length === 0) {
    throw new ConfigurationError("ERR_NO_REFERENCES", `none of the references in ${paths.join(", ")} can be read${warnings.length > 0 ? `: ${warnings.join("; ")}` : ""}`);
  }
  return { references, warnings };
}

async function decode(engine: Engine, entry: SourceEntry, signal: AbortSignal): Promise<ReferenceImage["image"]> {
  return (await engine.pool.decode(await entry.read(), entry.name, { signal })).image;
}
