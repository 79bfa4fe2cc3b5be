/**
 * A grid of seeds: the same page coloured with several seeds, as one picture each and as one sheet with the seeds
 * below.
 */
import { join } from "node:path";
import { pageFailure } from "../../colorization/request/page-failure.js";
import { extensionOf } from "../../io/names/entry-rules.js";
import { writeFileAtomic } from "../../io/files/atomic-file.js";
import type { RunOutput } from "../run-output.js";
import type { BatchPages } from "../pages/batch-pages.js";
import type { PageFailure, PreviewResult, SeedImage } from "../events.js";
import type { ImagePool } from "../batch-engine.js";
import type { BatchPage } from "../pages/batch-page.js";
import type { PageContext } from "../pages/page-work.js";
import { workThrough, type SegmentControl } from "../pages/work-through.js";
import { guardedBy } from "../pages/quarantine.js";

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
  readonly picture: SeedImage;
  readonly bytes: Uint8Array;
}

/** Makes it; undefined when no page that waits can be coloured. Pages stay in the queue. */
export async function makeSeedGrid(
  context: PageContext,
  control: SegmentControl,
  pages: BatchPages,
  output: RunOutput,
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
  await writeFileAtomic(sheet, await drawSheet(context.engine.pool, rows, control.signal), true);
  return { failures, seeds: { sheet, pictures: rows.flat().map(({ picture }) => picture) } };
}

async function tryPage(
  context: PageContext,
  control: SegmentControl,
  output: RunOutput,
  page: BatchPage,
  { seeds, folder }: SeedGrid,
  failures: PageFailure[],
): Promise<Trial[]> {
  const { seed: first } = page.settings;
  const waiting: BatchPage[] = Array.from({ length: seeds }, (_, index) => ({
    ...page,
    settings: { ...page.settings, seed: first + index },
  }));
  const queue = { peek: () => waiting[0], next: () => waiting.shift() };
  const trials: Trial[] = [];
  const fresh: PageContext = {
    ...context,
    ...guardedBy(output),
    // A trial is no page of the batch: it stays in the queue.
    taken: () => undefined,
    colouring: () => undefined,
    known: async () => undefined,
    finished: async () => undefined,
  };
  await workThrough(queue, output, fresh, control, async (outcome) => {
    const { entry, outputName, settings, stage } = outcome.page;
    if ("error" in outcome) failures.push(pageFailure(entry.name, stage, outcome.error));
    if (!("encoded" in outcome)) return;
    const extension = extensionOf(outputName);
    const name = `${outputName.slice(0, outputName.length - extension.length)}_seed${settings.seed}${extension}`;
    const { bytes } = outcome.encoded;
    const path = await writeFileAtomic(join(folder, name), bytes, true);
    trials.push({ picture: { page: entry.name, seed: settings.seed, output: path }, bytes });
  });
  return trials;
}

/** One row a page, one column a seed. */
async function drawSheet(
  pool: ImagePool,
  rows: readonly (readonly Trial[])[],
  signal: AbortSignal,
): Promise<Uint8Array> {
  const pictures = await Promise.all(
    rows.map((row) =>
      Promise.all(
        row.map(async ({ picture, bytes }) => ({
          label: `SEED ${picture.seed}`,
          image: (await pool.decode(new Uint8Array(bytes), picture.output, { signal })).image,
        })),
      ),
    ),
  );
  return pool.encode(
    await pool.run("contactSheet", { rows: pictures }, { signal }),
    { format: "png", signal },
    "the sheet of seeds",
  );
}
