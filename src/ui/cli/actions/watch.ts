/** `cobra-batch watch`: colours what appears in a folder, one chapter after the other with one engine. */
import { cp, rename } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { Engine } from "../../../colorization/engine.js";
import { toJsonLine } from "../../../core/json-lines.js";
import { BatchProcessingError, ConfigurationError, messageOf, systemCode } from "../../../errors.js";
import { keepReferences, type ReferenceKeeper } from "../../../core/keep-references.js";
import { readyChapters, type ReadyChapter } from "../../../farm/watch/hot-folder.js";
import { exists } from "../../../io/files/exists.js";
import { makeFolder } from "../../../io/files/make-folder.js";
import { isSameFolder } from "../../../io/files/real-path.js";
import { removeTree } from "../../../io/files/remove-tree.js";
import { numberedName } from "../../../io/names/output-names.js";
import type { WatchFlags } from "../commands/watch-command.js";
import { flagFaults } from "../flags/flag-values.js";
import { engineOptions } from "../flags/run-flags.js";
import { listenForSignals } from "../interrupt.js";
import { exitCodeFor } from "../output/exit-codes.js";
import { asStarted } from "../output/program-name.js";
import { printError } from "../output/report-errors.js";
import { configError } from "../../../config/batch-config.js";
import { Reporter } from "../output/reporter.js";
import { count, duration, oneLine } from "../output/terminal-text.js";
import { startTelemetry, type Telemetry } from "../telemetry.js";
import { prepare } from "./colorize.js";
import {
  newReporter,
  runReported,
  type BatchEnd,
  type NothingToDo,
  type OpenEngine,
  type PreparedBatch,
} from "./run-batch.js";
import { readEngineFile } from "./gather-settings.js";
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
    opened = await Engine.open(engineOptions(flags, (await readEngineFile(flags.config)).engine));
    await opened.provider(opened.styles[0]!);
    watched.engine(opened);
    kept = keepReferences(opened);
    const { engine: keeping } = kept;
    const chapters = readyChapters({
      folder,
      everyMs: flags.every * 1000,
      quietMs: flags.quietFor * 1000,
      except: own,
      signal: interrupt.drain,
      onFault: (error) => process.stderr.write(`${oneLine(folder)} cannot be read: ${oneLine(messageOf(error))}\n`),
    });
    sayStarted(folder, flags);
    for await (const chapter of chapters) {
      const engine = async (): Promise<OpenEngine> => keeping;
      const onError = (error: unknown): void => sayFailed(chapter, error, flags);
      const end = await runReported({ flags, reporter: quietReporter(flags), interrupt, engine, onError }, () =>
        prepareChapter(chapter, flags),
      );
      if (interrupt.exitCode !== undefined && end.exitCode === interrupt.exitCode) break;
      await settle(chapter, end, flags);
    }
    return interrupt.exitCode!;
  } catch (error) {
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

async function prepareChapter({ path, kind }: ReadyChapter, flags: WatchFlags): Promise<PreparedBatch | NothingToDo> {
  // A single page lies directly in the folder of results.
  return prepare(path, flags, kind !== "picture");
}

/** Events for programs; people get one line a chapter. */
function quietReporter(flags: WatchFlags): Reporter {
  if (flags.json === true) return newReporter(flags);
  const nowhere = { write: () => true };
  return new Reporter({ json: false, quiet: true, out: nowhere, err: nowhere, env: process.env });
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

/** Says why a chapter could not be coloured at all. */
function sayFailed({ path }: ReadyChapter, error: unknown, { json }: WatchFlags): void {
  if (json !== true) {
    const code = error instanceof BatchProcessingError ? error.code : "ERR_INTERNAL";
    const text = `${basename(path)}: failed: ${asStarted(messageOf(error))}`;
    process.stderr.write(`${oneLine(text)} [${code}]\n`);
    return;
  }
  const { code, remedy } =
    error instanceof BatchProcessingError ? error : new BatchProcessingError("ERR_INTERNAL", messageOf(error));
  const message = error instanceof Error ? error.message : String(error);
  process.stdout.write(toJsonLine({ type: "chapter-failed", input: path, code, message, remedy: asStarted(remedy) }));
}

/** Says how a chapter went, and moves it out of the way. */
async function settle({ path }: ReadyChapter, end: BatchEnd, { json, done, failed }: WatchFlags): Promise<void> {
  const { exitCode, summary } = end;
  const target = exitCode === 0 ? done : exitCode === 75 ? undefined : failed;
  if (json !== true && summary !== undefined) {
    const faults = summary.failed > 0 ? `, ${summary.failed} failed` : "";
    const how = `${summary.completed} of ${count(summary.total, "page")} in ${duration(summary.elapsedMs)}${faults}`;
    process.stdout.write(`${oneLine(basename(path))}: ${how} -> ${oneLine(summary.output)}\n`);
  }
  if (target !== undefined)
    await moveInto(path, target).catch((fault: unknown) => {
      process.stderr.write(
        `${oneLine(path)} cannot be moved to ${oneLine(target)} and stays: ${oneLine(messageOf(fault))}\n`,
      );
    });
}

/** Moves a chapter into a folder, also of another disk, under a free name. */
async function moveInto(path: string, folder: string): Promise<void> {
  await makeFolder(folder);
  let number = 0;
  while (await exists(join(folder, numberedName(basename(path), number)))) number++;
  const target = join(folder, numberedName(basename(path), number));
  await rename(path, target).catch(async (error: unknown) => {
    if (systemCode(error) !== "EXDEV") throw error;
    await cp(path, target, { recursive: true, preserveTimestamps: true });
    await removeTree(path);
  });
}
