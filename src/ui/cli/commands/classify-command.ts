/** `cobra-batch classify`: tells line art from coloured pictures, with the figures that decide. */
import { basename } from "node:path";
import { Command, Option } from "commander";
import { DEFAULT_THRESHOLDS, type ImageClassification } from "../../../classification/index.js";
import { CLASSIFIERS, type ClassifierName } from "../../../config/batch-config.js";
import { toJsonLine } from "../../../core/json-lines.js";
import { BatchProcessingError, ImageProcessingError } from "../../../errors.js";
import type { SourceEntry } from "../../../io/page-source.js";
import { openPageSource } from "../../../io/open-source.js";
import { TaskPool } from "../../../colorization/tasks/pool.js";
import { mapConcurrent } from "../../../workers/map-concurrent.js";
import type { ClassifyPictureOptions } from "../../../classification/classify-picture.js";
import { EXIT } from "../output/exit-codes.js";
import { decimal } from "../flags/flag-values.js";
import { printError, reportErrors } from "../output/report-errors.js";
import { count, oneLine, painter, wantsColor } from "../output/terminal-text.js";

interface Flags {
  classifier: ClassifierName;
  recursive?: boolean;
  saturation: number;
  colorCount: number;
  edgeDensity: number;
  json?: boolean;
  /** Whether there are several inputs, so that a picture's name alone would not say where it is. */
  several?: boolean;
}

/** The command, ready to be added to the program. */
export function classifyCommand(): Command {
  return new Command("classify")
    .summary("tell line art from coloured pictures, with the figures that decide")
    .description(
      "Says of each picture whether `colorize` takes it for a page to colour (line art) or for a reference (coloured).\n" +
        "A question mark stands where neither is clear. The plain classifier takes a picture for line art when its saturation is low, or when it\n" +
        "has few colours and many edges; where one of its limits is given, it decides.",
    )
    .argument("<input...>", "pictures, folders, ZIP or CBZ archives")
    .option("--recursive", "folders inside folders too")
    .addOption(new Option("--classifier <name>", "how they are told apart").choices(CLASSIFIERS).default("calibrated"))
    .option(
      "--saturation <number>",
      "line art has less mean saturation than this, 0 to 1",
      decimal,
      DEFAULT_THRESHOLDS.saturation,
    )
    .option(
      "--color-count <number>",
      "line art has fewer colours than this, counted at 256x256",
      decimal,
      DEFAULT_THRESHOLDS.colorCount,
    )
    .option(
      "--edge-density <number>",
      "line art has more edge pixels than this part of all, 0 to 1",
      decimal,
      DEFAULT_THRESHOLDS.edgeDensity,
    )
    .option("--json", "one JSON object a line on standard output, for machines; see docs/cli-json.md")
    .addHelpText(
      "after",
      `
Examples:
  cobra-batch classify chapter.cbz
  cobra-batch classify pages/001.png cover.jpg
  cobra-batch classify --recursive pages --saturation 0.2
  cobra-batch classify chapter.cbz --json > types.ndjson

Exit codes: 0 all pictures read, 1 none, 2 some could not be read,
64 wrong flags.`,
    )
    .action((inputs: string[], flags: Flags) =>
      reportErrors(async () => {
        process.exitCode = await classify(inputs, { ...flags, several: inputs.length > 1 });
      }, Boolean(flags.json)),
    );
}

interface Counts {
  line_art: number;
  colored: number;
  failed: number;
}

/** Tells one picture. */
type Tell = (entry: SourceEntry) => Promise<ImageClassification>;

async function classify(inputs: readonly string[], flags: Flags): Promise<number> {
  const { saturation, colorCount, edgeDensity } = flags;
  const limited =
    saturation !== DEFAULT_THRESHOLDS.saturation ||
    colorCount !== DEFAULT_THRESHOLDS.colorCount ||
    edgeDensity !== DEFAULT_THRESHOLDS.edgeDensity;
  const options: ClassifyPictureOptions = {
    decision: limited ? "plain" : flags.classifier,
    thresholds: { saturation, colorCount, edgeDensity },
    withMetrics: true,
  };
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
        if (!(error instanceof BatchProcessingError)) throw error;
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

/** Tells the pictures of an input, as many at once as there are threads, and says them in the input's order. */
async function classifyInput(
  input: string,
  concurrency: number,
  tell: Tell,
  flags: Flags,
  counts: Counts,
): Promise<void> {
  const source = await openPageSource(input, { recursive: Boolean(flags.recursive) });
  try {
    for (const { name, error } of source.faults) {
      counts.failed++;
      sayFailed(input, name, error, Boolean(flags.json));
    }
    const images = source.entries().filter(({ kind }) => kind === "image");
    for await (const { entry, result } of mapConcurrent(
      images,
      async (image) => ({ entry: image, result: await resultOrError(image, tell) }),
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

async function resultOrError(entry: SourceEntry, tell: Tell): Promise<ImageClassification | BatchProcessingError> {
  try {
    return await tell(entry);
  } catch (error) {
    if (error instanceof BatchProcessingError) return error;
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
  if (json) say({ type: "classification-failed", input, page, code: error.code, message: error.message });
  else
    process.stderr.write(
      `${painter(wantsColor(process.stderr, process.env))("red", "failed:")} ${oneLine(error instanceof ImageProcessingError ? error.message : `${page}: ${error.message}`)} [${error.code}]\n`,
    );
}

function say(line: Parameters<typeof toJsonLine>[0]): void {
  process.stdout.write(toJsonLine(line));
}

/** The picture's name last: it may be of any length. */
function row(type: string, sure: string, saturation: string, colors: string, edges: string, picture: string): string {
  return `${type.padEnd(9)} ${sure.padStart(4)} ${saturation.padStart(11)} ${colors.padStart(8)} ${edges.padStart(7)}  ${picture}`;
}
