/** Reports the start of a run: its warnings, its size, its model, and the pages that stay as they are. */
import type { BatchConfig } from "../config/batch-config.js";
import { withRemedy } from "../errors/facts.js";
import type { Notice } from "../errors/notice.js";
import { getLogger } from "../logging.js";
import type { BatchEngine } from "./batch-engine.js";
import type { Scan } from "./input/scan-input.js";
import type { BatchPages } from "./pages/batch-pages.js";
import type { SegmentControl } from "./pages/work-through.js";

const log = getLogger("batch");

/** What a run consists of. */
interface Announced {
  readonly engine: BatchEngine;
  readonly config: BatchConfig;
  readonly pages: BatchPages;
  readonly scan: Scan;
  readonly control: SegmentControl;
}

/**
 * Tells of the start of a run: events for programs, lines for the log.
 * @param references their names
 * @param count pages to do
 */
export function announce(
  { engine, config, pages, scan, control }: Announced,
  warnings: readonly Notice[],
  references: readonly string[],
  provider: string,
  count: number,
): void {
  for (const notice of warnings) pages.emit({ type: "warning", ...notice });
  const { name, version, trained } = engine.model.manifest;
  log.info(
    {
      pages: count,
      references,
      model: `${name} ${version}`,
      provider,
      output: config.outputDir ?? config.outputZip,
      maxConcurrent: control.pagesInFlight(),
    },
    "batch started",
  );
  for (const { message, remedy } of warnings) log.warn(withRemedy(message, remedy));
  pages.emit({
    type: "batch-started",
    pages: count,
    references: [...references],
    model: `${name} ${version}`,
    modelTrained: trained,
    provider,
  });
  for (const { name: page } of scan.found.inColor) pages.emit({ type: "page-kept-in-color", page });
  if (!trained)
    pages.emit({
      type: "warning",
      message: `the model "${name}" is untrained: its weights are random, so its colours are meaningless`,
    });
}
