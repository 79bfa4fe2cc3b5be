/** Reports one chapter of many that come by themselves: only what people should know of it, each line with its name. */
import { basename } from "node:path";
import type { BatchEvent, BatchEventBody } from "../../../core/events.js";
import { withRemedy } from "../../../errors/facts.js";
import { Reporter, type ReporterOptions } from "./reporter.js";
import { asStarted } from "./program-name.js";
import { oneLine } from "./terminal-text.js";

/** Warnings about settings that were said of an earlier chapter. */
export type Said = Set<string>;

const NOWHERE = { write: () => true };

/** Warnings and failed pages of a chapter, on standard error. */
export class ChapterReporter extends Reporter {
  readonly #name: string;
  readonly #said: Said;
  readonly #quiet: boolean;
  readonly #err: ReporterOptions["err"];
  #begun = false;

  /** @param path of the chapter */
  constructor(path: string, { said, quiet, err }: { said: Said } & Pick<ReporterOptions, "quiet" | "err">) {
    super({ json: false, quiet: true, out: NOWHERE, err: NOWHERE, env: process.env });
    this.#name = basename(path);
    this.#said = said;
    this.#quiet = quiet;
    this.#err = err;
  }

  override onEvent(event: BatchEvent | BatchEventBody): void {
    super.onEvent(event);
    if (event.type === "batch-started") this.#begun = true;
    if (event.type === "warning") this.#warn(withRemedy(event.message, event.remedy));
    if (event.type === "page-failed") this.#say(`failed: ${event.page}: ${event.message} [${event.code}]`);
  }

  /** What is said before the batch begins is mostly about the settings, and then the same for each chapter. */
  #warn(text: string): void {
    if (this.#quiet || (!this.#begun && this.#said.has(text))) return;
    if (!this.#begun) this.#said.add(text);
    this.#say(`warning: ${text}`);
  }

  #say(text: string): void {
    this.#err.write(`${asStarted(oneLine(`${this.#name}: ${text}`))}\n`);
  }
}
