/** Scans an input: its pages, references and other files, and the name of each picture's result. */
import type { BatchConfig } from "../../config/batch-config.js";
import { ConfigurationError } from "../../errors.js";
import { isSameFolder, liesWithin } from "../../io/files/real-path.js";
import { planOutputNames } from "../../io/names/output-names.js";
import type { PageSource } from "../../io/page-source.js";
import { openPageSource } from "../../io/open-source.js";
import type { ImagePool } from "../batch-engine.js";
import { findPages, type FindOptions, type FoundPages } from "./classify-input.js";

export interface Scan {
  readonly source: PageSource;
  readonly found: FoundPages;
  /**
   * Relative name of each picture's result, by the picture's name. Planned over all pictures of the input, so that a
   * name depends neither on which pages are done nor on their order.
   */
  readonly outputNames: ReadonlyMap<string, string>;
}

export interface ScanOptions extends FindOptions {
  /** Where pages come from. Default: the input of the settings. */
  readonly source?: PageSource | undefined;
  /** Opens the input of the settings. Default: `openPageSource`. */
  readonly openInput?: ((path: string) => Promise<PageSource>) | undefined;
}

/**
 * Opens and sorts the input. The caller closes `source`. Rejects with `ERR_CONFIG`, `ERR_INPUT_*`, `ERR_ZIP_*`,
 * `ERR_NO_REFERENCES`.
 */
export async function scanInput(
  pool: ImagePool,
  config: BatchConfig,
  signal: AbortSignal,
  { pageConfig, source: given, openInput, references }: ScanOptions = {},
): Promise<Scan> {
  await checkApart(config);
  const open = openInput ?? ((path) => openPageSource(path, { recursive: config.recursive }));
  const source = given === undefined ? await open((config.inputDir ?? config.inputZip)!) : keptOpen(given);
  try {
    const found = await findPages(pool, source, config, signal, { pageConfig, references });
    const pictures = source.entries().filter((entry) => entry.kind === "image");
    const planned = await planOutputNames(pictures, {
      archive: config.outputZip !== undefined,
      preserveStructure: config.preserveStructure,
      format: config.layers === "psd" ? "psd" : config.outputFormat,
      layerFolders: config.layers === "png",
    });
    return { source, found, outputNames: new Map(pictures.map(({ name }, index) => [name, planned[index]!])) };
  } catch (error) {
    await source.close();
    throw error;
  }
}

/** Who has opened a source closes it. */
function keptOpen(source: PageSource): PageSource {
  return {
    path: source.path,
    entries: () => source.entries(),
    faults: source.faults,
    warnings: source.warnings,
    comment: source.comment,
    close: async () => {},
  };
}

/** The next run would take an output among the input's pages for pages, and one among references for references. */
async function checkApart({ inputDir, outputDir, referenceImages, recursive }: BatchConfig): Promise<void> {
  if (outputDir === undefined) return;
  const read = [
    ...(inputDir === undefined ? [] : [[inputDir, "the input folder", "pages"]]),
    ...referenceImages.map((path) => [path, "the references' folder", "references"]),
  ] as [path: string, what: string, taken: string][];
  for (const [path, what, taken] of read) {
    const isSame = await isSameFolder(path, outputDir);
    if (!isSame && !(recursive && (await liesWithin(outputDir, path)))) continue;
    throw new ConfigurationError(
      "ERR_CONFIG",
      `the output folder ${outputDir} is ${isSame ? what : `inside ${what} ${path}, which is read with its folders`}; the next run would take the results for ${taken}`,
      { remedy: "choose another output folder" },
    );
  }
}
