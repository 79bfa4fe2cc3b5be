/** `cobra-batch queue`: looks at the queue and steers it. */
import { TaskPool } from "../../../colorization/tasks/pool.js";
import { toJsonLine } from "../../../core/json-lines.js";
import { queueFault } from "../../../farm/queue/farm-queue.js";
import { drainNode, readNodes, type FarmNode } from "../../../farm/queue/node-record.js";
import { QueueAdmin } from "../../../farm/queue/queue-admin.js";
import type { QueuedChapter } from "../../../farm/queue/queued-chapter.js";
import { resubmitChapter } from "../../../farm/queue/resubmit-chapter.js";
import { configureOwnProcess } from "../../../io/image/own-process.js";
import type { QueueAction, QueueCommandFlags } from "../commands/queue-command.js";
import { exitCodeFor } from "../output/exit-codes.js";
import { printError } from "../output/report-errors.js";
import { oneLine } from "../output/terminal-text.js";
import { counted, openQueue, openStore, submissionText, type OpenQueue } from "./open-farm.js";

/** @returns the exit code */
export async function queue(action: QueueAction, given: string | undefined, flags: QueueCommandFlags): Promise<number> {
  let url = "";
  try {
    using open = await openQueue(flags);
    ({ url } = open);
    await using admin = await QueueAdmin.open(open.redis, open.name);
    const say = (text: string): void => void (flags.json === true || process.stdout.write(`${text}\n`));
    if (action === "list") {
      const chapters = await admin.list();
      for (const chapter of chapters) print(chapter, flags);
      if (chapters.length === 0) say("no chapters are in the queue");
      if (await admin.isPaused()) say("the queue is paused: workers take nothing until `cobra-batch queue resume`");
    } else if (action === "nodes") {
      const nodes = await readNodes(open.redis, open.name);
      for (const node of nodes) printNode(node, flags);
      if (nodes.length === 0) say("no worker is there");
    } else if (action === "prioritize") {
      await admin.prioritize(given!, flags.priority!);
      say(`job ${given!} has priority ${flags.priority!}`);
    } else if (given !== undefined && (action === "pause" || (action === "resume" && CHAPTER.test(given)))) {
      await admin[action === "pause" ? "pauseChapter" : "resumeChapter"](given);
      say(
        action === "pause"
          ? `workers take no new pages of job ${given} until \`cobra-batch queue resume ${given}\``
          : `workers take pages of job ${given} again`,
      );
    } else if (given !== undefined && (action === "drain" || action === "resume")) {
      const drained = action === "drain";
      const ids = await drainNode(open.redis, open.name, given, drained);
      for (const id of ids) say(drained ? `${id} finishes its pages and takes no more` : `${id} takes pages again`);
    } else if (action === "show") printAll(await admin.show(given!), flags);
    else if (action === "cancel") {
      await admin.cancel(given!);
      say(`job ${given!} is cancelled`);
    } else if (action === "drain") say(`${counted(await admin.drain(), "chapter")} taken out`);
    else if (action === "retry") say(await retry(open, admin, given!, flags));
    else {
      await admin[action]();
      say(
        action === "pause" ? "workers take no new pages until `cobra-batch queue resume`" : "workers take pages again",
      );
    }
    return 0;
  } catch (caught) {
    const error = queueFault(caught, url);
    printError(error, Boolean(flags.json));
    return exitCodeFor(error);
  }
}

/** Submits a chapter again; results that are in the store are not made again. */
async function retry(open: OpenQueue, admin: QueueAdmin, id: string, flags: QueueCommandFlags): Promise<string> {
  const store = await openStore(flags);
  configureOwnProcess();
  const pool = new TaskPool();
  try {
    return submissionText(await resubmitChapter(id, { ...open, admin, store, pool }));
  } finally {
    await store[Symbol.asyncDispose]?.();
    await pool.close();
  }
}

/** Id of a chapter's job; a worker's has a host in front. */
const CHAPTER = /^[0-9a-f]{12}$/;

function printNode(node: FarmNode, { json }: QueueCommandFlags): void {
  if (json === true) {
    process.stdout.write(toJsonLine({ type: "farm-node", ...node }));
    return;
  }
  const { id, drained, working, pagesDone, pagesPerMinute, model, version, devices } = node;
  const state = drained ? (working.length > 0 ? "draining" : "drained") : working.length > 0 ? "working" : "idle";
  const where = devices.map(({ name }) => name).join(",") || "no device";
  process.stdout.write(
    `${id}  ${state.padEnd(8)}  ${counted(working.length, "page")} now, ${pagesDone} done, ${pagesPerMinute}/min  ${where}  ${oneLine(`${model.name} ${model.version}`)}, cobra-batch ${version}\n`,
  );
}

function print(chapter: QueuedChapter, { json }: QueueCommandFlags): void {
  if (json === true) {
    process.stdout.write(toJsonLine({ type: "queued-chapter", ...chapter }));
    return;
  }
  const { reason } = chapter;
  process.stdout.write(`${chapterLine(chapter)}${reason === undefined ? "" : `: ${oneLine(reason)}`}\n`);
}

function chapterLine({ id, output, state, pages, done, failed, pagesPerMinute }: QueuedChapter): string {
  const lost = failed === 0 ? "" : `, ${failed} failed`;
  const rate = pagesPerMinute === 0 || state === "failed" ? "" : `, ${pagesPerMinute}/min`;
  return `${id}  ${state.padEnd(10)}  ${done}/${pages}${lost}${rate}  ${oneLine(output)}`;
}

/** A chapter with everything that is known of it. */
function printAll(chapter: QueuedChapter, flags: QueueCommandFlags): void {
  if (flags.json === true) return print(chapter, flags);
  const { reason, remedy, failures = [], failed, model, priority, submittedAt } = chapter;
  const rows: (readonly [key: string, value: string])[] = [
    ["model", model],
    ["priority", String(priority)],
    ["submitted", submittedAt],
    ...(reason === undefined ? [] : [["reason", reason] as const]),
    ...failures.map(({ page, message, code }) => ["failed", `${page}: ${message} [${code}]`] as const),
    ...(failed > failures.length && failures.length > 0
      ? [["failed", `and ${counted(failed - failures.length, "page")} more`] as const]
      : []),
    ...[...new Set(failures.map((failure) => failure.remedy))].map((text) => ["remedy", text] as const),
    ...(remedy === undefined ? [] : [["next", remedy] as const]),
  ];
  const lines = rows.map(([key, value]) => `  ${key.padEnd(9)} ${oneLine(value)}`);
  process.stdout.write(`${[chapterLine(chapter), ...lines].join("\n")}\n`);
}
