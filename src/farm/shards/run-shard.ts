/** Colours a shard's pages of one chapter into the shard's own folder. */
import { resolve } from "node:path";
import { referencesHash } from "../../colorization/cobra/references.js";
import type { BatchConfig, PageConfig } from "../../config/batch-config.js";
import type { BatchEngine } from "../../core/batch-engine.js";
import type { BatchSummary } from "../../core/events.js";
import { ContentHashes } from "../../core/input/content-hashes.js";
import { ownPaths } from "../../core/input/page-overrides.js";
import { scanInput, type Scan } from "../../core/input/scan-input.js";
import { findRun } from "../../core/journal/find-run.js";
import { asksForSamePictures } from "../../core/journal/history.js";
import { runRecord } from "../../core/journal/run-record.js";
import { outputPath, withoutLink } from "../../core/output/work-folder.js";
import { runBatch, type RunBatchOptions } from "../../core/run-batch.js";
import { VERSION } from "../../core/version.js";
import { ConfigurationError } from "../../errors.js";
import { makeFolder } from "../../io/files/make-folder.js";
import type { PageSource, SourceEntry } from "../../io/page-source.js";
import { sha256 } from "../../platform/sha256.js";
import type { ChapterParts } from "./shard-plan.js";
import { shardFolder, storedShards, writeManifest } from "./shard-folder.js";
import type { Shard } from "../../config/shard.js";

/** Which part of a chapter is done. */
export interface ShardOfChapter {
  readonly shard: Shard;
  /** How all shards share the chapter. */
  readonly parts: ChapterParts;
}

/** What steers a shard beside its settings. */
export type ShardOptions = Pick<RunBatchOptions, "signal" | "drain" | "onEvent" | "pageConfig" | "fresh">;

/**
 * Colours the shard's pages. Doing a shard twice is harmless: it continues where it was. Two processes on one shard are
 * kept apart by its lease.
 * @param given the settings of the whole chapter, with its output
 * @returns how it went; undefined where the output has been assembled from these very pages already
 * @throws as `runBatch`; ConfigurationError `ERR_CONFIG` for a preview
 */
export async function runShard(
  engine: BatchEngine,
  given: BatchConfig,
  { shard, parts }: ShardOfChapter,
  { pageConfig = () => ({}), ...options }: ShardOptions = {},
): Promise<BatchSummary | undefined> {
  const config = await withoutLink(given);
  if (config.previewMode)
    throw new ConfigurationError(
      "ERR_CONFIG",
      "--preview cannot be combined with --shard; approve the preview first, then run the shards with the same settings",
    );
  const scan = await scanInput(engine.pool, config, options.signal ?? new AbortController().signal, { pageConfig });
  let handedOver = false;
  try {
    const shards = parts.shardsOf(scan.found.pages);
    const own = scan.found.pages.filter(({ name }) => shards.get(name) === shard.index);
    const pageConfigs = Object.fromEntries(
      scan.found.pages
        .map(({ name }) => [name, pageConfig(name)] as const)
        .filter(([, settings]) => Object.keys(settings).length > 0),
    );
    const isBegun = (await storedShards(config)).length > 0; // others count on this one
    if (!isBegun && options.fresh !== true && (await isAssembled(engine, config, pageConfigs, scan.found.pages)))
      return undefined;
    const folder = shardFolder(config, shard);
    await makeFolder(folder);
    const { hash, manifest } = engine.model;
    await writeManifest(folder, {
      version: 1,
      ...shard,
      shards: [...parts.shards],
      cobraVersion: VERSION,
      model: { name: manifest.name, version: manifest.version, trained: manifest.trained, hash },
      pages: own.map(({ name }) => name),
      references: scan.found.references.map((reference) => ({ name: reference.name, hash: reference.hash })),
      referencesHash: await referencesHash(scan.found.references),
      contents: await contentsOf(config, pageConfigs),
    });
    const { outputZip: _output, zipOutputName: _name, ...settings } = config;
    handedOver = true;
    return await runBatch(
      engine,
      { ...settings, outputDir: folder },
      {
        ...options,
        pageConfig,
        openInput: async () => partOf(scan.source, own),
        ...(config.referenceImages.length > 0 ? {} : { references: referencesOf(scan) }),
      },
    );
  } finally {
    if (!handedOver) await scan.source.close();
  }
}

/**
 * Hashes of files' contents by absolute path, as records of runs have them, so that the shards can be joined from
 * another folder or on another machine.
 */
export async function contentsOf(
  config: BatchConfig,
  pageConfigs: Readonly<Record<string, PageConfig>>,
): Promise<Record<string, string>> {
  const paths = [config, ...Object.values(pageConfigs)].flatMap(ownPathsOf).map((path) => resolve(path));
  const contents = new ContentHashes(config.recursive);
  await contents.read(paths);
  return Object.fromEntries(paths.map((path) => [path, contents.of(path)]));
}

function ownPathsOf(settings: BatchConfig | PageConfig): string[] {
  const { referenceImages, colorHints } = settings as PageConfig;
  return ownPaths({
    ...(referenceImages === undefined ? {} : { referenceImages }),
    ...(colorHints === undefined ? {} : { colorHints }),
  });
}

/** A source with some of another's files; closing it closes the other. */
function partOf(source: PageSource, entries: readonly SourceEntry[]): PageSource {
  return { path: source.path, entries: () => entries, faults: [], close: () => source.close() };
}

/** The coloured pictures of a chapter as the references of its pages. */
function referencesOf({ source, found }: Scan): PageSource {
  const names = new Set(found.references.map(({ name }) => name));
  const entries = source.entries().filter(({ name }) => names.has(name));
  return { path: source.path, entries: () => entries, faults: [], close: async () => {} };
}

/**
 * Whether the output has these pages and no others, made from the same files with the same settings. All shards ask for
 * the whole chapter, so that all of them come to the same answer.
 */
async function isAssembled(
  engine: BatchEngine,
  config: BatchConfig,
  pageConfigs: Readonly<Record<string, PageConfig>>,
  pages: readonly SourceEntry[],
): Promise<boolean> {
  const run = await findRun(outputPath(config)).catch(() => undefined);
  if (run === undefined) return false;
  const record = runRecord(engine, config, pageConfigs);
  if (run.record.model.hash !== engine.model.hash || !asksForSamePictures(run.record, record)) return false;
  const known = new Map(
    run.archive?.metadata.inputs.map(({ page, sha256: hash }) => [page, hash]) ??
      run.history.donePages.map((page) => [page, run.history.inputs.get(page) ?? ""]),
  );
  if (known.size !== pages.length) return false;
  for (const page of pages) if (known.get(page.name) !== (await sha256(await page.read()))) return false;
  return true;
}
