/**
 * Tells a person or a machine how a batch goes: a progress line on a terminal, a line a page where standard error is
 * piped, NDJSON on standard output with `--json`. Results go to standard output, everything else to standard error.
 */
import type { BatchEvent, BatchEventBody, BatchSummary } from "../../../core/events.js";
import { toJsonLine } from "../../../core/json-lines.js";
import { Estimate } from "./estimate.js";
import { previewLines, previewPictures, quoted, summaryLines } from "./summary.js";
import { count, duration, fitWidth, oneLine, painter, roughly, wantsColor, type Paint } from "./terminal-text.js";

export interface ReporterOptions {
  json: boolean;
  quiet: boolean;
  /** Whether log lines go to standard error too: then there is no progress line, which they would break into. */
  logs?: boolean;
  /** Standard output and error, and whether they are terminals. */
  out: { write(text: string): unknown; isTTY?: boolean };
  err: { write(text: string): unknown; isTTY?: boolean; columns?: number };
  /** `NO_COLOR`, `FORCE_COLOR`, `TERM`. */
  env: Readonly<Record<string, string | undefined>>;
  /** Milliseconds. Default: the process's clock. */
  now?: () => number;
}

/** How often the progress line is drawn anew while nothing happens. */
const REDRAW_MS = 1000;

/** Prints batch events. Call `onEvent` with each event in order, and `stop` at the end, whatever the end is. */
export class Reporter {
  readonly #options: ReporterOptions;
  readonly #live: boolean;
  readonly #paint: Paint;
  readonly #now: () => number;
  readonly #estimate = new Estimate();
  #redraw: NodeJS.Timeout | undefined;
  #kept = 0;
  #lineShown = false;
  /** Where `failures.json` is written, for the summary. */
  failuresFile: string | undefined;
  /** Only single pages are done, so that others may be left in the end. */
  single = false;

  constructor(options: ReporterOptions) {
    this.#options = options;
    this.#live =
      Boolean(options.err.isTTY) &&
      options.env["TERM"] !== "dumb" &&
      !options.json &&
      !options.quiet &&
      options.logs !== true;
    this.#paint = painter(wantsColor(options.err, options.env));
    this.#now = options.now ?? (() => performance.now());
  }

  onEvent(event: BatchEvent | BatchEventBody): void {
    if (this.#options.json) {
      this.#options.out.write(toJsonLine(event));
      return;
    }
    this.#estimate.onEvent(event, this.#now());
    switch (event.type) {
      case "batch-started":
        this.#say(
          `colouring ${count(event.pages, "page")} with ${count(event.references.length, "reference")} (${named(event.references)}), model ${event.model} on ${event.provider}`,
        );
        this.#start();
        break;
      case "warning":
        this.#say(`${this.#paint("yellow", "warning:")} ${oneLine(event.message)}`);
        break;
      case "page-completed":
        if (event.kept === true) this.#kept++;
        if (!this.#live)
          this.#say(
            `[${this.#estimate.finished}/${this.#estimate.total}] ${oneLine(event.page)} -> ${oneLine(event.output)} (${event.kept ? "done before" : duration(event.elapsedMs)})`,
          );
        break;
      case "page-failed":
        this.#print(
          `${this.#paint("red", "failed:")} ${oneLine(event.page)}: ${oneLine(event.message)} [${event.code}]`,
        );
        break;
      case "batch-paused":
      case "batch-resumed":
        this.#say(event.type.replace("batch-", ""));
        break;
      case "preview-ready":
        this.stop(); // the line would stand in the question's place
        return;
      case "preview-approved":
      case "preview-rejected":
        this.#start();
        this.#say(
          `the preview is ${event.type.replace("preview-", "")}${Object.keys(event.settings).length > 0 ? ` with ${JSON.stringify(event.settings)}` : ""}`,
        );
        break;
      case "batch-stopped":
        this.stop();
        if (event.preview !== undefined) {
          for (const line of previewLines(event.preview, event.output, this.#paint)) this.#say(line);
          for (const path of previewPictures(event.preview)) this.#options.out.write(`${path}\n`);
          return;
        }
        if (this.single)
          this.#say(
            `${event.completed} of ${count(event.total, "page")} coloured; cobra-batch retry ${quoted(event.output)} does the others`,
          );
        else
          this.#say(
            `stopped: ${event.completed} of ${count(event.total, "page")} coloured; run the same command again to go on`,
          );
        return;
      case "batch-completed":
        this.stop();
        this.#finish(event);
        return;
      default:
    }
    this.#showLine();
  }

  /** A line for people that is no event. */
  note(text: string): void {
    if (!this.#options.json) this.#say(oneLine(text));
  }

  #start(): void {
    if (this.#live) this.#redraw ??= setInterval(() => this.#showLine(), REDRAW_MS).unref();
  }

  /** Takes the progress line away. */
  stop(): void {
    clearInterval(this.#redraw);
    this.#redraw = undefined;
    this.#clearLine();
  }

  #finish(event: BatchSummary): void {
    for (const line of summaryLines(event, { kept: this.#kept, failuresFile: this.failuresFile, paint: this.#paint }))
      this.#say(line);
    const { out, quiet } = this.#options;
    if (event.completed > 0 && (quiet || !out.isTTY)) out.write(`${event.output}\n`); // on a terminal the summary has just said it
  }

  /** A line that `--quiet` hides. */
  #say(text: string): void {
    if (!this.#options.quiet) this.#print(text);
  }

  #print(text: string): void {
    this.#clearLine();
    this.#options.err.write(`${text}\n`);
  }

  #showLine(): void {
    if (this.#redraw === undefined) return;
    const { total, finished, page } = this.#estimate;
    const now = this.#now();
    const batchLeftMs = this.#estimate.batchLeftMs(now);
    const pageLeftMs = this.#estimate.pageLeftMs(now);
    const left = batchLeftMs === undefined ? "" : `, about ${roughly(batchLeftMs)} left`;
    const step = page?.step === undefined ? "" : ` ${page.step}/${page.steps}`;
    const pageLeft = pageLeftMs === undefined ? "" : `, ${roughly(pageLeftMs)}`;
    const current = page === undefined ? "" : ` | ${page.stage}${step}${pageLeft}: ${oneLine(page.page)}`; // the name last: it is what may be cut
    this.#options.err.write(
      `\r\u001b[2K${fitWidth(`${finished}/${total} pages${left}${current}`, (this.#options.err.columns || 80) - 1)}`,
    );
    this.#lineShown = true;
  }

  #clearLine(): void {
    if (this.#lineShown) this.#options.err.write("\r\u001b[2K");
    this.#lineShown = false;
  }
}

/** The first few of many names. */
function named(names: readonly string[]): string {
  const shown = names.slice(0, 4).map(oneLine).join(", ");
  return names.length > 4 ? `${shown} and ${names.length - 4} more` : shown;
}
