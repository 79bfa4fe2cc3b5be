/**
 * Tells a person or a machine how a batch goes: a progress line on a terminal, a line a page where standard error is
 * piped, NDJSON on standard output with `--json`. Results go to standard output, everything else to standard error.
 */
import type { BatchEventBody, BatchSummary } from "../../core/events.js";

export interface ReporterOptions {
  json: boolean;
  quiet: boolean;
  /** Standard output and error, and whether error is a terminal. */
  out: { write(text: string): unknown };
  err: { write(text: string): unknown; isTTY?: boolean; columns?: number };
}

/** Prints batch events. Call it with each event in order. */
export class Reporter {
  readonly #options: ReporterOptions;
  readonly #live: boolean;
  readonly #inFlight = new Map<number, string>();
  #total = 0;
  #done = 0;
  #failed = 0;
  #startedMs = performance.now();
  #lineShown = false;

  constructor(options: ReporterOptions) {
    this.#options = options;
    this.#live = Boolean(options.err.isTTY) && !options.json && !options.quiet;
  }

  onEvent(event: BatchEventBody): void {
    if (this.#options.json) {
      this.#options.out.write(`${JSON.stringify(event)}\n`);
      return;
    }
    switch (event.type) {
      case "batch-started":
        this.#total = event.pages;
        this.#startedMs = performance.now();
        this.#say(`colouring ${count(event.pages, "page")} with ${count(event.references.length, "reference")} (${event.references.join(", ")}), model ${event.model} on ${event.provider}`);
        break;
      case "warning":
        this.#say(`warning: ${event.message}`);
        break;
      case "page-started":
        this.#inFlight.set(event.index, `${event.page}: reading`);
        break;
      case "page-stage":
        this.#inFlight.set(event.index, `${event.page}: ${event.stage}${event.step ? ` ${event.step}/${event.steps}` : ""}`);
        break;
      case "page-completed":
        this.#inFlight.delete(event.index);
        this.#done++;
        if (!this.#live) this.#say(`[${this.#done + this.#failed}/${this.#total}] ${event.page} -> ${event.output} (${event.kept ? "done before" : seconds(event.elapsedMs)})`);
        break;
      case "page-failed":
        this.#inFlight.delete(event.index);
        this.#failed++;
        this.#print(`failed: ${event.page}: ${event.message} [${event.code}]`);
        break;
      case "batch-stopped":
        this.#say(`stopped: ${event.completed} of ${count(event.total, "page")} coloured; run the same command again to go on`);
        return;
      case "batch-completed":
        this.#clearLine();
        this.#finish(event);
        return;
    }
    this.#showLine();
  }

  #finish(event: BatchSummary): void {
    const failed = event.failed > 0 ? `, ${event.failed} failed` : "";
    this.#say(`${event.completed} of ${count(event.total, "page")} coloured${failed} in ${seconds(event.elapsedMs)}`);
    if (event.completed > 0) this.#options.out.write(`${event.output}\n`);
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
    if (!this.#live || this.#total === 0) return;
    const finished = this.#done + this.#failed;
    const elapsedMs = performance.now() - this.#startedMs;
    const eta = finished > 0 && finished < this.#total ? `, about ${seconds((elapsedMs / finished) * (this.#total - finished))} left` : "";
    const current = [...this.#inFlight.values()][0];
    const text = `${finished}/${this.#total} pages${eta}${current ? `  ${current}` : ""}`;
    this.#options.err.write(`\r\u001b[2K${text.slice(0, (this.#options.err.columns || 80) - 1)}`);
    this.#lineShown = true;
  }

  #clearLine(): void {
    if (this.#lineShown) this.#options.err.write("\r\u001b[2K");
    this.#lineShown = false;
  }
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

function seconds(ms: number): string {
  if (ms < 90_000) return `${(ms / 1000).toFixed(1)} s`;
  const minutes = Math.round(ms / 60_000);
  return minutes < 90 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`;
}
