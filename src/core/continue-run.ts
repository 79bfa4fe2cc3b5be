/**
 * Continues a run that was stopped or has ended: approves or rejects its preview, retries failed pages, redoes finished
 * ones. Each looks at the output and decides; the batch that follows notes the decision in the journal once it holds
 * the output, so that nothing is changed before. After a kill the same command or the one before it continues.
 */
import {
  pageSettings,
  parseBatchConfig,
  type BatchConfig,
  type BatchConfigInput,
  type PageConfig,
  type PageSettings,
} from "../config/batch-config.js";
import { BatchProcessingError } from "../errors.js";
import { checkFlag, checkList, checkObject, checkText, checkWhole } from "../errors/arguments.js";
import { gonePagesOf } from "./output/reopen-archive.js";
import { RunDecision } from "./output/run-decision.js";
import { isThere } from "../io/files/exists.js";
import { findPage, pagesNamed } from "./find-page.js";
import type { RunBatchOptions } from "./run-batch.js";
import type { JournalEntry, RunRecord } from "./journal/entries.js";
import { checkNotInUse } from "./journal/locked-journal.js";
import { settingsOfApproval, settingsOfNextTry } from "./preview/preview.js";
import { adjustedSettings, type RunHistory } from "./journal/history.js";
import { findRun, type StoredRun } from "./journal/find-run.js";
import { checkAllThere, checkNamedFiles } from "./journal/named-files.js";
import { OutputFiles } from "./output/output-files.js";
import { failuresFile, outputPath, shardsFolder, workFolder } from "./output/work-folder.js";
import { shownNames } from "../text/shown.js";

/** Changed settings: of the pages that are done again, and of the batch. */
export interface SettingChanges {
  readonly pages?: PageConfig;
  readonly batch?: Partial<BatchConfigInput>;
}

/** A batch to run, so that a run continues. */
export interface Continuation {
  readonly config: BatchConfig;
  /** With the decision, which is noted once the batch has begun and holds the output. */
  readonly options: Pick<RunBatchOptions, "pageConfig" | "images" | "only" | "decision">;
  readonly record: RunRecord;
  /** What was decided, as text for people. */
  readonly notes: readonly string[];
}

interface Decision {
  readonly entries: readonly JournalEntry[];
  readonly notes: readonly string[];
  /** The pages to do; undefined: all. */
  readonly only?: readonly string[];
}

/**
 * Approves the preview of an output. Approving again continues the batch.
 * @param seed of a preview with several seeds, the one for all pages
 * @returns undefined when the batch is complete already
 * @throws BatchProcessingError `ERR_RUN_NOT_FOUND`, `ERR_STATE` (no preview waits), `ERR_ARGUMENT` (a seed that is not
 * shown); ResourceError `ERR_OUTPUT_LOCKED`, `ERR_OUTPUT_WRITE`
 */
export async function approveRun(output: string, seed?: number): Promise<Continuation | undefined> {
  checkText("the output", output);
  if (seed !== undefined) checkWhole("the seed", seed);
  const run = await findRun(output);
  if (run.archive !== undefined) {
    if (run.record.config.previewMode) return undefined;
    throw noPreview(output, undefined); // a finished archive has no journal, and none is begun for it
  }
  await checkNamedFiles(run, undefined, {}, false);
  return change(run, {}, ({ preview }) => {
    if (preview?.state === "approved" && seed === undefined)
      return { entries: [], notes: ["the preview was approved already; the batch continues"] };
    if (preview?.state !== "waiting") throw noPreview(output, preview?.state);
    const settings = settingsOfApproval(preview.result ?? {}, seed);
    return {
      entries: [{ type: "preview", state: "approved", settings }],
      notes: [`preview approved${describe(settings)}`],
    };
  });
}

/**
 * Rejects the preview of an output: its pages are done again and wait for approval again.
 * @param changes settings to try next, for all pages. Default: the next seed
 * @throws as `approveRun`; ConfigurationError `ERR_CONFIG` for bad settings
 */
export async function rejectRun(output: string, changes: SettingChanges = {}): Promise<Continuation> {
  checkText("the output", output);
  checkChanges(changes);
  const run = await findRun(output);
  if (run.archive !== undefined) throw noPreview(output, run.record.config.previewMode ? "approved" : undefined);
  await checkNamedFiles(run, undefined, changes);
  return change(run, changes, ({ preview }) => {
    if (preview?.result === undefined || preview.state === "approved") throw noPreview(output, preview?.state);
    const batchChanged = Object.keys(changes.batch ?? {}).length > 0;
    const settings = batchChanged ? (changes.pages ?? {}) : settingsOfNextTry(preview.result, changes.pages);
    return {
      entries: [{ type: "preview", state: "rejected", settings }],
      notes: [`preview rejected; making it again${describe(settings)}`],
    };
  });
}

/**
 * Tries the failed pages of an output again, including those that were quarantined; without `failedOnly` also the pages
 * that were not started.
 * @returns undefined when there is nothing to try
 * @throws as `rejectRun`
 */
export async function retryRun(
  output: string,
  options: { failedOnly?: boolean; changes?: SettingChanges } = {},
): Promise<Continuation | undefined> {
  checkText("the output", output);
  checkObject("the options", options);
  const { failedOnly = false, changes = {} } = options;
  checkFlag("failedOnly", failedOnly);
  checkChanges(changes);
  const run = await findRun(output);
  const failed = run.history.failedPages;
  const again = failed.length === 0 && failedOnly ? await cutOffPages(run) : failed;
  if (again.length === 0 && (failedOnly || run.archive !== undefined)) return undefined;
  await checkNamedFiles(run, failedOnly ? again : undefined, changes);
  await checkAllThere(run, changes);
  // What else an archive holds stays in it only where single pages are done.
  const only = failedOnly || run.archive !== undefined;
  await checkNoShards(run);
  const trying = `trying ${failed.length} failed ${failed.length === 1 ? "page" : "pages"} again`;
  const note = failed.length === 0 && again.length > 0 ? `going on with ${shownNames(again)}` : trying;
  return change(run, changes, () => retry(again, changes, only, note));
}

/** Pages that a command has done again alone, which ended before their results were complete. */
async function cutOffPages({ archive, history, record: { config } }: StoredRun): Promise<readonly string[]> {
  if (archive !== undefined || history.retried.length === 0) return [];
  // The list of failures goes when none is left; without its picture a page has no result.
  if (config.outputZip !== undefined || (await isThere(await failuresFile(config)))) return history.retried;
  const files = new OutputFiles(config.outputDir!, false);
  for (const { outputName, firstNumber } of history.retried.flatMap((page) => history.last(page) ?? []))
    if (!(await isThere(files.path(outputName, firstNumber)))) return history.retried;
  return [];
}

function retry(pages: readonly string[], changes: SettingChanges, failedOnly: boolean, note: string): Decision {
  const again = pages.map((page): JournalEntry => ({ type: "adjust", page, settings: changes.pages ?? {} }));
  return {
    entries: [{ type: "retry", pages }, ...(changes.pages === undefined ? [] : again)],
    notes: [`${note}${describe(changes.pages ?? {})}`],
    ...(failedOnly ? { only: pages } : {}),
  };
}

/**
 * Does finished pages of an output again and replaces their pictures. All other pages stay as they are.
 * @param pages their names in the input or in the output
 * @param changes settings of these pages. Default: the next seed
 * @throws as `rejectRun`; ValidationError `ERR_INPUT_NOT_FOUND` for a page that the batch does not have
 */
export async function redoRun(
  output: string,
  pages: readonly string[],
  changes: SettingChanges = {},
): Promise<Continuation> {
  checkText("the output", output);
  checkList("the pages", pages);
  const names = [...pages];
  for (const name of names) checkText("a page", name);
  checkChanges(changes);
  const found = await findRun(output);
  const wanted = names.map((page) => findPage(page, found, pagesOf(found))); // before anything is touched
  await checkNamedFiles(found, wanted, changes);
  await checkAllThere(found, changes);
  await checkNoShards(found);
  return redo(found, wanted, changes);
}

/** A finished archive whose shards are under way is not opened again. */
async function checkNoShards({ archive, output, record: { config } }: StoredRun): Promise<void> {
  if (archive === undefined || !(await isThere(shardsFolder(config)))) return;
  throw new BatchProcessingError("ERR_STATE", `${output} is coloured in shards`, {
    remedy: `join them with \`cobra-batch assemble\`, or remove ${shardsFolder(config)}`,
  });
}

/** Pages of a run that have an outcome. */
function pagesOf({ history, archive }: StoredRun): string[] {
  const done = archive === undefined ? history.donePages : archive.metadata.pages.map(({ page }) => page);
  return [...done, ...history.failedPages];
}

/**
 * The settings that pages of a run have now, as `redoRun` would find the pages; names without a page are left out.
 * @param pages default: the pages of the preview
 */
export function settingsInEffect(run: StoredRun, pages?: readonly string[]): PageSettings[] {
  const { record, history } = run;
  const { pages: shown = [], seeds } = history.preview?.result ?? {};
  const names = pages ?? [...shown, ...(seeds?.pictures ?? [])].map(({ page }) => page);
  return names
    .flatMap((name) => pagesNamed(name, run, pagesOf(run)))
    .map((page) => {
      const own = Object.hasOwn(record.pageConfigs, page) ? record.pageConfigs[page] : {};
      return pageSettings(record.config, { ...own, ...adjustedSettings(history.adjustments, page) });
    });
}

/** Notes in the journal that pages are to be done again. */
function redo(run: StoredRun, pages: readonly string[], changes: SettingChanges): Promise<Continuation> {
  const { archive, record } = run;
  const packed = new Map(archive?.metadata.pages.map((success) => [success.page, success]));
  return change(run, changes, (history) => {
    const only = [...new Set(pages)];
    const settings = only.map((page) => {
      const { seed } = history.last(page)?.success ?? packed.get(page) ?? record.config;
      return [page, changes.pages ?? { seed: seed + 1 }] as const;
    });
    return {
      entries: [
        { type: "retry", pages: only },
        ...settings.map(([page, own]): JournalEntry => ({ type: "adjust", page, settings: own })),
      ],
      notes: settings.map(([page, own]) => `colouring ${page} again${describe(own)}`),
      only,
    };
  });
}

function checkChanges(changes: SettingChanges): void {
  checkObject("the changes", changes);
  if (changes.pages !== undefined) checkObject("changes.pages", changes.pages);
  if (changes.batch !== undefined) checkObject("changes.batch", changes.batch);
}

/** Decides by what is known of a run, if no other run is under way, and changes nothing. */
async function change(
  run: StoredRun,
  changes: SettingChanges,
  decide: (history: RunHistory) => Decision,
): Promise<Continuation> {
  const { record, history, archive } = run;
  const { config } = parseBatchConfig({ ...withoutRivals(record.config, changes.batch), ...changes.batch });
  await checkNotInUse(workFolder(config), outputPath(config));
  const { entries, notes, only: asked } = decide(history);
  const taken = asked === undefined ? [] : archive === undefined ? history.gonePages : await gonePagesOf(archive);
  const gone = taken.filter((page) => !asked!.includes(page));
  const only = asked && [...asked, ...gone];
  const pageConfig = (page: string): PageConfig =>
    Object.hasOwn(record.pageConfigs, page) ? record.pageConfigs[page]! : {};
  return {
    config,
    record,
    notes: [...notes, ...gone.map((page) => `colouring ${page} too: its files are no longer in the archive`)],
    options: {
      pageConfig,
      decision: new RunDecision(run, entries, { keepsChanged: true }),
      ...(record.added === undefined ? {} : { images: record.added as NonNullable<RunBatchOptions["images"]> }),
      ...(only === undefined ? {} : { only }),
    },
  };
}

/** The settings without the input that another one replaces. */
function withoutRivals(
  { inputDir, inputZip, ...settings }: BatchConfig,
  changes: Partial<BatchConfigInput> = {},
): BatchConfigInput {
  const input = (changes.inputDir ?? changes.inputZip) === undefined ? { inputDir, inputZip } : {};
  return JSON.parse(JSON.stringify({ ...settings, ...input })) as BatchConfigInput;
}

function noPreview(output: string, state: string | undefined): BatchProcessingError {
  const [why, remedy] =
    state === "approved"
      ? [": it was approved already", "to colour single pages again, run `cobra-batch redo`"]
      : state === "rejected"
        ? [": it was rejected and has not been made again yet", "run `cobra-batch reject` again"]
        : ["", "run `cobra-batch colorize` with --preview to make one"];
  return new BatchProcessingError("ERR_STATE", `no preview waits for approval at ${output}${why}`, { remedy });
}

function describe(settings: PageConfig): string {
  const texts = Object.entries(settings).map(
    ([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  return texts.length === 0 ? "" : ` with ${texts.join(", ")}`;
}
