// Runs a batch in a process of its own that is ended for real while a given page is coloured:
// node crashing-batch.mjs <model> <settings as JSON> <page> <"abort" or a signal> <stage>. Otherwise prints the summary
// as JSON.
import { Engine, parseBatchConfig, runBatch } from "../../dist/index.js";

const [model, settings, page, how, stage] = process.argv.slice(2);
const engine = await Engine.open({ model, session: { intraOpThreads: 1 } });
const onEvent = (event) => {
  if (event.type !== "page-stage" || event.page !== page || event.stage !== stage) return;
  if (how === "abort") process.abort();
  process.kill(process.pid, how);
};
const summary = await runBatch(engine, parseBatchConfig(JSON.parse(settings)).config, { onEvent });
process.stdout.write(JSON.stringify(summary));
await engine.close();
