// Holds an output and writes a journal line every 20 ms, until it is told otherwise:
// node lease-holder.mjs <work folder> <times as JSON>. Says `held <ms>` once it has the output; ends with the error's
// code as its last line.
import { randomUUID } from "node:crypto";
import { LockedJournal } from "../../dist/core/journal/locked-journal.js";

const self = randomUUID(); // an identity, not a seed
const [work, times] = process.argv.slice(2);
const start = performance.now();
try {
  const journal = await LockedJournal.open(work, "the output", { times: JSON.parse(times) });
  process.stdout.write(`held ${Math.round(performance.now() - start)}\n`);
  for (;;) {
    await journal.append({ type: "retry", pages: [self] });
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
} catch (error) {
  process.stdout.write(`${error.code} ${Math.round(performance.now() - start)}\n`);
}
