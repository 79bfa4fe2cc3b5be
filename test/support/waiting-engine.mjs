// An engine whose pages wait instead of being coloured.
import { createHash } from "node:crypto";

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
    async colorizePage({ page, settings, output }, { ticket, signal }) {
      const work = async () => {
        const bytes = page.bytes ?? (await read(page.hash));
        await new Promise((resolve) => setTimeout(resolve, ms));
        signal?.throwIfAborted();
        const data = createHash("sha512").update(bytes).update(JSON.stringify(settings)).digest();
        const facts = { format: output.format ?? "png", width: 1, height: 1, bucket: "1x1", seed: settings.seed };
        return { status: "completed", data, ...facts, references: [], stageMs: {}, warnings: [] };
      };
      return ticket === undefined ? work() : ticket.colouring(work, signal);
    },
  };
}
