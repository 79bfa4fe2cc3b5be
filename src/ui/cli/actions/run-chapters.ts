/** Several chapters one after the other with one engine: a report for each, one summary, the exit code of the worst. */
import { Engine } from "../../../colorization/engine.js";
import type { EngineOptions } from "../../../colorization/engine-options.js";
import { toJsonLine } from "../../../core/json-lines.js";
import { keepReferences, type ReferenceKeeper } from "../../../core/keep-references.js";
import type { MetricsFlags } from "../flags/metrics-flags.js";
import type { RunFlags } from "../flags/run-flags.js";
import { listenForSignals } from "../interrupt.js";
import { exitCodeFor, worstExitCode } from "../output/exit-codes.js";
import { printError } from "../output/report-errors.js";
import { count, duration, oneLine } from "../output/terminal-text.js";
import { messageOf } from "../../../errors.js";
import {
  newReporter,
  runReported,
  sayStopped,
  type OpenEngine,
  type BatchEnd,
  type NothingToDo,
  type PreparedBatch,
} from "./run-batch.js";
import { startTelemetry, type Telemetry } from "../telemetry.js";
import { startLogging } from "./start-logging.js";

/** One of the chapters. */
export interface Chapter {
  /** As it was named. */
  readonly input: string;
  /** @param stop aborted by the first signal */
  prepare(stop: AbortSignal): Promise<PreparedBatch | NothingToDo>;
}

/** Colours chapters in order. One that cannot be coloured does not stop the others. @returns the exit code */
export async function runChapters(
  flags: RunFlags & MetricsFlags,
  list: (stop: AbortSignal) => Promise<readonly Chapter[]>,
): Promise<number> {
  const interrupt = listenForSignals(flags.drain * 1000);
  const startedMs = performance.now();
  let watch: Telemetry | undefined;
  let opened: Engine | undefined;
  let kept: ReferenceKeeper<Engine> | undefined;
  try {
    startLogging(flags);
    watch = await startTelemetry(flags);
    const chapters = await list(interrupt.drain);
    const ends: BatchEnd[] = [];
    for (const [index, { input, prepare }] of chapters.entries()) {
      if (interrupt.drain.aborted) break;
      const reporter = newReporter(flags);
      reporter.note(`chapter ${index + 1} of ${chapters.length}: ${input}`);
      const open = async (options: EngineOptions): Promise<OpenEngine> => {
        if (opened === undefined) {
          opened = await Engine.open(options); // the same for all: they share flags and configuration file
          watch?.engine(opened);
        }
        kept ??= keepReferences(opened);
        return kept.engine;
      };
      ends.push(await runReported({ flags, reporter, interrupt, engine: open }, () => prepare(interrupt.drain)));
    }
    sayHowItWent(chapters, ends, performance.now() - startedMs, flags);
    return interrupt.exitCode ?? worstExitCode(ends.map(({ exitCode }) => exitCode));
  } catch (error) {
    if (interrupt.isStop(error)) return sayStopped(interrupt.exitCode!);
    printError(error, Boolean(flags.json));
    return exitCodeFor(error);
  } finally {
    kept?.[Symbol.dispose]();
    await watch?.[Symbol.asyncDispose]();
    await opened?.close();
    interrupt.stop();
  }
}

function sayHowItWent(
  chapters: readonly Chapter[],
  ends: readonly BatchEnd[],
  elapsedMs: number,
  { json, quiet }: RunFlags,
): void {
  const sum = (key: "total" | "completed" | "failed" | "unfinished"): number =>
    ends.reduce((all, { summary }) => all + (summary?.[key] ?? 0), 0);
  const pages = {
    total: sum("total"),
    completed: sum("completed"),
    failed: sum("failed"),
    unfinished: sum("unfinished"),
  };
  const faults = ends.flatMap(({ exitCode, error, summary }, index) => {
    if (exitCode === 0) return [];
    const { input } = chapters[index]!;
    const message =
      error === undefined ? `${summary?.failed ?? 0} failed, ${summary?.unfinished ?? 0} unfinished` : messageOf(error);
    return [{ input, exitCode, message }];
  });
  const done = ends.filter(({ exitCode }) => exitCode === 0).length;
  if (json === true) {
    process.stdout.write(
      toJsonLine({
        type: "chapters-completed",
        chapters: chapters.length,
        completed: done,
        notBegun: chapters.length - ends.length,
        pages,
        elapsedMs,
        faults,
      }),
    );
    return;
  }
  if (quiet === true) return;
  const notBegun = chapters.length - ends.length;
  const lines = [
    `${done} of ${count(chapters.length, "chapter")} done${notBegun > 0 ? `, ${notBegun} not begun` : ""}: ${pages.completed} of ${count(pages.total, "page")} coloured in ${duration(elapsedMs)}`,
    ...faults.map(({ input, message }) => `  ${oneLine(input)}: ${oneLine(message)}`),
  ];
  process.stderr.write(`${lines.join("\n")}\n`);
}
