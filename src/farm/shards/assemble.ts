/**
 * Joins the shards of an output: the same batch once more, with an engine that gives what the shards have done. Order,
 * names, metadata and carried files therefore come from the code that writes every output.
 */
import { rmdir } from "node:fs/promises";
import { join } from "node:path";
import { availableParallelism } from "node:os";
import type { ColorizedPage, FailedPage, PageRequest, PageResult } from "../../colorization/request/page-request.js";
import { outputSettings, pageSettings, type BatchConfigInput, type PageConfig } from "../../config/batch-config.js";
import type { ImagePool } from "../../core/batch-engine.js";
import type { BatchSummary } from "../../core/events.js";
import { findRun, type StoredRun } from "../../core/journal/find-run.js";
import { adjustedSettings, asksForSamePictures } from "../../core/journal/history.js";
import type { PageEntry } from "../../core/journal/entries.js";
import { ownContents } from "../../core/input/page-overrides.js";
import { pageFingerprint } from "../../core/pages/fingerprint.js";
import { VERSION } from "../../core/version.js";
import { fileSha256 } from "../../core/output/output-files.js";
import { layerPaths } from "../../core/output/layer-records.js";
import {
  outputOfWorkFolder,
  outputPath,
  removeFolder,
  shardsFolder,
  type OutputPaths,
  withoutLink,
  workFolder,
} from "../../core/output/work-folder.js";
import { checkNotInUse } from "../../core/journal/locked-journal.js";
import { runBatch, type RunBatchOptions } from "../../core/run-batch.js";
import { ConfigurationError, ResourceError } from "../../errors.js";
import { exists } from "../../io/files/exists.js";
import { readWhole } from "../../io/files/read-file.js";
import { METADATA_NAME } from "../../io/names/output-rules.js";
import { numberedName } from "../../io/names/output-names.js";
import { getLogger } from "../../logging.js";
import { sha256 } from "../../platform/sha256.js";
import { storedEngine } from "../stored-engine.js";
import { contentsOf } from "./run-shard.js";
import { readManifest, storedShards, type ShardManifest, type StoredShard } from "./shard-folder.js";
import { shardText } from "../../config/shard.js";

const log = getLogger("shards");

/** What steers the joining. */
export type AssembleOptions = Pick<RunBatchOptions, "signal" | "drain" | "onEvent">;

/** A shard that is done. */
interface DoneShard extends StoredShard {
  readonly manifest: ShardManifest;
  /** The manifest's pages. */
  readonly pages: ReadonlySet<string>;
  readonly run: StoredRun;
}

/** The output whose shards lie there; undefined if there are none. */
export async function outputOfShards(path: string): Promise<OutputPaths | undefined> {
  const own = outputOfWorkFolder(path);
  const candidates = own === undefined ? [{ outputDir: path }, await withoutLink({ outputZip: path })] : [own];
  for (const output of candidates) if (await exists(shardsFolder(output))) return output;
  return undefined;
}

/** Whether an output without shards has every page, so that nothing is left to join. */
export async function isAssembledWhole(path: string): Promise<boolean> {
  const run = await findRun(path).catch(() => undefined);
  if (run === undefined) return false;
  if (run.archive !== undefined) return run.archive.metadata.failures.length === 0;
  const { history, output } = run;
  // A folder's metadata are written once every page has an outcome.
  return history.failedPages.length === 0 && history.inHand.length === 0 && (await exists(join(output, METADATA_NAME)));
}

/**
 * Joins the shards of an output and removes them once every page has an outcome. Failed pages are failures of the
 * output, to be tried again with `retryRun`.
 * @param output as `outputOfShards` finds it
 * @param pool for the work around the pages
 * @throws ResourceError `ERR_SHARDS_INCOMPLETE` that names what is missing; ConfigurationError `ERR_CONFIG` for shards
 * that do not fit together; as `runBatch`
 */
export async function assembleShards(
  output: OutputPaths,
  pool: ImagePool,
  options: AssembleOptions = {},
): Promise<BatchSummary> {
  const shards = await doneShards(output);
  const { record } = shards[0]!.run;
  const { outputDir: _shard, ...settings } = record.config;
  const pageConfig = (page: string): PageConfig =>
    Object.hasOwn(record.pageConfigs, page) ? record.pageConfigs[page]! : {};
  const { model } = shards[0]!.manifest;
  const engine = storedEngine({
    model: { directory: record.model.directory, hash: model.hash, manifest: model },
    session: record.session,
    provider: count(shards.length, "shard"),
    inFlight: availableParallelism(),
    pool,
    find: (request) => findPage(shards, request),
  });
  const config = JSON.parse(JSON.stringify({ ...settings, ...output })) as BatchConfigInput;
  const summary = await runBatch(engine, config, { ...options, pageConfig });
  const folder = shardsFolder(output);
  if (summary.unfinished === 0 && (await exists(folder)) && (await areAsJoined(output, shards))) {
    await removeFolder(folder).catch((err: unknown) => log.warn({ err, path: folder }, "shards were not removed"));
    await rmdir(workFolder(output)).catch(() => {}); // that of an output folder keeps its journal
  }
  return summary;
}

/** Whether no shard has begun or gone on since they were joined. */
async function areAsJoined(output: OutputPaths, shards: readonly DoneShard[]): Promise<boolean> {
  if ((await storedShards(output)).length !== shards.length) return false;
  for (const { folder, run } of shards) {
    const isFree = await checkNotInUse(workFolder({ outputDir: folder }), folder).then(
      () => true,
      () => false,
    );
    if (!isFree || (await findRun(folder).catch(() => undefined))?.state !== run.state) return false;
  }
  return true;
}

/** The shards of an output, all of them done and of the same batch. */
async function doneShards(output: OutputPaths): Promise<DoneShard[]> {
  const path = outputPath(output);
  const stored = await storedShards(output);
  const counts = [...new Set(stored.map((one) => one.count))];
  if (counts.length > 1)
    throw new ConfigurationError("ERR_CONFIG", `${path} has shards of ${counts.join(" and of ")}`, {
      remedy: `remove those that are not wanted from ${shardsFolder(output)}`,
    });
  const shards: DoneShard[] = [];
  const faults: string[] = [];
  for (const one of stored) {
    const manifest = await readManifest(one.folder);
    const run = manifest && (await findRun(one.folder).catch(() => undefined));
    if (manifest === undefined || run === undefined) {
      faults.push(`shard ${shardText(one)} has only begun`);
      continue;
    }
    if (manifest.cobraVersion !== VERSION) {
      faults.push(`shard ${shardText(one)} was made with version ${manifest.cobraVersion}, and this is ${VERSION}`);
      continue;
    }
    const shard = { ...one, manifest, pages: new Set(manifest.pages), run };
    const left = manifest.pages.filter((page) => outcomeOf(shard, page) === undefined);
    if (left.length > 0)
      faults.push(`shard ${shardText(one)} lacks ${left.length} of ${count(manifest.pages.length, "page")}`);
    shards.push(shard);
  }
  const there = new Set(stored.map(({ index }) => index));
  const missing = (shards[0]?.manifest.shards ?? []).filter((index) => !there.has(index));
  if (missing.length > 0)
    faults.push(
      `${missing.length === 1 ? "shard" : "shards"} ${missing.join(", ")} of ${counts[0]!} ${missing.length === 1 ? "is" : "are"} missing`,
    );
  if (faults.length > 0 || shards.length === 0)
    throw incomplete(
      `${path} cannot be assembled: ${faults.join("; ") || "it has no shards"}`,
      "run `cobra-batch colorize --shard` for these, with the same output, then assemble again",
    );
  await checkSame(path, shards);
  return shards;
}

/** What has come of a page with the settings that the shard was asked for last. */
function outcomeOf({ manifest, run }: DoneShard, page: string): PageEntry | FailedEntry | undefined {
  const { history, record } = run;
  const own = Object.hasOwn(record.pageConfigs, page) ? record.pageConfigs[page] : {};
  const settings = pageSettings(record.config, { ...own, ...adjustedSettings(history.adjustments, page) });
  const fingerprint = pageFingerprint(
    { ...settings, ...outputSettings(record.config) },
    manifest.model.hash,
    manifest.referencesHash,
    ownContents(settings, (path) => manifest.contents[path] ?? ""),
  );
  const failed = history.failed(page);
  return history.done(page, fingerprint) ?? (failed?.fingerprint === fingerprint ? failed : undefined);
}

type FailedEntry = NonNullable<ReturnType<StoredRun["history"]["failed"]>>;

/** All shards must have been asked for the same, with the same model, and have had the same files. */
async function checkSame(path: string, shards: readonly DoneShard[]): Promise<void> {
  const [first, ...others] = shards as [DoneShard, ...DoneShard[]];
  for (const other of others) {
    const differs =
      other.manifest.model.hash !== first.manifest.model.hash
        ? "another model"
        : JSON.stringify(other.manifest.references) !== JSON.stringify(first.manifest.references)
          ? "other references"
          : !asksForSamePictures(other.run.record, first.run.record)
            ? "other settings"
            : undefined;
    if (differs !== undefined)
      throw incomplete(
        `${path} cannot be assembled: shard ${shardText(other)} was made with ${differs} than shard ${shardText(first)}`,
        "run it again with the settings of the others",
      );
  }
  // Records from another machine may name any file of this one: only files that they know by content are read.
  const { record } = first.run;
  const now = await contentsOf(record.config, record.pageConfigs);
  const changed = Object.entries(now).find(([named, hash]) => first.manifest.contents[named] !== hash);
  if (changed !== undefined)
    throw incomplete(
      `${path} cannot be assembled: ${changed[0]} is not what it was when the shards ran`,
      "put it back, or run the shards again",
    );
}

/** What a shard has made of a page. */
async function findPage(shards: readonly DoneShard[], request: PageRequest): Promise<PageResult> {
  const { name, page, references } = request;
  const shard = shards.find(({ pages }) => pages.has(name));
  if (shard === undefined)
    throw incomplete(`no shard has done the page ${name}: it was added to the input later`, "run the shards again");
  const outcome = outcomeOf(shard, name)!;
  const isSame = "bytes" in page && (await sha256(page.bytes)) === outcome.inputSha256;
  const sameReferences =
    shard.run.record.pageConfigs[name]?.referenceImages !== undefined ||
    JSON.stringify(references) === JSON.stringify(shard.manifest.references);
  if (!isSame || !sameReferences)
    throw incomplete(
      `${isSame ? "the references" : `the page ${name}`} changed after shard ${shardText(shard)} had run`,
      "run it again",
    );
  if ("failure" in outcome)
    return { status: "failed", failure: outcome.failure as FailedPage["failure"], warnings: [] };
  return colouredPage(shard, outcome, request);
}

/** A picture and its layers from a shard's folder, as its journal knows them. */
async function colouredPage(shard: DoneShard, entry: PageEntry, request: PageRequest): Promise<ColorizedPage> {
  const damaged = (path: string): ResourceError =>
    incomplete(`${path} is gone or damaged`, `run shard ${shardText(shard)} again`);
  const path = await pictureOf(shard.folder, entry);
  if (path === undefined) throw damaged(join(shard.folder, entry.outputName));
  const { success, layers = [] } = entry;
  const files = layerPaths(path, layers);
  const layerFiles = await Promise.all(
    files.map(async (file, index) => {
      const data = await readWhole(file).catch(() => undefined);
      if (data === undefined || (await sha256(data)) !== layers[index]!.sha256) throw damaged(file);
      return { name: layers[index]!.name, data };
    }),
  );
  const { width, height, bucket, tiles, seed, references, stageMs } = success;
  return {
    status: "completed",
    data: await readWhole(path),
    format: request.output.format ?? "png",
    width,
    height,
    bucket,
    ...(tiles === undefined ? {} : { tiles }),
    seed,
    references,
    stageMs,
    warnings: [],
    ...(layerFiles.length === 0 ? {} : { layers: layerFiles }),
  };
}

async function pictureOf(
  folder: string,
  { outputName, firstNumber, sha256: hash }: PageEntry,
): Promise<string | undefined> {
  for (let number = firstNumber; ; number++) {
    const path = join(folder, numberedName(outputName, number));
    if (!(await exists(path))) return undefined;
    if ((await fileSha256(path)) === hash) return path;
  }
}

function incomplete(message: string, remedy: string): ResourceError {
  return new ResourceError("ERR_SHARDS_INCOMPLETE", message, { remedy });
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
