/** `cobra-batch queue`: looks at the queue and steers it. */
import { TaskPool } from "../../../colorization/tasks/pool.js";
import { toJsonLine } from "../../../core/json-lines.js";
import { collectRequests } from "../../../farm/queue/collect-requests.js";
import { FarmQueue, laneOf, queueFault } from "../../../farm/queue/farm-queue.js";
import { QueueAdmin } from "../../../farm/queue/queue-admin.js";
import type { QueuedChapter } from "../../../farm/queue/queued-chapter.js";
import { submitChapter } from "../../../farm/queue/submit-chapter.js";
import { configureSharpForOwnProcess } from "../../../io/image/own-process.js";
import type { QueueAction, QueueCommandFlags } from "../commands/queue-command.js";
import { exitCodeFor } from "../output/exit-codes.js";
import { printError } from "../output/report-errors.js";
import { oneLine } from "../output/terminal-text.js";
import { counted, openQueue, openStore, submissionText, type OpenQueue } from "./open-farm.js";

/** @returns the exit code */
export async function queue(action: QueueAction, job: string | undefined, flags: QueueCommandFlags): Promise<number> {
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
    } else if (action === "show") print(await admin.show(job!), flags);
    else if (action === "cancel") {
      await admin.cancel(job!);
      say(`job ${job!} is cancelled`);
    } else if (action === "drain") say(`${counted(await admin.drain(), "chapter")} taken out`);
    else if (action === "retry") say(await retry(open, admin, job!, flags));
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
  const { config, pageConfigs, model, priority } = await admin.data(id);
  const store = await openStore(flags);
  configureSharpForOwnProcess();
  const pool = new TaskPool();
  await using own = new FarmQueue(open.redis, laneOf(open.name, model));
  try {
    const { requests, failures } = await collectRequests(config, {
      pool,
      model,
      pageConfig: (page) => (Object.hasOwn(pageConfigs, page) ? pageConfigs[page]! : {}),
      keep: (bytes) => store.keep(bytes),
    });
    const { queued, known } = await submitChapter(own, store, {
      config,
      pageConfigs,
      model,
      requests,
      unreadable: failures.length,
      priority,
    });
    return submissionText({ id, queued, known });
  } finally {
    await store[Symbol.asyncDispose]?.();
    await pool.close();
  }
}

function print(chapter: QueuedChapter, { json }: QueueCommandFlags): void {
  if (json === true) {
    process.stdout.write(toJsonLine({ type: "queued-chapter", ...chapter }));
    return;
  }
  const { id, output, state, pages, left, reason } = chapter;
  const why = reason === undefined ? "" : `: ${oneLine(reason)}`;
  process.stdout.write(`${id}  ${state.padEnd(10)}  ${pages - left}/${pages}  ${oneLine(output)}${why}\n`);
}
