/**
 * Shows how an installation goes: one line that is rewritten on a terminal, lines on a pipe, JSON lines for a machine.
 */
import { toJsonLine } from "../../../core/json-lines.js";
import type { BuildProgress } from "../../../convert/build-package.js";
import type { InstallEvent } from "../../../install/install-model.js";
import type { FetchProgress } from "../../../install/fetch/meter.js";
import { bytesText } from "../../../text/bytes-text.js";
import { count, fitWidth, oneLine, roughly } from "./terminal-text.js";

/** A stream as the reporter needs it. */
interface Out {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export interface InstallReporterOptions {
  /** Lines for people. */
  readonly err: Out;
  /** JSON lines go here; undefined: none. */
  readonly json: Out | undefined;
  /** Milliseconds that only rise. */
  readonly now?: () => number;
}

/** The line on a terminal changes this often, JSON lines come this often. */
const REDRAW_MS = 200;
const JSON_MS = 1000;
/** On a pipe, a line after so many percent. */
const STEP_PERCENT = 10;

export class InstallReporter {
  readonly #options: InstallReporterOptions;
  readonly #now: () => number;
  #shownAt = Number.NEGATIVE_INFINITY;
  #percent = 0;
  #part = "";
  #lineShown = false;

  constructor(options: InstallReporterOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  readonly onEvent = (event: InstallEvent): void => {
    switch (event.type) {
      case "found":
        this.say(`${event.model.name}@${event.version}: ${event.model.title}`);
        if (event.fetchBytes !== undefined)
          this.say(`up to ${bytesText(event.fetchBytes)} to fetch, into ${event.directory}`);
        break;
      case "waiting":
        this.warn(event.message);
        break;
      case "checking":
        if (this.#options.err.isTTY === true) this.#showLine(`checking ${oneLine(event.path)}`);
        break;
      case "using":
        this.say(`using ${event.path}`);
        break;
      case "fetching":
        this.#fetching(event.progress);
        break;
      case "retrying":
        this.warn(`${event.message}; trying again in ${roughly(event.waitMs)}`);
        break;
      case "building":
        this.#building(event.progress);
    }
  };

  /** A line for people. */
  say(text: string): void {
    this.stop();
    if (this.#options.json === undefined) this.#options.err.write(`${oneLine(text)}\n`);
  }

  /** What a machine should hear of too. */
  warn(message: string): void {
    this.say(message);
    this.#json({ type: "warning", message });
  }

  /** Takes the progress line away. */
  stop(): void {
    if (this.#lineShown) this.#options.err.write("\r\u001b[2K");
    this.#lineShown = false;
  }

  #fetching(progress: FetchProgress): void {
    const { doneBytes, totalBytes, doneFiles, totalFiles } = progress;
    const isLast = doneFiles === totalFiles;
    const isFirst = this.#shownAt === Number.NEGATIVE_INFINITY;
    const { err, json } = this.#options;
    if (err.isTTY !== true && json === undefined) {
      const percent = totalBytes === undefined ? 0 : Math.floor((100 * doneBytes) / Math.max(1, totalBytes));
      if (isFirst)
        this.say(
          `fetching ${count(totalFiles, "file")}${totalBytes === undefined ? "" : `, ${bytesText(totalBytes)}`}`,
        );
      else if (percent >= this.#percent + STEP_PERCENT && !isLast) this.say(fetchText(progress));
      if (percent >= this.#percent + STEP_PERCENT) this.#percent = percent - (percent % STEP_PERCENT);
      this.#shownAt = this.#now();
      if (isLast) this.say(`fetched ${count(totalFiles, "file")}, ${bytesText(doneBytes)}`);
      return;
    }
    if (!this.#isDue(isLast || isFirst)) return;
    this.#json({ type: "model-fetching", ...progress });
    if (err.isTTY === true) this.#showLine(fetchText(progress));
  }

  #building({ part, doneBytes, totalBytes }: BuildProgress): void {
    const isNew = part !== this.#part;
    this.#part = part;
    if (!this.#isDue(isNew)) return;
    this.#json({ type: "model-building", part, doneBytes, totalBytes });
    const percent = totalBytes === 0 ? 100 : Math.floor((100 * doneBytes) / totalBytes);
    const what = part === "hash" ? "hashing the files" : `writing ${part}`;
    if (this.#options.err.isTTY === true) this.#showLine(part === "hash" ? what : `${what}  ${percent}%`);
    else if (isNew) this.say(what);
  }

  /** Whether it is time to show something again. @param always it is, whenever it was shown last */
  #isDue(always: boolean): boolean {
    const now = this.#now();
    if (!always && now - this.#shownAt < (this.#options.json === undefined ? REDRAW_MS : JSON_MS)) return false;
    this.#shownAt = now;
    return true;
  }

  #json(line: { readonly type: string; readonly [field: string]: unknown }): void {
    this.#options.json?.write(toJsonLine(line));
  }

  #showLine(text: string): void {
    const { err, json } = this.#options;
    if (json !== undefined) return;
    err.write(`\r\u001b[2K${fitWidth(text, (err.columns || 80) - 1)}`);
    this.#lineShown = true;
  }
}

/** One line: files, bytes, rate, what is left. */
function fetchText(progress: FetchProgress): string {
  const { doneBytes, totalBytes, doneFiles, totalFiles, bytesPerSecond, leftMs } = progress;
  const of = totalBytes === undefined ? "" : ` of ${bytesText(totalBytes)}`;
  const percent = totalBytes === undefined ? "" : ` (${Math.floor((100 * doneBytes) / Math.max(1, totalBytes))}%)`;
  const rate = bytesPerSecond === undefined ? "" : `, ${bytesText(bytesPerSecond)}/s`;
  const left = leftMs === undefined ? "" : `, about ${roughly(leftMs)} left`;
  return `fetching ${doneFiles}/${totalFiles} files, ${bytesText(doneBytes)}${of}${percent}${rate}${left}`;
}
