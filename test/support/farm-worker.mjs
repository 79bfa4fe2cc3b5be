// A worker of the farm whose pages wait instead of being coloured: node farm-worker.mjs <redis> <store> <ms> <lock ms>.
import { TaskPool } from "../../dist/colorization/tasks/pool.js";
import { connect, queueNamesOf } from "../../dist/farm/queue/farm-queue.js";
import { FarmWorker } from "../../dist/farm/queue/farm-worker.js";
import { SharedStore } from "../../dist/farm/store/shared-store.js";
import { MODEL, waitingEngine } from "./waiting-engine.mjs";

const [url, folder, ms, lockMs] = process.argv.slice(2);
const store = await SharedStore.open(folder);
const redis = connect(url);
const engine = waitingEngine(new TaskPool({ maxThreads: 1 }), Number(ms), (hash) => store.read(hash));
const worker = new FarmWorker({
  engine,
  store,
  redis,
  names: queueNamesOf("test", MODEL),
  pagesAtOnce: 2,
  lockMs: Number(lockMs),
});
process.on("SIGTERM", async () => {
  await worker.close(1000);
  process.exit(0);
});
process.stdout.write("works\n");
