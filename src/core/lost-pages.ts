/** Refuses to do single pages of an archive again where it would lose others: its input no longer has them as pages. */
import type { BatchConfig } from "../config/batch-config.js";
import { ValidationError, messageOf } from "../errors.js";
import { printableName } from "../io/names/safe-name.js";
import type { Scan } from "./input/scan-input.js";
import type { RunHistory } from "./journal/history.js";
import type { BatchPage } from "./pages/batch-page.js";

/** A run of single pages. */
interface SinglePages {
  readonly config: BatchConfig;
  readonly scan: Scan;
  /** The pages to do. Undefined: all, and then another archive is written beside the one that would lose some. */
  readonly only: ReadonlySet<string> | undefined;
}

/**
 * @param pages all that the input has
 * @throws ValidationError `ERR_INPUT_NOT_FOUND`
 */
export function checkNoneLost(
  { config, scan: { found }, only }: SinglePages,
  pages: readonly Pick<BatchPage, "entry">[],
  { packedPages }: RunHistory,
): void {
  if (only === undefined || config.outputZip === undefined) return;
  const there = new Set(pages.map(({ entry }) => entry.name));
  // One that is asked for fails by itself, and the archive stays.
  for (const { name } of found.failures) if (only.has(name)) there.add(name);
  const lost = [...packedPages].find((page) => !there.has(page));
  if (lost === undefined) return;
  const fault = found.failures.find(({ name }) => name === lost);
  const why =
    fault !== undefined
      ? `cannot be read any more (${messageOf(fault.error)})`
      : found.inColor.some(({ name }) => name === lost)
        ? "is in colour now"
        : "is no longer a page";
  const input = config.inputZip ?? config.inputDir ?? "the input";
  throw new ValidationError(
    "ERR_INPUT_NOT_FOUND",
    `${printableName(lost)} of ${input} ${why}, and ${config.outputZip} would lose its picture`,
    { remedy: "put the page back, or run the colorize command again, which keeps that archive" },
  );
}
