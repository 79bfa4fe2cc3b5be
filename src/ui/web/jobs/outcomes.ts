/** Reads the outcomes of a job's pages, from its run's files on disk and from events. */
import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import { BatchProcessingError } from "../../../errors.js";
import { exists } from "../../../io/files/exists.js";
import type { BatchEvent, PageSuccess } from "../../../core/events.js";
import { findRun } from "../../../core/journal/find-run.js";
import { picturesFolder, workFolder, type OutputPaths } from "../../../core/output/work-folder.js";
import { LAYER_NAMES, numberedName } from "../../../io/names/output-names.js";
import type { Picture } from "../api/schemas.js";
import type { StoredJob } from "./stored.js";

/** What has become of a page. */
export interface Outcome {
  readonly success?: PageResult;
  readonly failure?: Pick<NonNullable<Picture["failure"]>, "stage" | "code" | "message">;
}

/** A page's picture. */
export interface PageResult {
  /** Relative name in the output. */
  readonly name: string;
  readonly version: string;
  readonly facts: Pick<PageSuccess, "width" | "height" | "tiles" | "seed" | "references" | "elapsedMs">;
  readonly layers: readonly string[];
}

/** Where a job writes. */
export function outputOf(folder: string, output: NonNullable<StoredJob["output"]>): OutputPaths {
  const path = join(folder, output.file);
  return output.kind === "archive" ? { outputZip: path } : { outputDir: path };
}

/** What an earlier run has left, by the pages' names. Nothing where there is no run, or none that is valid. */
export async function storedOutcomes(paths: OutputPaths): Promise<Map<string, Outcome>> {
  const found = new Map<string, Outcome>();
  const run = await findRun((paths.outputDir ?? paths.outputZip)!).catch((error: unknown) => {
    if (error instanceof BatchProcessingError) return undefined;
    throw error;
  });
  if (run === undefined) return found;
  if (run.archive !== undefined) {
    const inputs = new Map(run.archive.metadata.inputs.map((input) => [input.page, input]));
    for (const page of run.archive.metadata.pages) {
      const input = inputs.get(page.page);
      const version = versionOf([input?.fingerprint, input?.sha256]);
      found.set(page.page, { success: resultOf(page, page.output, version) });
    }
    return found;
  }
  const { history } = run;
  for (const page of history.donePages) {
    const entry = history.last(page)!;
    const version = versionOf([entry.fingerprint, entry.inputSha256]);
    const name = await nameThere(paths, entry.outputName, entry.firstNumber);
    const layers = (entry.layers ?? []).map((layer) => layer.name);
    found.set(page, { success: { ...resultOf(entry.success, name, version), layers } });
  }
  for (const page of history.failedPages) found.set(page, { failure: shortFailure(history.failed(page)!.failure) });
  return found;
}

/** The name that a picture got: its own, or one with a number. */
async function nameThere(paths: OutputPaths, outputName: string, first: number): Promise<string> {
  const name = numberedName(outputName, first);
  return (await exists(join(picturesFolder(paths), name))) ? name : outputName;
}

/** What an event says has become of a page. */
export function outcomeOf(
  event: Extract<BatchEvent, { type: "page-completed" | "page-failed" }>,
  paths: OutputPaths,
): Outcome {
  if (event.type === "page-failed") return { failure: shortFailure(event) };
  const folder = paths.outputDir;
  const name = folder === undefined ? event.output : event.output.slice(folder.length + 1);
  return { success: resultOf(event, name, versionOf([event.time, event.job, event.page])) };
}

function resultOf(success: PageSuccess, name: string, version: string): PageResult {
  const { width, height, tiles, seed, references, elapsedMs, layers = [] } = success;
  return {
    name,
    version,
    facts: { width, height, ...(tiles === undefined ? {} : { tiles }), seed, references, elapsedMs },
    layers: layers.map((path) => basename(path)).filter((layer) => (LAYER_NAMES as readonly string[]).includes(layer)),
  };
}

function shortFailure({ stage, code, message }: NonNullable<Outcome["failure"]>): NonNullable<Outcome["failure"]> {
  return { stage, code, message };
}

function versionOf(parts: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 16);
}

/** Folder of a preview's pictures with several seeds. */
export function previewFolder(paths: OutputPaths): string {
  return join(workFolder(paths), "preview");
}
