// Does memory stay flat? Peak resident memory (VmHWM) of a batch of 100 and one of 2,000 pages with the tiny model,
// each in a process of its own, and what is left on the books and alive at the end. `COBRA_BENCH_PAGES=100,500` for
// other counts.
import { spawnSync } from "node:child_process";
import { linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { buildPresetPackage } from "../dist/convert/presets.js";
import { report } from "./harness.mjs";

/**
 * The longer batch may peak this much higher: Node's heap and the collector's timing, mostly in its first pages (55 was
 * seen). Of pages it kept anything of, 1,900 would show far more.
 */
const TOLERANCE_MIB = 64;

async function child([model, inputDir, outputDir, reference]) {
  const { Engine, liveCounts, parseBatchConfig, runBatch } = await import("../dist/index.js");
  // threads that spin bring nothing to such small networks
  const engine = await Engine.open({ model, session: { intraOpThreads: 1 } });
  const { config } = parseBatchConfig({
    inputDir,
    outputDir,
    referenceImages: [reference],
    numInferenceSteps: 1,
    topK: 1,
  });
  const kb = (name) =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, "mu").exec(readFileSync("/proc/self/status", "utf8"))[1]) / 1024;
  const samples = [];
  let pages = 0;
  const onEvent = ({ type }) =>
    void (type === "page-completed" && ++pages % 50 === 0 && samples.push(Math.round(kb("VmRSS"))));
  const started = performance.now();
  const summary = await runBatch(engine, config, { onEvent });
  const { owners } = engine.memory.ledger.snapshot();
  const figures = {
    completed: summary.completed,
    peakMiB: kb("VmHWM"),
    msPerPage: (performance.now() - started) / summary.completed,
    booked: Object.keys(owners).filter((owner) => owner.startsWith("page") || owner === "references"),
    samples,
  };
  await engine.close();
  process.stdout.write(JSON.stringify({ ...figures, tensors: liveCounts().tensors }));
}

async function parent() {
  const folder = mkdtempSync(join(tmpdir(), "cobra-bench-memory-"));
  const counts = (process.env.COBRA_BENCH_PAGES ?? "100,2000").split(",").map(Number);
  try {
    const model = join(folder, "model");
    await buildPresetPackage({ directory: model, preset: "tiny" });
    const svg = (fill) =>
      Buffer.from(
        `<svg xmlns="http://www.w3.org/2000/svg" width="96" height="128"><rect width="96" height="128" fill="${fill}"/><circle cx="48" cy="50" r="30" fill="none" stroke="black" stroke-width="3"/></svg>`,
      );
    await sharp(svg("white")).removeAlpha().png().toFile(join(folder, "page.png"));
    await sharp(svg("teal")).removeAlpha().png().toFile(join(folder, "reference.png"));
    const figures = counts.map((count) => {
      const input = join(folder, `in-${count}`);
      mkdirSync(input);
      for (let page = 0; page < count; page++) linkSync(join(folder, "page.png"), join(input, `p${page}.png`));
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        [fileURLToPath(import.meta.url), model, input, join(folder, `out-${count}`), join(folder, "reference.png")],
        { encoding: "utf8", maxBuffer: 2 ** 24 },
      );
      if (status !== 0) throw new Error(`${count} pages: ${stderr}`);
      const one = { count, ...JSON.parse(stdout) };
      if (one.completed !== count || one.booked.length > 0 || one.tensors !== 0)
        throw new Error(`${count} pages: ${stdout}`);
      return one;
    });
    const row = (candidate, value) => ({ candidate, median: value, p10: value, p90: value });
    report(
      "memory",
      [
        {
          name: "peak resident memory, tiny model",
          unit: "MiB",
          rounds: 1,
          ratio: null,
          rows: figures.map(({ count, peakMiB }) => row(`${count} pages`, peakMiB)),
        },
        {
          name: "time, for orientation",
          unit: "ms a page",
          rounds: 1,
          ratio: null,
          rows: figures.map(({ count, msPerPage }) => row(`${count} pages`, msPerPage)),
        },
        ...figures.map(({ count, samples }) => ({
          name: `resident memory on the way, ${count} pages`,
          unit: "MiB",
          rounds: 1,
          ratio: null,
          rows: samples
            .filter((_, at) => at % Math.ceil(samples.length / 8) === 0)
            .map((value, at) => row(`after ${(at * Math.ceil(samples.length / 8) + 1) * 50}`, value)),
        })),
      ],
      "build/bench",
    );
    const growth = figures.at(-1).peakMiB - figures[0].peakMiB;
    if (growth > TOLERANCE_MIB)
      throw new Error(
        `${counts.at(-1)} pages peak ${growth.toFixed(0)} MiB above ${counts[0]}; the tolerance is ${TOLERANCE_MIB} MiB`,
      );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await (process.argv.length > 2 ? child(process.argv.slice(2)) : parent());
