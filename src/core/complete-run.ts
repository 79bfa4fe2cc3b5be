/** Ends a run: puts together what it was made from, and completes its output or leaves it for a later run. */
import { dirname } from "node:path";
import type { BatchConfig, PageSettings } from "../config/batch-config.js";
import type { Notice } from "../errors/notice.js";
import { isThere } from "../io/files/exists.js";
import { shownNames } from "../text/shown.js";
import type { BatchEngine } from "./batch-engine.js";
import type { Scan } from "./input/scan-input.js";
import type { CarriedOrigins, RunRecord } from "./journal/entries.js";
import { isPlace, placeOf } from "./journal/place.js";
import { portableRun, type ArchivedRun } from "./journal/run-record.js";
import type { PageOrigin } from "./output/archive-metadata.js";
import { watchedCopy } from "./output/carried-files.js";
import { carriedOrigins } from "./output/carried-origins.js";
import { runMetadata } from "./output/run-metadata.js";
import { workFolder } from "./output/work-folder.js";
import type { BatchPages } from "./pages/batch-pages.js";
import type { Finished, RunOutput } from "./run-output.js";

/** A run whose pages have been done as far as they will be. */
export interface EndingRun {
  readonly engine: BatchEngine;
  readonly config: BatchConfig;
  readonly pages: BatchPages;
  readonly scan: Scan;
  /** The pages to do, where these are not all. */
  readonly only: ReadonlySet<string> | undefined;
  readonly output: RunOutput;
  readonly control: { readonly signal: AbortSignal };
  readonly record: RunRecord;
  readonly referenceNames: readonly string[];
  fingerprint(settings: PageSettings): string;
}

/**
 * Resolves to undefined when the output is not completed: pages are left, or it would lose pictures that it has.
 * @param previewWaits a preview is not decided about, which may show all pages that there are
 */
export async function completeRun(run: EndingRun, previewWaits: boolean): Promise<Finished | undefined> {
  const { engine, config, pages, scan, only, output } = run;
  const metadata = runMetadata(
    engine,
    { ...config, ...pages.adjustments.all } as BatchConfig,
    run.referenceNames,
    pages.successes,
    pages.failures,
    origins(run),
    scan.found.inColor.map(({ name }) => name),
  );
  const isKept = !previewWaits && (await losesPicture(run));
  const added = addedPages(run);
  if (previewWaits || (!pages.allDone && added.length === 0) || isKept) {
    if (only !== undefined || isKept) await output.report(metadata);
    if (isKept && pages.failures.length > 0)
      for (const notice of archiveKept(run)) pages.emit({ type: "warning", ...notice });
    await output.stop();
    return undefined;
  }
  tellNotices(run);
  if (added.length > 0) pages.emit({ type: "warning", ...notInArchive(added) });
  const whole = { ...metadata, ...(config.outputZip === undefined ? {} : await archiveFacts(run, config.outputZip)) };
  const carried = scan.found.carried.map((entry) => {
    const { name: file, sizeBytes } = entry;
    const report = (copiedBytes: number): void => pages.emit({ type: "file-copying", file, copiedBytes, sizeBytes });
    return watchedCopy(entry, { report, signal: run.control.signal });
  });
  const finished = await output.finish(pages.completed, carried, whole, only !== undefined, scan.source.comment);
  tellNotices(run);
  return finished;
}

function tellNotices({ output, pages }: EndingRun): void {
  for (const notice of output.takeNotices()) pages.emit({ type: "warning", ...notice });
}

/**
 * An archive stays as it is where a new one would lack a picture that it has, of a page that could not be done again,
 * and where a new one would hold no page at all.
 */
async function losesPicture({ config, pages, scan, only, output }: EndingRun): Promise<boolean> {
  if (config.outputZip === undefined) return false;
  if (pages.successes.length + scan.found.inColor.length === 0) return isThere(config.outputZip);
  const isWritten = only !== undefined || output.history.archives.length > 0;
  return (
    isWritten && pages.failures.some(({ page }) => (only?.has(page) ?? true) && output.history.last(page) !== undefined)
  );
}

/** Pages that are left because a complete archive, of which single pages are done again, never had them. */
function addedPages({ config, pages, only, output }: EndingRun): string[] {
  const { packedPages } = output.history;
  const left = pages.unfinished;
  const isComplete = only !== undefined && config.outputZip !== undefined && packedPages.size > 0;
  return isComplete && left.every((page) => !packedPages.has(page)) ? left : [];
}

/** Stands in what is said where some of the single pages failed, so that the pictures of the others wait. */
export const STAYS_SINCE = " stays as it is since ";

/** Of single pages that all failed nothing waits, and their failures say what to do. */
function archiveKept({ config, only, output, pages }: EndingRun): Notice[] {
  const waiting = [...output.history.unfinished.keys()];
  if (only === undefined)
    return [
      {
        message: `${config.outputZip!} stays as it is: a new one would lack pictures of the pages that failed`,
        remedy: "mend those pages, then run the same command again",
      },
    ];
  if (waiting.length === 0) return [];
  const failed = shownNames(pages.failures.map(({ page }) => page));
  return [
    {
      message: `${config.outputZip!}${STAYS_SINCE}${failed} failed: the new ${waiting.length === 1 ? "picture" : "pictures"} of ${shownNames(waiting)} will be in it once that is mended`,
      remedy: `run redo for ${failed} again, with other settings where these were the cause`,
    },
  ];
}

function notInArchive(added: readonly string[]): Notice {
  return {
    message: `${shownNames(added)}: new in the input, and not in the archive`,
    remedy: "run the colorize command again to colour what is new",
  };
}

interface ArchiveFacts {
  readonly carried?: CarriedOrigins;
  readonly run: ArchivedRun;
}

/** What an archive's metadata say of it besides. */
async function archiveFacts(run: EndingRun, path: string): Promise<ArchiveFacts> {
  const carried = await madeFrom(run);
  const archived = portableRun(await archivedRun(run, dirname(path)), dirname(run.record.config.outputZip!));
  return { ...(carried && { carried }), run: archived };
}

/** Where single pages of an archive are done, all else is what the archive before was made from. */
async function madeFrom({ scan, only, output }: EndingRun): Promise<CarriedOrigins | undefined> {
  const isKnown = only !== undefined && output.history.archives.length > 0;
  return isKnown ? undefined : carriedOrigins(scan.found.carried, scan.source.comment);
}

/** A record from elsewhere stays one. */
async function archivedRun({ output, pages, config }: EndingRun, folder: string): Promise<ArchivedRun> {
  const { record, place } = output.history;
  const isFromHere = await isPlace(place, workFolder(config));
  return {
    record: record!,
    adjustments: pages.adjustments,
    place: isFromHere ? await placeOf(folder) : undefined,
  };
}

/** What each finished page was made of. */
function origins({ pages, output, fingerprint }: EndingRun): PageOrigin[] {
  return pages.completed.map((page) => {
    const last = output.history.last(page.entry.name);
    return {
      page: page.entry.name,
      fingerprint: page.fingerprint ?? fingerprint(page.settings),
      sha256: page.inputSha256,
      picture: last?.written ?? last?.sha256,
      layers: last?.layers?.map(({ written, sha256 }) => written ?? sha256),
    };
  });
}
