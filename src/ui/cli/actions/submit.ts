/** `cobra-batch submit`: chapters into the queue, and with `--wait` out of it. */
import { TaskPool } from "../../../colorization/tasks/pool.js";
import { sha256 } from "../../../platform/sha256.js";
import type { BatchConfig, PageConfig } from "../../../config/batch-config.js";
import { toJsonLine } from "../../../core/json-lines.js";
import type { BatchEvent } from "../../../core/events.js";
import { absoluteConfig } from "../../../core/journal/run-record.js";
import { failuresFile, outputPath } from "../../../core/output/work-folder.js";
import { runBatch } from "../../../core/run-batch.js";
import { ChapterTeller } from "../../../farm/queue/chapter-progress.js";
import { collectRequests } from "../../../farm/queue/collect-requests.js";
import { FarmQueue, queueNamesOf, noteQueues, queueFault, type QueuedModel } from "../../../farm/queue/farm-queue.js";
import { submitChapter, takeOutPages, type Submission } from "../../../farm/queue/submit-chapter.js";
import { awaitResult } from "../../../farm/queue/await-result.js";
import { resultKey, withHashes } from "../../../farm/store/result-key.js";
import type { FarmStore } from "../../../farm/store/farm-store.js";
import { storedEngine } from "../../../farm/stored-engine.js";
import { configureOwnProcess } from "../../../io/image/own-process.js";
import type { SubmitFlags } from "../commands/submit-command.js";
import { listenForSignals, type Interrupt } from "../interrupt.js";
import { ConfigurationError } from "../../../errors.js";
import { exitCodeFor, exitCodeOf, worstExitCode } from "../output/exit-codes.js";
import { printError } from "../output/report-errors.js";
import type { Notice } from "../../../errors/notice.js";
import { oneLine } from "../output/terminal-text.js";
import { listChapters } from "./chapter-list.js";
import { prepare } from "./colorize.js";
import { isRemote, openQueue, openStore, submissionText, type OpenStore } from "./open-farm.js";
import { newReporter, sayStopped } from "./run-batch.js";
import { startLogging } from "./start-logging.js";
import { submittedModel } from "./store-model.js";

/** What the chapters of a command share. */
interface Farm {
  readonly flags: SubmitFlags;
  readonly queue: FarmQueue;
  readonly store: FarmStore;
  readonly pool: TaskPool;
  readonly model: QueuedModel;
  readonly interrupt: Interrupt;
  /** Address of the queue. */
  readonly url: string;
}

/** Submits chapters. @returns the exit code, of several that of the worst */
export async function submit(inputs: readonly string[], flags: SubmitFlags): Promise<number> {
  const interrupt = listenForSignals(flags.drain * 1000);
  const pool = new TaskPool();
  let openedStore: OpenStore | undefined;
  try {
    startLogging(flags);
    const several = inputs.length > 1 || flags.fromFile !== undefined;
    const chapters = several ? await listChapters(inputs, flags, interrupt.drain) : [inputs[0]];
    if (isRemote(flags) && flags.wait !== true)
      throw new ConfigurationError(
        "ERR_CONFIG",
        "workers that do not share a folder with this machine cannot write the output",
        { remedy: "add --wait, and the chapter is put together here" },
      );
    const store = (openedStore = await openStore(flags));
    using open = await openQueue(flags);
    configureOwnProcess();
    const model = await submittedModel(flags.model, store);
    await noteQueues(open.redis, open.name, model);
    await using queue = new FarmQueue(open.redis, queueNamesOf(open.name, model));
    const farm: Farm = { flags, queue, store, pool, model, interrupt, url: open.url };
    const codes: number[] = [];
    for (const chapter of chapters) {
      if (interrupt.drain.aborted) break;
      codes.push(await submitOne(farm, chapter, several));
    }
    return interrupt.exitCode ?? worstExitCode(codes);
  } catch (error) {
    if (interrupt.isStop(error)) return sayStopped(interrupt.exitCode!);
    printError(error, Boolean(flags.json));
    return exitCodeFor(error);
  } finally {
    await openedStore?.[Symbol.asyncDispose]?.();
    await pool.close();
    interrupt.stop();
  }
}

async function submitOne(farm: Farm, input: string | undefined, several: boolean): Promise<number> {
  const { flags, queue, store, model, interrupt } = farm;
  try {
    const prepared = await prepare(input, flags, several, interrupt.drain);
    if ("nothing" in prepared) return exitCodeOf({ completed: 0, failures: [] });
    const config = absoluteConfig(prepared.config);
    const pageConfig = prepared.options?.pageConfig ?? (() => ({}));
    for (const notice of prepared.warnings ?? []) tell(farm, notice);
    const submission = await submitConfig(farm, config, pageConfig).catch((error: unknown) => {
      throw queueFault(error, farm.url);
    });
    sayIsQueued(flags, submission, config);
    if (flags.wait !== true) return 0;
    return await waitFor(farm, submission, config, pageConfig);
  } catch (error) {
    if (interrupt.isStop(error)) return sayStopped(interrupt.exitCode!);
    printError(error, Boolean(flags.json));
    return exitCodeFor(error);
  }

  /** Collects the requests of a chapter and queues them. */
  async function submitConfig(
    { pool, interrupt }: Farm,
    config: BatchConfig,
    pageConfig: (page: string) => PageConfig,
  ): Promise<Submission> {
    const pageConfigs: Record<string, PageConfig> = {};
    const noted = (page: string): PageConfig => {
      const own = pageConfig(page);
      if (Object.keys(own).length > 0) pageConfigs[page] = own;
      return own;
    };
    const collected = await collectRequests(config, {
      pool,
      model,
      pageConfig: noted,
      store,
      signal: interrupt.signal,
    });
    for (const message of collected.warnings) tell(farm, { message });
    const { priority, wait = false } = flags;
    return submitChapter(queue, store, {
      config,
      pageConfigs,
      model,
      requests: collected.requests,
      unreadable: collected.failures.length,
      priority,
      pagesOnly: wait,
    });
  }
}

/** Puts the chapter together here, page by page as workers do them. */
async function waitFor(
  { flags, queue, store, pool, model, interrupt }: Farm,
  { id }: Submission,
  config: BatchConfig,
  pageConfig: (page: string) => PageConfig,
): Promise<number> {
  const reporter = newReporter(flags);
  reporter.failuresFile = await failuresFile(config);
  reporter.again = "submit the chapter again: pages that are done are not done again";
  const counts = { done: 0, failed: 0 };
  const teller = new ChapterTeller({ redis: queue.redis, name: queue.names.farm, id, counts: () => counts });
  const onEvent = (event: BatchEvent): void => {
    if (event.type === "page-completed" || event.type === "page-failed") {
      counts[event.type === "page-failed" ? "failed" : "done"]++;
      teller.changed();
    }
    reporter.onEvent(event);
  };
  try {
    const summary = await runBatch(
      storedEngine({
        model: { directory: "", hash: model.hash, manifest: model },
        provider: "the farm",
        inFlight: 4 * pool.maxThreads,
        pool,
        find: async (request, signal) => {
          const key = resultKey(await withHashes(request, sha256), model.hash);
          return awaitResult({ queue, store, id, key, name: request.name, signal });
        },
      }),
      config,
      {
        pageConfig,
        drain: interrupt.drain,
        signal: interrupt.signal,
        onEvent,
      },
    );
    // An output that is finished needs none of its pages, also where the store was emptied and they were queued.
    if (summary.unfinished === 0) await takeOutPages(queue, id);
    return exitCodeOf(summary);
  } finally {
    reporter.stop();
    await teller.end();
  }
}

function tell({ flags }: Farm, notice: Notice): void {
  newReporter(flags).onEvent({ type: "warning", ...notice });
}

function sayIsQueued({ json, quiet }: SubmitFlags, submission: Submission, config: BatchConfig): void {
  const output = outputPath(config);
  if (json === true) process.stdout.write(toJsonLine({ type: "submitted", ...submission, output }));
  else if (quiet !== true) process.stderr.write(`${submissionText(submission)}, for ${oneLine(output)}\n`);
}
