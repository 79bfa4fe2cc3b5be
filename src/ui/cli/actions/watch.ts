/** `cobra-batch watch`: colours what appears in a folder, one chapter after the other with one engine. */
import { resolve } from "node:path";
import { Engine } from "../../../colorization/engine.js";
import { toJsonLine } from "../../../core/json-lines.js";
import { ConfigurationError, messageOf } from "../../../errors.js";
import { findRun } from "../../../core/journal/find-run.js";
import { keepReferences, type ReferenceKeeper } from "../../../core/keep-references.js";
import { ownOutput } from "../../../farm/watch/chapter-output.js";
import { readyChapters, type ReadyChapter } from "../../../farm/watch/hot-folder.js";
import { makeFolder } from "../../../io/files/make-folder.js";
import { isSameFolder } from "../../../io/files/real-path.js";
import type { WatchFlags } from "../commands/watch-command.js";
import { flagFaults } from "../flags/flag-values.js";
import { engineOptions } from "../flags/run-flags.js";
import { listenForSignals } from "../interrupt.js";
import { exitCodeFor } from "../output/exit-codes.js";
import { ChapterReporter, type Said } from "../output/chapter-reporter.js";
import { printError } from "../output/report-errors.js";
import { configError } from "../../../config/batch-config.js";
import type { Reporter } from "../output/reporter.js";
import { oneLine } from "../output/terminal-text.js";
import { startTelemetry, type Telemetry } from "../telemetry.js";
import { prepare } from "./colorize.js";
import {
  newReporter,
  runReported,
  sayStopped,
  type NothingToDo,
  type OpenEngine,
  type PreparedBatch,
} from "./run-batch.js";
import { readEngineFile } from "./config-file.js";
import { resumeMoves, sayFailed, sayNoChapter, settle } from "./settle-chapter.js";
import { startLogging } from "./start-logging.js";
import { isFolder } from "../../../platform/folders.js";

/** Colours chapters until a signal. @returns the exit code */
export async function watch(given: string | undefined, flags: WatchFlags): Promise<number> {
  const interrupt = listenForSignals(flags.drain * 1000);
  let watched: Telemetry | undefined;
  let opened: Engine | undefined;
  let kept: ReferenceKeeper<Engine> | undefined;
  try {
    startLogging(flags);
    const folder = await checkedFolder(given, flags);
    const { done, failed } = flags;
    watched = await startTelemetry(flags);
    const own = [flags["outputDir"] as string, done, failed].flatMap((one) =>
      one === undefined ? [] : [resolve(one)],
    );
    // Now, not with the first chapter: a wrong model or device is no chapter's fault.
    opened = await Engine.open(engineOptions(flags, (await readEngineFile(flags.config, interrupt.drain)).engine));
    await opened.provider(opened.styles[0]!);
    watched.engine(opened);
    kept = keepReferences(opened);
    const { engine: keeping } = kept;
    await resumeMoves(folder, flags);
    const said: Said = new Set();
    const chapters = readyChapters({
      folder,
      everyMs: flags.every * 1000,
      quietMs: flags.quietFor * 1000,
      except: own,
      signal: interrupt.drain,
      onOther: (path, what) => sayNoChapter(path, what, flags),
      onFault: (error) => process.stderr.write(`${oneLine(folder)} cannot be read: ${oneLine(messageOf(error))}\n`),
    });
    sayStarted(folder, flags);
    /** By chapter, outputs whose previews wait for a decision, and what the chapter was then. */
    const previews = new Map<string, { output: string; state: string }>();
    for await (const chapter of chapters) {
      const shown = previews.get(chapter.path);
      if (shown?.state === chapter.state && (await previewWaits(shown.output))) {
        chapter.tryLater();
        continue;
      }
      const engine = async (): Promise<OpenEngine> => keeping;
      const onError = (error: unknown): void => sayFailed(chapter, error, flags);
      const reporter = chapterReporter(chapter, flags, said);
      let number = 0;
      const end = await runReported({ flags, reporter, interrupt, engine, onError }, async () => {
        const prepared = await prepareChapter(chapter, flags, interrupt.drain);
        ({ number } = prepared);
        return prepared.batch;
      });
      if (interrupt.exitCode !== undefined && end.exitCode === interrupt.exitCode) break;
      if (end.summary?.preview !== undefined)
        previews.set(chapter.path, { output: end.summary.output, state: chapter.state });
      await settle(chapter, end, number, flags);
    }
    return interrupt.exitCode!;
  } catch (error) {
    if (interrupt.isStop(error)) return sayStopped(interrupt.exitCode!);
    printError(error, Boolean(flags.json));
    return interrupt.exitCode ?? exitCodeFor(error);
  } finally {
    kept?.[Symbol.dispose]();
    await watched?.[Symbol.asyncDispose]();
    await opened?.close();
    interrupt.stop();
  }
}

/** @throws ConfigurationError `ERR_CONFIG`; ResourceError `ERR_OUTPUT_WRITE` for a folder that cannot be made */
async function checkedFolder(given: string | undefined, flags: WatchFlags): Promise<string> {
  const faults = flagFaults(flags);
  if (faults.length > 0) throw configError(faults);
  if (given === undefined || !(await isFolder(given)))
    throw new ConfigurationError(
      "ERR_CONFIG",
      `${given === undefined ? "no folder is named" : `there is no folder ${given}`}`,
      { remedy: "name the one to watch, such as: cobra-batch watch incoming --output-dir coloured" },
    );
  const output: unknown = flags["outputDir"];
  if (typeof output !== "string")
    throw new ConfigurationError("ERR_CONFIG", "no folder for results is named", {
      remedy: "name one with --output-dir",
    });
  for (const other of [output, flags.done, flags.failed])
    if (other !== undefined && (await isSameFolder(given, other)))
      throw new ConfigurationError(
        "ERR_CONFIG",
        `${other} is the folder that is watched; its results would be taken for chapters, so choose another`,
      );
  for (const other of [output, flags.done, flags.failed]) if (other !== undefined) await makeFolder(other);
  return resolve(given);
}

/** Whether nobody has decided about a preview yet; a command that has holds the output until it ends. */
async function previewWaits(output: string): Promise<boolean> {
  const run = await findRun(output).catch(() => undefined);
  return run?.history.preview?.state === "waiting";
}

/** The batch of a chapter, and the number of its name in the output. */
async function prepareChapter(
  chapter: ReadyChapter,
  flags: WatchFlags,
  stop: AbortSignal,
): Promise<{ batch: PreparedBatch | NothingToDo; number: number }> {
  // A single page lies directly in the folder of results.
  const batch = await prepare(chapter.path, flags, chapter.kind !== "picture", stop);
  if ("nothing" in batch) return { batch, number: 0 };
  const { number, paths, openInput, pageName, notice } = await ownOutput(chapter, batch.config);
  if (notice === undefined) return { batch, number };
  const { pageConfig } = batch.options ?? {};
  const options = {
    ...batch.options,
    ...(openInput && { openInput }),
    ...(pageConfig && pageName !== undefined && { pageConfig: () => pageConfig(pageName) }),
  };
  const warnings = [...(batch.warnings ?? []), { message: notice }];
  return { batch: { ...batch, config: { ...batch.config, ...paths }, options, warnings }, number };
}

/** Events for programs; people get one line a chapter, and what they should know of it. */
function chapterReporter({ path }: ReadyChapter, flags: WatchFlags, said: Said): Reporter {
  if (flags.json === true) return newReporter(flags);
  return new ChapterReporter(path, { said, quiet: flags.quiet === true, err: process.stderr });
}

/** Says what is watched and where things go. */
function sayStarted(folder: string, { outputDir, done, failed, every, json, quiet }: WatchFlags): void {
  const output = resolve(outputDir as string);
  const places = {
    ...(done === undefined ? {} : { done: resolve(done) }),
    ...(failed === undefined ? {} : { failed: resolve(failed) }),
  };
  if (json === true) {
    process.stdout.write(toJsonLine({ type: "watching", folder, output, ...places }));
    return;
  }
  if (quiet === true) return;
  const parts = [
    `watching ${folder} every ${every} s`,
    `results go to ${output}`,
    ...(places.done === undefined ? [] : [`chapters that are done to ${places.done}`]),
    ...(places.failed === undefined ? [] : [`chapters with failed pages to ${places.failed}`]),
  ];
  process.stderr.write(`${parts.map(oneLine).join(", ")}\n`);
}
