/** Prints the summary of a batch: counts, times, where the files are, what to do next. */
import type { BatchSummary, PreviewResult } from "../../../core/events.js";
import { count, duration, oneLine, quoted, type Paint } from "./terminal-text.js";

export interface SummaryFacts {
  /** Pages that an earlier run had done. */
  readonly kept: number;
  /** Where `failures.json` is. */
  readonly failuresFile: string | undefined;
  /** A page that is done. */
  readonly lastPage: string | undefined;
  /** A setting that changes the colours, such as "seed=1". */
  readonly example: string;
  /** How failed pages are done again. Default: `cobra-batch retry`. */
  readonly again?: string | undefined;
  /** What to do once all pages are coloured. Default: how one is coloured again. */
  readonly next?: string | undefined;
  readonly paint: Paint;
}

/** The pictures to look at. */
export function previewPictures({ pages, seeds }: PreviewResult): string[] {
  return [...(seeds === undefined ? [] : [seeds.sheet]), ...pages.map(({ output }) => output)];
}

/**
 * That a preview waits, and how to decide about it.
 * @param example a setting that changes the colours, such as "seed=1"
 */
export function previewLines(preview: PreviewResult, output: string, example: string, paint: Paint): string[] {
  const { seeds, failures } = preview;
  const seedNumbers = [...new Set(seeds?.pictures.map(({ seed }) => seed))];
  const rows: [string, string][] = [
    ...previewPictures(preview).map((path): [string, string] => ["look at", oneLine(path)]),
    ...failures.map(({ page, message }): [string, string] => ["failed", `${oneLine(page)}: ${oneLine(message)}`]),
    ["approve", `cobra-batch approve ${quoted(output)}${seedNumbers.length === 0 ? "" : ` --seed ${seedNumbers[0]}`}`],
    ...(seedNumbers.length > 1 ? [["seeds", seedNumbers.join(", ")] as [string, string]] : []),
    ["reject", `cobra-batch reject ${quoted(output)} --set ${example}`],
  ];
  return ["a preview waits for approval", ...table(rows, paint)];
}

/** One line that says it all, then a small table. */
export function summaryLines(
  summary: BatchSummary,
  { kept, failuresFile, lastPage, example, again, next, paint }: SummaryFacts,
): string[] {
  const { total, completed, failed, elapsedMs, output } = summary;
  const fresh = completed - kept;
  const inColor = summary.inColor ?? 0;
  const head =
    total === 0 && inColor > 0
      ? `0 coloured, ${inColor} already in colour in ${duration(elapsedMs)}`
      : `${completed} of ${count(total, "page")} coloured${failed > 0 ? paint("red", `, ${failed} failed`) : ""} in ${duration(elapsedMs)}`;
  const rows: Row[] = [
    [
      "pages",
      [
        `${fresh} coloured`,
        ...(kept > 0 ? [`${kept} finished earlier`] : []),
        ...(inColor > 0 ? [`${inColor} already in colour`] : []),
        ...(failed > 0 ? [`${failed} failed`] : []),
      ].join(", "),
    ],
  ];
  if (fresh > 0) rows.push(["time", `${duration(elapsedMs)}, ${duration(elapsedMs / fresh)} per page`]);
  if (completed + inColor > 0) rows.push(["result", oneLine(output)]);
  if (failed > 0) {
    if (failuresFile !== undefined) rows.push(["failures", oneLine(failuresFile)]);
    rows.push(...remedyRows(summary));
    rows.push(["next", `then ${again ?? `run: cobra-batch retry ${quoted(output)} --failed`}`]);
  } else if (next !== undefined) rows.push(["next", next]);
  else if (fresh > 0 && lastPage !== undefined) {
    const redo = `cobra-batch redo ${quoted(output)} ${quoted(lastPage)} --set ${example}`;
    rows.push(["next", `to colour a page again: ${redo}`]);
  }
  return [head, ...table(rows, paint)];
}

/** What to do about pages that failed. */
export function remedyLines(summary: BatchSummary, paint: Paint): string[] {
  return table(remedyRows(summary), paint);
}

type Row = readonly [key: string, value: string];

function remedyRows({ failures }: BatchSummary): Row[] {
  return [...new Set(failures.map(({ remedy }) => remedy))].map((remedy) => ["remedy", oneLine(remedy)]);
}

function table(rows: readonly Row[], paint: Paint): string[] {
  return rows.map(([key, value]) => `  ${paint("dim", key.padEnd(9))} ${value}`);
}
