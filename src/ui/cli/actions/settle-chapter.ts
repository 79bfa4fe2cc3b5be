/** Settles a chapter of `cobra-batch watch` that has ended: says how it went, and moves it out of the way. */
import { basename, resolve } from "node:path";
import { toJsonLine } from "../../../core/json-lines.js";
import { BatchProcessingError, messageOf } from "../../../errors.js";
import type { ReadyChapter } from "../../../farm/watch/hot-folder.js";
import { completeMoves, moveChapter } from "../../../farm/watch/move-chapter.js";
import type { WatchFlags } from "../commands/watch-command.js";
import { EXIT } from "../output/exit-codes.js";
import { asStarted } from "../output/program-name.js";
import { previewPictures } from "../output/summary.js";
import { count, duration, oneLine, quoted } from "../output/terminal-text.js";
import type { BatchEnd } from "./run-batch.js";

/** Why a chapter, or a part of it, is where it is. */
type Reason = "changed" | "not-moved" | "no-chapter" | "preview" | "later";

/** Completes moves that were interrupted when the folder was watched before. */
export async function resumeMoves(folder: string, flags: WatchFlags): Promise<void> {
  const folders = [flags.done, flags.failed].flatMap((one) => (one === undefined ? [] : [resolve(one)]));
  try {
    for (const path of await completeMoves(folder, folders))
      sayStays(path, "not-moved", "is no whole copy of what was moved when the folder was watched before", flags);
  } catch (error) {
    sayStays(folder, "not-moved", `holds chapters whose move was interrupted: ${messageOf(error)}`, flags);
  }
}

/** Says why a chapter could not be coloured at all. */
export function sayFailed({ path }: ReadyChapter, error: unknown, { json }: WatchFlags): void {
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

/**
 * Says how a chapter went, and moves it, unless it has changed while it was in work: then it is handed out again.
 * @param number of its name in the output
 */
export async function settle(chapter: ReadyChapter, end: BatchEnd, number: number, flags: WatchFlags): Promise<void> {
  const { path } = chapter;
  sayDone(path, end, flags);
  const changed = (where: string): void =>
    sayStays(where, "changed", "has changed while it was in work; it is coloured again once it has stopped", flags);
  const state = await chapter.look();
  if (state === "changed") return changed(path);
  const { exitCode, summary } = end;
  if (summary?.preview !== undefined && exitCode === EXIT.previewWaits) {
    const shown = previewPictures(summary.preview).join(", ");
    const next = `look at ${shown}, then: cobra-batch approve ${quoted(summary.output)} (or reject)`;
    chapter.tryLater();
    return sayStays(path, "preview", asStarted(`waits for a decision; ${next}`), flags);
  }
  if (exitCode === EXIT.tryAgain && state === "same")
    return sayStays(path, "later", `stays and is tried again in ${duration(chapter.tryLater())}`, flags);
  const target = exitCode === EXIT.done ? flags.done : exitCode === EXIT.tryAgain ? undefined : flags.failed;
  if (target === undefined) return;
  if (state === "gone") return sayStays(path, "not-moved", `is gone, so nothing is moved to ${target}`, flags);
  try {
    const moved = await moveChapter(chapter, resolve(target), number);
    if ("changed" in moved) return changed(moved.changed);
    if (moved.rest !== undefined)
      sayStays(moved.rest, "changed", `holds what is not in ${moved.target}: it came or changed meanwhile`, flags);
  } catch (error) {
    sayStays(path, "not-moved", `cannot be moved to ${target} and stays: ${messageOf(error)}`, flags);
  }
}

/** Says that what lies in the folder is none, and what it is. */
export function sayNoChapter(path: string, what: string, flags: WatchFlags): void {
  sayStays(path, "no-chapter", `is no chapter and stays: it ${what}`, flags);
}

function sayDone(path: string, { summary }: BatchEnd, { json }: WatchFlags): void {
  if (json === true || summary === undefined) return;
  const faults = summary.failed > 0 ? `, ${summary.failed} failed` : "";
  const how = `${summary.completed} of ${count(summary.total, "page")} in ${duration(summary.elapsedMs)}${faults}`;
  process.stdout.write(`${oneLine(basename(path))}: ${how} -> ${oneLine(summary.output)}\n`);
}

function sayStays(path: string, reason: Reason, message: string, { json }: WatchFlags): void {
  if (json === true) process.stdout.write(toJsonLine({ type: "chapter-stays", input: path, reason, message }));
  else process.stderr.write(`${oneLine(`${path} ${message}`)}\n`);
}
