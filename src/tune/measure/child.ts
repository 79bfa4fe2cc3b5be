/**
 * Runs as a process of its own for each setting, since threads and arenas are fixed when an engine is opened: opens an
 * engine, then runs and measures batches as it is told.
 */
import { Engine } from "../../colorization/engine.js";
import { engineOptionsOf } from "../../colorization/options-of-settings.js";
import { BatchProcessingError, messageOf } from "../../errors.js";
import { configureOwnProcess } from "../../io/image/own-process.js";
import { measureRun } from "./measured-run.js";
import type { Answer, Order } from "./protocol.js";

let engine: Engine | undefined;
let provider = "cpu";

function answer(message: Answer): void {
  process.send!(message);
}

async function obey(order: Order): Promise<void> {
  if (order.type === "open") {
    configureOwnProcess();
    engine = await Engine.open(engineOptionsOf(order.engine));
    provider = await engine.provider(engine.styles.at(-1)!);
    const { manifest, hash } = engine.model;
    const { name, version, precision, trained } = manifest;
    const automatic = { maxConcurrent: engine.memory.pagesInFlight(), workers: engine.pool.maxThreads };
    answer({ type: "opened", model: { name, version, hash, precision, trained }, provider, automatic });
    return;
  }
  answer({ type: "measured", ...(await measureRun(engine!, order, provider !== "cpu")) });
}

process.on("message", (order: Order) => {
  obey(order).catch((error: unknown) =>
    answer({
      type: "failed",
      code: error instanceof BatchProcessingError ? error.code : "ERR_INTERNAL",
      message: messageOf(error),
    }),
  );
});
// A terminal and a service manager send a signal to every process of a group. The tuner handles it, and ends this one.
for (const signal of ["SIGINT", "SIGHUP", "SIGTERM"]) process.on(signal, () => {});
process.on("disconnect", () => process.exit());
