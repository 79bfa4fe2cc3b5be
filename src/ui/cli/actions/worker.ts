/** `cobra-batch worker`: one engine that colours pages of the queue until a signal. */
import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { openCrashNotes } from "../../../binding/crash-notes.js";
import { Engine } from "../../../colorization/engine.js";
import { PAGES_AHEAD } from "../../../colorization/request/page-schedule.js";
import { VERSION } from "../../../core/version.js";
import {
  answers,
  FarmQueue,
  queuesOf,
  queueNamesOf,
  noteQueues,
  type QueuedModel,
} from "../../../farm/queue/farm-queue.js";
import { FarmWorker } from "../../../farm/queue/farm-worker.js";
import { NodeReporter, type NodeFacts } from "../../../farm/queue/node-reporter.js";
import { configureOwnProcess } from "../../../io/image/own-process.js";
import type { WorkerFlags } from "../commands/worker-command.js";
import { engineOptions } from "../flags/run-flags.js";
import { listenForSignals } from "../interrupt.js";
import { exitCodeFor } from "../output/exit-codes.js";
import { printError } from "../output/report-errors.js";
import { startTelemetry, type Telemetry } from "../telemetry.js";
import { readEngineFile } from "./config-file.js";
import { queuedModelText, openQueue, openStore, queuedModel, type OpenQueue, type OpenStore } from "./open-farm.js";
import { startLogging } from "./start-logging.js";
import { fetchedModel } from "./store-model.js";

/** How often it is looked at whether others' pages wait in vain. */
const LOOK_MS = 60_000;

/** Works until a signal. @returns the exit code */
export async function worker(flags: WorkerFlags): Promise<number> {
  const interrupt = listenForSignals(2 ** 30);
  let watch: Telemetry | undefined;
  let engine: Engine | undefined;
  let farm: FarmWorker | undefined;
  let open: OpenQueue | undefined;
  let queue: FarmQueue | undefined;
  let node: NodeReporter | undefined;
  let openedStore: OpenStore | undefined;
  let looking: NodeJS.Timeout | undefined;
  const say = (text: string): void => {
    if (flags.quiet !== true) process.stderr.write(`${text}\n`);
  };
  try {
    startLogging(flags);
    const ready = async (): Promise<readonly string[]> => [
      ...(farm === undefined ? ["the model is not loaded"] : []),
      ...(open !== undefined && (await answers(open.redis, open.url)) ? [] : ["the queue does not answer"]),
    ];
    watch = await startTelemetry(flags, ready);
    const store = (openedStore = await openStore(flags));
    open = await openQueue(flags);
    const { redis, name } = open;
    configureOwnProcess();
    const file = await readEngineFile(flags.config);
    const options = engineOptions(flags, file.engine);
    const fetched = await fetchedModel(options.model, store, say);
    engine = await Engine.open({
      ...options,
      ...(fetched === undefined ? {} : { model: fetched }),
      readBlob: (hash) => store.read(hash),
    });
    watch.engine(engine);
    const model = queuedModel(engine.model);
    await engine.provider(engine.styles[0]!);
    await noteQueues(redis, name, model);
    const names = queueNamesOf(name, model);
    queue = new FarmQueue(redis, names);
    const { metrics } = watch;
    metrics?.beforeScrape(async () => {
      const connected = await answers(redis, open!.url);
      metrics.set("cobra_queue_connected", connected ? 1 : 0);
      if (!connected) return;
      const { pages } = queue!;
      const [{ prioritized = 0, active = 0, delayed = 0 }, isPaused] = await Promise.all([
        pages.getJobCounts("prioritized", "active", "delayed"),
        pages.isPaused(),
      ]);
      const states = { waiting: isPaused ? 0 : prioritized, paused: isPaused ? prioritized : 0, active, delayed };
      for (const [state, jobs] of Object.entries(states)) metrics.set("cobra_queue_jobs", jobs, { state });
    });
    const pagesAtOnce = flags.maxConcurrent ?? file.maxConcurrent ?? engine.memory.pagesInFlight() + PAGES_AHEAD;
    farm = new FarmWorker({
      engine,
      store,
      redis,
      names,
      pagesAtOnce,
      lockMs: flags.lockSeconds * 1000,
      openCrashNotes,
      onWait: (ms) => metrics?.observe("cobra_queue_wait_seconds", ms / 1000),
    });
    const id = `${hostname()
      .replace(/[^\w.-]/gu, "-")
      .slice(0, 80)}-${randomBytes(3).toString("hex")}`;
    const ofEngine = engine;
    node = new NodeReporter({
      redis,
      name,
      worker: farm,
      facts: () => nodeFacts({ id, engine: ofEngine, model, pagesAtOnce }),
    });
    say(`working on pages for ${queuedModelText(model)}`);
    const look = (): Promise<void> => tellOthers(open!, model.hash, say).catch(() => {});
    await look();
    looking = setInterval(() => void look(), LOOK_MS);
    await new Promise<void>((resolve) => interrupt.drain.addEventListener("abort", () => resolve(), { once: true }));
    say("finishing the pages in progress; a second signal gives them back");
    const second = new Promise<void>((resolve) =>
      interrupt.signal.addEventListener("abort", () => resolve(), { once: true }),
    );
    const closing = farm.close(flags.drain * 1000);
    const inTime = await Promise.race([closing, second.then(() => process.exit(interrupt.exitCode))]);
    farm = undefined;
    await node.close();
    if (!inTime) process.exit(interrupt.exitCode);
    return interrupt.exitCode!;
  } catch (error) {
    printError(error, Boolean(flags.json));
    return interrupt.exitCode ?? exitCodeFor(error);
  } finally {
    clearInterval(looking);
    await farm?.close(0).catch(() => {});
    await node?.close();
    await queue?.[Symbol.asyncDispose]().catch(() => {});
    open?.[Symbol.dispose]();
    await watch?.[Symbol.asyncDispose]();
    await engine?.close();
    await openedStore?.[Symbol.asyncDispose]?.();
    interrupt.stop();
  }
}

/** What the worker tells the farm of itself. */
function nodeFacts({
  id,
  engine,
  model: { hash, name, version },
  pagesAtOnce,
}: {
  readonly id: string;
  readonly engine: Engine;
  readonly model: QueuedModel;
  readonly pagesAtOnce: number;
}): NodeFacts {
  const { devices, memory } = engine.stats();
  return {
    id,
    host: hostname(),
    pid: process.pid,
    version: VERSION,
    model: { hash, name, version },
    devices: devices.map(({ device, state, memory: own }) => ({
      name: device,
      state,
      totalBytes: Math.round(own.totalBytes),
      usedBytes: Math.round(own.reservedBytes + own.heldBytes),
    })),
    memory: { totalBytes: Math.round(memory.totalBytes), usedBytes: process.memoryUsage.rss() },
    pagesAtOnce,
  };
}

/** Says which pages wait for a model or a version that this worker does not have; it leaves them. */
async function tellOthers({ redis, name }: OpenQueue, own: string, say: (text: string) => void): Promise<void> {
  for (const { model, version, names } of await queuesOf(redis, name)) {
    if (names.pages === queueNamesOf(name, { hash: own }).pages) continue;
    const queue = new FarmQueue(redis, names);
    try {
      const { prioritized = 0 } = await queue.pages.getJobCounts("prioritized");
      if (prioritized > 0)
        say(`${prioritized} pages wait for ${queuedModelText(model, version)}; this worker leaves them`);
    } finally {
      await queue[Symbol.asyncDispose]();
    }
  }
}
