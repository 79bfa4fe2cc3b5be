/** `cobra-batch classify`: line art or coloured, with the figures that decide. */
import { basename } from "node:path";
import { DEFAULT_THRESHOLDS, type ImageClassification } from "../../../classification/index.js";
import { toJsonLine } from "../../../core/json-lines.js";
import { BatchProcessingError, ImageProcessingError, messageOf } from "../../../errors.js";
import { isFileFailure } from "../../../errors/facts.js";
import { withRemedy } from "../../../errors/facts.js";
import { configureOwnProcess } from "../../../io/image/own-process.js";
import type { SourceEntry } from "../../../io/page-source.js";
import { openPageSource } from "../../../io/open-source.js";
import { TaskPool } from "../../../colorization/tasks/pool.js";
import { mapConcurrent } from "../../../concurrency/map-concurrent.js";
import type { ClassifyImageOptions } from "../../../classification/classify-image.js";
import { EXIT } from "../output/exit-codes.js";
import type { ClassifyFlags } from "../commands/classify-command.js";
import { printError, reportErrors } from "../output/report-errors.js";
import { count, oneLine, painter, wantsColor } from "../output/terminal-text.js";

/** Classifies pictures, folders and archives; prints a table or JSON lines. */
export function classify(inputs: readonly string[], flags: ClassifyFlags): Promise<void> {
  return reportErrors(async () => {
    process.exitCode = await classifyAll(inputs, { ...flags, several: inputs.length > 1 });
  }, Boolean(flags.json));
}

interface Flags extends ClassifyFlags {
  /** Whether there are several inputs, so that a picture's name alone would not say where it is. */
  several: boolean;
}

interface Counts {
  line_art: number;
  colored: number;
  failed: number;
}

/** Classifies one picture. */
type Classify = (entry: SourceEntry) => Promise<ImageClassification>;

async function classifyAll(inputs: readonly string[], flags: Flags): Promise<number> {
  const limits = Object.fromEntries(
    (["saturation", "colorCount", "edgeDensity"] as const).flatMap((key) =>
      flags[key] === undefined ? [] : [[key, flags[key]]],
    ),
  );
  const options: ClassifyImageOptions = {
    decision: Object.keys(limits).length > 0 ? "plain" : flags.classifier,
    thresholds: { ...DEFAULT_THRESHOLDS, ...limits },
    withMetrics: true,
  };
  configureOwnProcess();
  const pool = new TaskPool();
  const counts: Counts = { line_art: 0, colored: 0, failed: 0 };
  if (!flags.json) process.stdout.write(`${row("type", "sure", "saturation", "colours", "edges", "picture")}\n`);
  try {
    for (const input of inputs) {
      try {
        await classifyInput(
          input,
          pool.maxThreads,
          async (entry) => (await pool.classify(await entry.read(), entry.name, options)) as ImageClassification,
          flags,
          counts,
        );
      } catch (error) {
        if (!isFileFailure(error)) throw error;
        counts.failed++;
        if (flags.json) sayFailed(input, input, error, true);
        else printError(error);
      }
    }
  } finally {
    await pool.close();
  }
  const read = counts.line_art + counts.colored;
  if (flags.json)
    say({ type: "classification-completed", lineArt: counts.line_art, colored: counts.colored, failed: counts.failed });
  else
    process.stderr.write(
      `${count(read, "picture")}: ${counts.line_art} line art, ${counts.colored} coloured${counts.failed > 0 ? `; ${counts.failed} could not be read` : ""}\n`,
    );
  if (counts.failed === 0) return EXIT.done;
  return read > 0 ? EXIT.somePagesFailed : EXIT.fatal;
}

/** Classifies the pictures of an input, as many at once as there are threads, and prints them in the input's order. */
async function classifyInput(
  input: string,
  concurrency: number,
  classifyOne: Classify,
  flags: Flags,
  counts: Counts,
): Promise<void> {
  const source = await openPageSource(input, { recursive: Boolean(flags.recursive) });
  try {
    for (const { message, remedy } of source.warnings ?? [])
      process.stderr.write(`warning: ${oneLine(withRemedy(message, remedy))}\n`);
    for (const { name, error } of source.faults) {
      counts.failed++;
      sayFailed(input, name, error, Boolean(flags.json));
    }
    const images = source.entries().filter(({ kind }) => kind === "image");
    for await (const { entry, result } of mapConcurrent(
      images,
      async (image) => ({ entry: image, result: await resultOrError(image, classifyOne) }),
      { concurrency },
    )) {
      if (result instanceof BatchProcessingError) {
        counts.failed++;
        sayFailed(input, entry.name, result, Boolean(flags.json));
      } else {
        counts[result.type]++;
        sayResult(input, entry.name, result, flags);
      }
    }
  } finally {
    await source.close();
  }
}

async function resultOrError(
  entry: SourceEntry,
  classifyOne: Classify,
): Promise<ImageClassification | BatchProcessingError> {
  try {
    return await classifyOne(entry);
  } catch (error) {
    if (isFileFailure(error)) return error;
    throw error;
  }
}

function sayResult(
  input: string,
  page: string,
  { type, confidence, metrics, ambiguous }: ImageClassification,
  { json, several }: Flags,
): void {
  if (json) {
    say({
      type: "classification",
      input,
      page,
      imageType: type,
      confidence,
      metrics,
      ...(ambiguous === undefined ? {} : { ambiguous }),
    });
    return;
  }
  const { saturation, colorCount, edgeDensity } = metrics;
  process.stdout.write(
    `${row(`${type === "line_art" ? "line art" : "coloured"}${ambiguous === true ? "?" : ""}`, `${Math.round(confidence * 100)}%`, saturation.toFixed(3), String(colorCount), edgeDensity.toFixed(3), oneLine(several && basename(input) !== page ? `${input}/${page}` : page))}\n`,
  );
}

function sayFailed(input: string, page: string, error: BatchProcessingError, json: boolean): void {
  if (json) say({ type: "classification-failed", input, page, code: error.code, message: messageOf(error) });
  else
    process.stderr.write(
      `${painter(wantsColor(process.stderr, process.env))("red", "failed:")} ${oneLine(error instanceof ImageProcessingError ? messageOf(error) : `${page}: ${messageOf(error)}`)} [${error.code}]\n`,
    );
}

function say(line: Parameters<typeof toJsonLine>[0]): void {
  process.stdout.write(toJsonLine(line));
}

/** The picture's name last: it may be of any length. */
function row(type: string, sure: string, saturation: string, colors: string, edges: string, picture: string): string {
  return `${type.padEnd(9)} ${sure.padStart(4)} ${saturation.padStart(11)} ${colors.padStart(8)} ${edges.padStart(7)}  ${picture}`;
}
