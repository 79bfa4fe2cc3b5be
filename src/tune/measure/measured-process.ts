/** A measured process as the tuner holds it. */
import { fork, type ChildProcess } from "node:child_process";
import { onAbort } from "../../concurrency/on-abort.js";
import type { EngineSettings } from "../../config/engine-settings.js";
import { BatchProcessingError, type ErrorCode, ERROR_TABLE, makeError, ResourceError } from "../../errors.js";
import { packagePath } from "../../platform/package-files.js";
import type { Answer, Automatic, OpenedModel, Order, RunOrder } from "./protocol.js";
import type { Sample, Span } from "./sample.js";

const CHILD = packagePath("dist/tune/measure/child.js");
/** The end of what a process wrote to standard error, kept for the message if it dies. */
const KEPT_TEXT = 2000;

/** An engine in a process of its own. End it with `close`. */
export class MeasuredProcess {
  readonly model: OpenedModel;
  readonly provider: string;
  readonly automatic: Automatic;
  readonly #talk: Talk;

  private constructor(talk: Talk, { model, provider, automatic }: Extract<Answer, { type: "opened" }>) {
    this.#talk = talk;
    this.model = model;
    this.provider = provider;
    this.automatic = automatic;
  }

  /** Starts a process and opens its engine. Rejects with the engine's error. */
  static async open(engine: EngineSettings, signal: AbortSignal): Promise<MeasuredProcess> {
    const talk = new Talk(signal);
    try {
      const opened = await talk.ask({ type: "open", engine });
      if (opened.type !== "opened") throw unexpected(opened);
      return new MeasuredProcess(talk, opened);
    } catch (error) {
      talk.end();
      throw error;
    }
  }

  /** Runs and measures a batch. Rejects with the batch's error, and the signal's reason. */
  async run(order: RunOrder): Promise<{ sample: Sample; spans: readonly Span[] }> {
    const measured = await this.#talk.ask({ type: "run", ...order });
    if (measured.type !== "measured") throw unexpected(measured);
    return measured;
  }

  /** Ends the process. */
  close(): Promise<void> {
    return this.#talk.end();
  }
}

function unexpected({ type }: Answer): BatchProcessingError {
  return new BatchProcessingError("ERR_INTERNAL", `a measured process answers "${type}" to another question`);
}

/** One question at a time, and its answer. */
class Talk {
  readonly #child: ChildProcess;
  readonly #signal: AbortSignal;
  readonly #ended: Promise<void>;
  #text = "";
  #settle: ((answer: Answer | Error) => void) | undefined;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    this.#child = fork(CHILD, { stdio: ["ignore", "ignore", "pipe", "ipc"] });
    this.#child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.#text = (this.#text + text).slice(-KEPT_TEXT);
    });
    this.#child.on("message", (answer: Answer) => this.#settle?.(answer));
    this.#child.on("error", (error) => this.#settle?.(error));
    this.#ended = new Promise((resolve) => {
      this.#child.on("close", (code, killedBy) => {
        const how = killedBy === null ? `exit code ${code}` : killedBy;
        this.#settle?.(
          new ResourceError("ERR_OUT_OF_MEMORY", `a measured process ended with ${how}${lastLine(this.#text)}`),
        );
        resolve();
      });
    });
  }

  ask(order: Order): Promise<Extract<Answer, { type: "opened" | "measured" }>> {
    return new Promise((resolve, reject) => {
      const end = (): void => this.#settle?.(this.#signal.reason as Error);
      this.#settle = (answer) => {
        this.#settle = undefined;
        forget();
        if (answer instanceof Error) reject(answer);
        else if (answer.type === "failed") reject(makeError(codeOf(answer.code), answer.message));
        else resolve(answer);
      };
      const forget = onAbort(this.#signal, end);
      if (this.#signal.aborted) return end();
      this.#child.send(order, (error) => error && this.#settle?.(error));
    });
  }

  end(): Promise<void> {
    this.#child.kill("SIGKILL");
    return this.#ended;
  }
}

function codeOf(code: string): ErrorCode {
  return code in ERROR_TABLE ? (code as ErrorCode) : "ERR_INTERNAL";
}

function lastLine(text: string): string {
  const last = text.trim().split("\n").at(-1);
  return last ? `: ${last}` : "";
}
