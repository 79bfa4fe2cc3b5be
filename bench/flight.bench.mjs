// Pages in flight: what do 1, 2, 3 and 4 at once bring, and the number that is chosen where nobody names one? The
// embedded model, a chapter of six pages, all in one process in turns, workers and sessions warm. Pictures are the same
// whatever the number.
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Engine, parseBatchConfig, runBatch } from "../dist/index.js";
import { compare, report } from "./harness.mjs";

const CHAPTER = "scripts/sample/chapter.cbz";
const folder = mkdtempSync(join(tmpdir(), "cobra-bench-flight-"));
const engine = await Engine.open({ model: "models/default" });
const hashes = new Set();
let runs = 0;

const chapter = (maxConcurrent) => async () => {
  const outputDir = join(folder, String(runs++));
  const { config } = parseBatchConfig({
    inputZip: CHAPTER,
    outputDir,
    ...(maxConcurrent === undefined ? {} : { maxConcurrent }),
  });
  const pictures = [];
  const started = performance.now();
  const summary = await runBatch(engine, config, {
    onEvent: (event) => event.type === "page-completed" && pictures.push(event.output),
  });
  const seconds = (performance.now() - started) / 1000;
  if (summary.failed > 0) throw new Error(`${summary.failed} pages failed`);
  const hash = createHash("sha256");
  for (const path of pictures) hash.update(readFileSync(path));
  if (hashes.add(hash.digest("hex")).size > 1) throw new Error("the pictures depend on the number of pages in flight");
  return seconds;
};

try {
  const result = await compare({
    name: "sample chapter, embedded model",
    unit: "s a chapter",
    rounds: Number(process.env.COBRA_BENCH_ROUNDS ?? 5),
    candidates: {
      automatic: chapter(undefined),
      "2 in flight": chapter(2),
      "1 in flight": chapter(1),
      "3 in flight": chapter(3),
      "4 in flight": chapter(4),
    },
  });
  report("pages in flight", [result], "build/bench");
} finally {
  await engine.close();
  rmSync(folder, { recursive: true, force: true });
}
