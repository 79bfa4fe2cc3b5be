// A worker of the farm whose pages wait instead of being coloured: node farm-worker.mjs <redis> <store> <ms> <lock ms>.
// Also the engine of the run on one machine that it is compared with.
import { pathToFileURL } from "node:url";
import { createHash } from "node:crypto";
import { TaskPool } from "../../dist/colorization/tasks/pool.js";
import { connect, laneOf } from "../../dist/farm/queue/farm-queue.js";
import { FarmWorker } from "../../dist/farm/queue/farm-worker.js";
import { SharedStore } from "../../dist/farm/store/shared-store.js";

export const MODEL = { hash: "1".repeat(64), name: "waits", version: "1", trained: true };

/** An engine that waits. `read` gives the bytes of a page that is named by its hash. */
export function waitingEngine(pool, ms, read) {
  return {
    styles: ["line", "line + shadow"],
    model: { directory: "", hash: MODEL.hash, manifest: MODEL },
    pool,
    sessionOptions: {},
    memory: { pagesInFlight: () => 2 },
    referenceStore: { hold: () => ({ [Symbol.dispose]: () => {} }) },
    provider: async () => "nowhere",
    async colorizePage({ page, settings, output }, { lane, signal }) {
      const work = async () => {
        const bytes = page.bytes ?? (await read(page.hash));
        await new Promise((resolve) => setTimeout(resolve, ms));
        signal?.throwIfAborted();
        const data = createHash("sha512").update(bytes).update(JSON.stringify(settings)).digest();
        const facts = { format: output.format ?? "png", width: 1, height: 1, bucket: "1x1", seed: settings.seed };
        return { status: "completed", data, ...facts, references: [], stageMs: {}, warnings: [] };
      };
      return lane === undefined ? work() : lane.colouring(work, signal);
    },
  };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [url, folder, ms, lockMs] = process.argv.slice(2);
  const store = await SharedStore.open(folder);
  const redis = connect(url);
  const engine = waitingEngine(new TaskPool({ maxThreads: 1 }), Number(ms), (hash) => store.read(hash));
  const worker = new FarmWorker({
    engine,
    store,
    redis,
    lane: laneOf("test", MODEL),
    pagesAtOnce: 2,
    lockMs: Number(lockMs),
  });
  process.on("SIGTERM", async () => {
    await worker.close(1000);
    process.exit(0);
  });
  process.stdout.write("works\n");
}
