/**
 * A grid of seeds: the same page coloured with several, one picture each and all together on one sheet with the seeds
 * below them.
 */
import { join } from "node:path";
import type { Engine } from "../../colorization/engine.js";
import { extensionOf } from "../../io/names/entry-rules.js";
import { writeFileAtomic } from "../../io/files/atomic-file.js";
import type { BatchOutput } from "../output/batch-output.js";
import type { BatchPages } from "../pages/batch-pages.js";
import type { PageFailure, PreviewResult, SeedPicture } from "../events.js";
import { pageFailure } from "../pages/page-failure.js";
import type { PageContext, PageJob } from "../pages/page-work.js";
import { guardedBy, workThrough, type SegmentControl } from "../pages/crash-isolation.js";

/** What is made. */
export interface SeedGrid {
  /** Pages to show. */
  readonly pages: number;
  /** Seeds of each. */
  readonly seeds: number;
  /** Where the pictures go. */
  readonly folder: string;
}

interface Trial {
  readonly picture: SeedPicture;
  readonly bytes: Uint8Array;
}

/** Makes it; undefined when no page that waits can be coloured. Pages stay in the queue. */
export async function makeSeedGrid(
  context: PageContext,
  control: SegmentControl,
  pages: BatchPages,
  output: BatchOutput,
  grid: SeedGrid,
): Promise<Pick<PreviewResult, "failures" | "seeds"> | undefined> {
  const rows: Trial[][] = [];
  const failures: PageFailure[] = [];
  for (const page of pages.trials()) {
    if (rows.length === grid.pages) break;
    const row = await tryPage(context, control, output, page, grid, failures);
    if (row.length > 0) rows.push(row);
  }
  if (rows.length === 0) return undefined;
  const sheet = join(grid.folder, "sheet.png");
  await writeFileAtomic(sheet, await drawSheet(context.engine, rows, control.signal), true);
  return { failures, seeds: { sheet, pictures: rows.flat().map(({ picture }) => picture) } };
}

async function tryPage(
  context: PageContext,
  control: SegmentControl,
  output: BatchOutput,
  page: PageJob,
  { seeds, folder }: SeedGrid,
  failures: PageFailure[],
): Promise<Trial[]> {
  const { seed: first } = page.settings;
  const waiting: PageJob[] = Array.from({ length: seeds }, (_, index) => ({
    ...page,
    settings: { ...page.settings, seed: first + index },
  }));
  const queue = { peek: () => waiting[0], next: () => waiting.shift() };
  const trials: Trial[] = [];
  const fresh: PageContext = {
    ...context,
    ...guardedBy(output),
    known: async () => undefined,
    finished: async () => undefined,
  };
  await workThrough(queue, output, fresh, control, async (item) => {
    const { entry, outputName, settings } = item.job;
    if ("error" in item) failures.push(pageFailure(entry.name, item.job.stage, item.error));
    if (!("value" in item)) return;
    const extension = extensionOf(outputName);
    const name = `${outputName.slice(0, outputName.length - extension.length)}_seed${settings.seed}${extension}`;
    const { bytes } = item.value;
    const path = await writeFileAtomic(join(folder, name), bytes, true);
    trials.push({ picture: { page: entry.name, seed: settings.seed, output: path }, bytes });
  });
  return trials;
}

/** One row a page, one column a seed. */
async function drawSheet(
  engine: Engine,
  rows: readonly (readonly Trial[])[],
  signal: AbortSignal,
): Promise<Uint8Array> {
  const pictures = await Promise.all(
    rows.map((row) =>
      Promise.all(
        row.map(async ({ picture, bytes }) => ({
          label: `SEED ${picture.seed}`,
          image: (await engine.pool.decode(new Uint8Array(bytes), picture.output, { signal })).image,
        })),
      ),
    ),
  );
  return engine.pool.encode(
    await engine.pool.run("contactSheet", { rows: pictures }, { signal }),
    { format: "png", signal },
    "the sheet of seeds",
  );
}
