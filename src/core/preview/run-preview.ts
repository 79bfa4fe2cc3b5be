/**
 * Makes the first pages of a batch, shows them and waits for a decision, as often as it takes, before the others start.
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { pageSettings, type BatchConfig } from "../../config/batch-config.js";
import type { PreviewOutput } from "../run-output.js";
import type { BatchPages } from "../pages/batch-pages.js";
import type { BatchPage } from "../pages/batch-page.js";
import { settingsOfApproval, type PreviewGate } from "./preview.js";
import type { PreviewResult } from "../events.js";
import { removeTree } from "../../io/files/remove-tree.js";

/** What a preview needs of its batch. */
export interface PreviewContext {
  readonly config: BatchConfig;
  readonly pages: BatchPages;
  readonly output: PreviewOutput;
  readonly gate: PreviewGate;
  /** Whether no further page may be begun. */
  stopped(): boolean;
  /** Does so many of the pages that wait. */
  work(limit: number): Promise<BatchPage[]>;
  /** Makes a grid of seeds; undefined when no page could be made. */
  seedGrid(folder: string): Promise<Pick<PreviewResult, "failures" | "seeds"> | undefined>;
}

/** Resolves to whether the batch continues: the preview is approved, or there is nothing to show. */
export async function runPreview(context: PreviewContext): Promise<boolean> {
  const { config, pages, output, gate } = context;
  if (!config.previewMode || output.history.preview?.state === "approved") return true;
  for (;;) {
    const settings = pageSettings(config, pages.adjustments.all);
    const { jobs, result } =
      config.previewSeeds > 1 ? await seedPages(context, settings) : await firstPages(context, settings);
    if (context.stopped()) return false;
    if (result === undefined) return true;
    await output.notePreview("waiting", { result });
    const deciding = gate.wait(result);
    if (context.stopped()) gate.leave();
    else pages.emit({ type: "preview-ready", preview: result });
    const decision = await deciding;
    if (decision === undefined) return false;
    if (decision.type === "approve") {
      const chosen = settingsOfApproval(result, decision.seed);
      await output.notePreview("approved", { settings: chosen });
      pages.adjustments = output.history.adjustments;
      await removeTree(previewFolder(output));
      pages.emit({ type: "preview-approved", settings: chosen });
      return true;
    }
    await output.notePreview("rejected", { settings: decision.settings });
    pages.adjustments = output.history.adjustments;
    pages.putBack(jobs);
    pages.emit({
      type: "preview-rejected",
      pages: jobs.map(({ entry }) => entry.name),
      settings: decision.settings,
      progress: pages.progress,
    });
  }
}

interface Shown {
  /** The pages that were taken from the queue. */
  readonly jobs: BatchPage[];
  readonly result: PreviewResult | undefined;
}

/** Takes pages until so many are coloured as were asked for: one that cannot be read shows nothing. */
async function firstPages(
  { config, pages, output, stopped, work }: PreviewContext,
  settings: PreviewResult["settings"],
): Promise<Shown> {
  const jobs: BatchPage[] = [];
  output.previewing = true;
  try {
    for (
      let left = config.previewPages;
      left > 0 && pages.waiting > 0 && !stopped();
      left = config.previewPages - pages.outcomesOf(jobs).successes.length
    )
      jobs.push(...(await work(left)));
  } finally {
    output.previewing = false;
  }
  const { successes, failures } = pages.outcomesOf(jobs);
  const shown = successes.map((success) => ({ ...success, output: output.pictureOf(success) }));
  return { jobs, result: shown.length === 0 ? undefined : { pages: shown, failures, settings } };
}

async function seedPages({ output, seedGrid }: PreviewContext, settings: PreviewResult["settings"]): Promise<Shown> {
  const before = output.history.preview;
  if (
    before?.state === "waiting" &&
    before.result !== undefined &&
    isDeepStrictEqual(before.result.settings, settings) &&
    (await allThere(before.result))
  )
    return { jobs: [], result: before.result };
  const grid = await seedGrid(previewFolder(output));
  return { jobs: [], result: grid === undefined ? undefined : { pages: [], ...grid, settings } };
}

async function allThere({ seeds }: PreviewResult): Promise<boolean> {
  const paths = seeds === undefined ? [] : [seeds.sheet, ...seeds.pictures.map(({ output }) => output)];
  return (
    paths.length > 0 &&
    (
      await Promise.all(
        paths.map((path) =>
          stat(path).then(
            () => true,
            () => false,
          ),
        ),
      )
    ).every(Boolean)
  );
}

function previewFolder(output: PreviewOutput): string {
  return join(output.workFolder, "preview");
}
