// Measures the cost of logging, as a share of a page. The model is the tiny one and the pages are small, so that a
// page is as quick as a page can be and the share is as large as it can be. Two measures: whole runs with and without
// logging in turns, which the machine's noise hides; and the very lines of a page written again and again, beside
// those runs, over the page's time. The second is held under 2 %.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { Engine, getLogger, parseBatchConfig, runBatch, setupLogging, withLogContext } from "../dist/index.js";
import { buildPresetPackage } from "../dist/convert/presets.js";
import { median, report } from "./harness.mjs";

const PAGES = 16;
const ROUNDS = 5;
const LIMIT_PERCENT = 2;
const folder = mkdtempSync(join(tmpdir(), "cobra-bench-log-"));
const model = join(folder, "model");
const input = join(folder, "in");

async function drawInput() {
  mkdirSync(input);
  const picture = (seed, fill) =>
    `<svg xmlns="http://www.w3.org/2000/svg" width="200" height="280"><rect width="200" height="280" fill="${fill}"/><circle cx="${60 + seed * 5}" cy="90" r="40" fill="none" stroke="black" stroke-width="3"/></svg>`;
  for (let page = 0; page < PAGES; page++)
    await sharp(Buffer.from(picture(page, "white")))
      .removeAlpha()
      .png()
      .toFile(join(input, `p${page}.png`));
  await sharp(Buffer.from(picture(1, "teal")))
    .removeAlpha()
    .png()
    .toFile(join(folder, "ref.png"));
}

const MODES = { "logging off": undefined, "INFO to a file": "INFO", "DEBUG to a file": "DEBUG" };
const MEASURE = Object.fromEntries(Object.keys(MODES).map((mode) => [mode, { pageMs: [], lines: [], shares: [] }]));

/** The lines of a run once more: microseconds a line. */
function replay(records) {
  const calls = records.map(({ level, component, msg, time: _time, job, page, ...fields }) => ({
    log: getLogger(component),
    call: { DEBUG: "debug", INFO: "info", WARNING: "warn", ERROR: "error" }[level],
    job,
    page,
    fields,
    msg,
  }));
  const times = 20;
  const started = performance.now();
  for (let round = 0; round < times; round++)
    for (const { log, call, job, page, fields, msg } of calls)
      withLogContext({ job, page }, () => log[call](fields, msg));
  return ((performance.now() - started) * 1000) / (times * calls.length);
}

let engine;
try {
  await buildPresetPackage({ directory: model, preset: "tiny" });
  await drawInput();
  engine = await Engine.open({ model });
  for (let round = -1; round < ROUNDS; round++) {
    for (const [mode, level] of Object.entries(MODES)) {
      const setup =
        level === undefined
          ? setupLogging({ level: "SILENT" })
          : setupLogging({ level, logDir: join(folder, "logs"), console: false });
      const { config } = parseBatchConfig({
        inputDir: input,
        outputDir: join(folder, `out-${round}-${mode.slice(0, 4)}`),
        referenceImages: [join(folder, "ref.png")],
        numInferenceSteps: 1,
        maxConcurrent: 2,
      });
      const started = performance.now();
      const summary = await runBatch(engine, config);
      const pageMs = (performance.now() - started) / PAGES;
      if (summary.completed !== PAGES) throw new Error(`${summary.completed} of ${PAGES} pages done`);
      if (round < 0) continue; // warm-up
      const one = MEASURE[mode];
      one.pageMs.push(pageMs);
      const records =
        level === undefined
          ? []
          : readFileSync(setup.logFiles[0], "utf8")
              .trim()
              .split("\n")
              .map((line) => JSON.parse(line));
      one.lines.push(records.length / PAGES);
      one.shares.push(records.length === 0 ? 0 : ((replay(records) / 1000) * (records.length / PAGES) * 100) / pageMs);
      setup.close();
    }
  }
  const row = (candidate, values) => ({
    candidate,
    median: median(values),
    p10: Math.min(...values),
    p90: Math.max(...values),
  });
  const rows = (key) => Object.entries(MEASURE).map(([mode, one]) => row(mode, one[key]));
  report(
    "logging",
    [
      { name: "page, tiny model", unit: "ms", rounds: ROUNDS, rows: rows("pageMs"), ratio: null },
      { name: "lines", unit: "a page", rounds: ROUNDS, rows: rows("lines"), ratio: null },
      { name: "logging's share", unit: "% of a page", rounds: ROUNDS, rows: rows("shares"), ratio: null },
    ],
    "build/bench",
  );
  const worst = median(MEASURE["DEBUG to a file"].shares);
  if (worst > LIMIT_PERCENT)
    throw new Error(`logging at DEBUG costs ${worst.toFixed(2)} % of a page; the limit is ${LIMIT_PERCENT} %`);
} finally {
  setupLogging({ level: "SILENT" });
  await engine?.close();
  rmSync(folder, { recursive: true, force: true });
}
