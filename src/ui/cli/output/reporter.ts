/**
 * Reports how a batch goes: a progress line on a terminal, a line for each page where standard error is piped, NDJSON
 * on standard output with `--json`. Results go to standard output, everything else to standard error.
 */
import type { BatchEvent, BatchEventBody, BatchSummary, PreviewResult } from "../../../core/events.js";
import { withRemedy } from "../../../errors/facts.js";
import { toJsonLine } from "../../../core/json-lines.js";
import { Estimate } from "../../../core/estimate.js";
import type { OfferedFor, Offers } from "../actions/what-helps.js";
import { asStarted } from "./program-name.js";
import { previewLines, previewPictures, remedyLines, summaryLines } from "./summary.js";
import { bytesText } from "../../../text/bytes-text.js";
import {
  count,
  duration,
  fitWidth,
  oneLine,
  painter,
  quoted,
  roughly,
  wantsColor,
  type Paint,
} from "./terminal-text.js";

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
  /** The words that start this program, for commands in messages. Default: as this process was started. */
  program?: string;
  /** Milliseconds. Default: the process's clock. */
  now?: () => number;
}

/** How often the progress line is redrawn while nothing happens. */
const REDRAW_MS = 1000;
/** Copying that is quicker is not worth a word. */
const COPY_SHOWN_AFTER_MS = 2000;

/** Remedies by error code. */
export type Remedies = Readonly<Partial<Record<string, string>>>;

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
  /** Whether only single pages are done, so that others may be left in the end. */
  single = false;
  /** What to do about failures, in place of the error table's remedies. */
  remedies: Remedies = {};
  /** Settings that change the colours of pages with the model in use, for the summary. Default: what all follow. */
  offers: Offers = (pages = []) => [pages.at(-1)?.ink === "model" ? "ink=page" : "ink=model"];
  /** How failed pages are done again, in place of `cobra-batch retry`. */
  again: string | undefined;
  /** What to do once all pages are coloured, in place of how one is coloured again. */
  next: string | undefined;
  /** The page that was coloured last in this run. */
  #lastPage: string | undefined;
  /** What pages of this run are coloured with. */
  readonly #settings = new Map<string, OfferedFor>();
  /** A large file that is copied when all pages are done, and since when files are. */
  #copying:
    | { readonly file: string; readonly copiedBytes: number; readonly sizeBytes: number; readonly sinceMs: number }
    | undefined;

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

  onEvent(told: BatchEvent | BatchEventBody): void {
    const event = withRemedies(told, this.remedies);
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
        this.#say(`${this.#paint("yellow", "warning:")} ${oneLine(withRemedy(event.message, event.remedy))}`);
        break;
      case "page-completed":
        if (event.kept === true) this.#kept++;
        else this.#lastPage = event.page;
        if (!this.#live)
          this.#say(
            `[${this.#estimate.finished}/${this.#estimate.total}] ${oneLine(event.page)} -> ${oneLine(event.output)} (${event.kept ? "finished earlier" : duration(event.elapsedMs)})`,
          );
        break;
      case "page-started":
        if (event.settings !== undefined) this.#settings.set(event.page, event.settings);
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
      case "file-copying":
        this.#copying = { ...event, sinceMs: this.#copying?.sinceMs ?? this.#now() };
        break;
      case "preview-ready":
        this.stop(); // the line would stand in the question's place
        return;
      case "preview-approved":
      case "preview-rejected":
        this.#start();
        this.#say(
          `preview ${event.type.replace("preview-", "")}${Object.keys(event.settings).length > 0 ? ` with ${oneLine(JSON.stringify(event.settings))}` : ""}`,
        );
        break;
      case "batch-stopped":
        this.stop();
        if (event.preview !== undefined) {
          for (const line of previewLines(event.preview, event.output, this.#offerFor(event.preview), this.#paint))
            this.#say(line);
          for (const path of previewPictures(event.preview)) this.#result(path);
          return;
        }
        this.#say(this.#stoppedText(event));
        if (event.unfinished === 0) for (const line of remedyLines(event, this.#paint)) this.#say(line);
        return;
      case "batch-completed":
        this.stop();
        this.#finish(event);
        return;
      default:
    }
    this.#showLine();
  }

  /** What the pages of a preview were coloured with. */
  settingsOf({ pages, seeds, settings }: PreviewResult): OfferedFor[] {
    const known = this.#settingsOf([...pages, ...(seeds?.pictures ?? [])].map(({ page }) => page));
    return known.length > 0 ? known : [settings];
  }

  #settingsOf(pages: readonly (string | undefined)[]): OfferedFor[] {
    return pages.flatMap((page) => this.#settings.get(page ?? "") ?? []);
  }

  #offerFor(preview: PreviewResult): string {
    return this.offers(this.settingsOf(preview))[0]!;
  }

  /** A line for people that is not an event. */
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
    for (const line of summaryLines(event, {
      kept: this.#kept,
      failuresFile: this.failuresFile,
      lastPage: this.#lastPage,
      example: this.offers(this.#settingsOf([this.#lastPage]))[0]!,
      again: this.again,
      next: this.next,
      paint: this.#paint,
    }))
      this.#say(line);
    const { out, quiet } = this.#options;
    // On a terminal the summary has just said it.
    if (event.completed + (event.inColor ?? 0) > 0 && (quiet || !out.isTTY)) this.#result(event.output);
  }

  #stoppedText({ total, completed, unfinished, output }: BatchSummary & { readonly output: string }): string {
    const done = `${completed} of ${count(total, "page")} coloured`;
    if (this.single && unfinished === 0 && completed === this.#kept)
      return `no page was coloured again; ${oneLine(output)} is as it was`;
    if (this.single) return `${done}; for the others: cobra-batch retry ${quoted(output)}`;
    if (unfinished === 0) return `${done}; ${oneLine(output)} stays as it is`;
    return `stopped: ${done}; run the same command again to continue`;
  }

  /** A path on standard output: as it is for a program, without control characters on a terminal. */
  #result(path: string): void {
    this.#options.out.write(`${this.#options.out.isTTY === true ? oneLine(path) : path}\n`);
  }

  /** A line that `--quiet` hides. */
  #say(text: string): void {
    if (!this.#options.quiet) this.#print(text);
  }

  #print(text: string): void {
    this.#clearLine();
    this.#options.err.write(`${asStarted(text, this.#options.program)}\n`);
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
    const copying = this.#copyText(now);
    const current =
      copying !== "" ? copying : page === undefined ? "" : ` | ${page.stage}${step}${pageLeft}: ${oneLine(page.page)}`; // the name last: it is what may be cut
    this.#options.err.write(
      `\r\u001b[2K${fitWidth(`${finished}/${total} pages${left}${current}`, (this.#options.err.columns || 80) - 1)}`,
    );
    this.#lineShown = true;
  }

  /** How far the copying of a large file is, once it has taken long enough to be noticed. */
  #copyText(now: number): string {
    if (this.#copying === undefined || now - this.#copying.sinceMs < COPY_SHOWN_AFTER_MS) return "";
    const { file, copiedBytes, sizeBytes } = this.#copying;
    return ` | copying ${bytesText(copiedBytes)} of ${bytesText(sizeBytes)}: ${oneLine(file)}`;
  }

  #clearLine(): void {
    if (this.#lineShown) this.#options.err.write("\r\u001b[2K");
    this.#lineShown = false;
  }
}

/** An event with other remedies for its failures. */
function withRemedies(event: BatchEvent | BatchEventBody, remedies: Remedies): BatchEvent | BatchEventBody {
  const better = <F extends { readonly code: string; readonly remedy: string }>(failure: F): F => ({
    ...failure,
    remedy: remedies[failure.code] ?? failure.remedy,
  });
  if (event.type === "page-failed") return better(event);
  return "failures" in event ? { ...event, failures: event.failures.map(better) } : event;
}

/** The first few of many names. */
function named(names: readonly string[]): string {
  const shown = names.slice(0, 4).map(oneLine).join(", ");
  return names.length > 4 ? `${shown} and ${names.length - 4} more` : shown;
}
