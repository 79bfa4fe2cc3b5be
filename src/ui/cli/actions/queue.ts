/** `cobra-batch queue`: looks at the queue and steers it. */
import { TaskPool } from "../../../colorization/tasks/pool.js";
import { toJsonLine } from "../../../core/json-lines.js";
import { queueFault } from "../../../farm/queue/farm-queue.js";
import { drainNode, readNodes, type FarmNode } from "../../../farm/queue/node-record.js";
import { QueueAdmin } from "../../../farm/queue/queue-admin.js";
import type { QueuedChapter } from "../../../farm/queue/queued-chapter.js";
import { resubmitChapter } from "../../../farm/queue/resubmit-chapter.js";
import { configureSharpForOwnProcess } from "../../../io/image/own-process.js";
import type { QueueAction, QueueCommandFlags } from "../commands/queue-command.js";
import { withRemedy } from "../../../errors/facts.js";
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
    } else if (given !== undefined && (action === "drain" || action === "resume")) {
      const drained = action === "drain";
      const ids = await drainNode(open.redis, open.name, given, drained);
      for (const id of ids) say(drained ? `${id} finishes its pages and takes no more` : `${id} takes pages again`);
    } else if (action === "show") print(await admin.show(given!), flags);
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
  configureSharpForOwnProcess();
  const pool = new TaskPool();
  try {
    return submissionText(await resubmitChapter(id, { ...open, admin, store, pool }));
  } finally {
    await store[Symbol.asyncDispose]?.();
    await pool.close();
  }
}

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
  const { id, output, state, pages, left, reason, remedy } = chapter;
  const why = reason === undefined ? "" : `: ${oneLine(withRemedy(reason, remedy))}`;
  process.stdout.write(`${id}  ${state.padEnd(10)}  ${pages - left}/${pages}  ${oneLine(output)}${why}\n`);
}
