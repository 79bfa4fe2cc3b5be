// Is what `tune` finds the best there is? Measures every combination of the small space of a machine, rounds in random
// order, all processes warm: node bench/tune-sweep.mjs chapter.cbz SECONDS settings.json… Prints each setting's median
// pages a minute, and how many times the best of the sweep the defaults and the found settings are.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ownPages } from "../dist/tune/measure/pages.js";
import { Processes } from "../dist/tune/measure/processes.js";
import { rateOf } from "../dist/tune/score.js";
import { settingId } from "../dist/tune/setting.js";
import { allSettings } from "../dist/tune/space.js";
import { median } from "../dist/tune/statistics/bootstrap.js";
import { Random } from "../dist/tune/statistics/random.js";

const [input, seconds, ...reports] = process.argv.slice(2);
const PAGES = 5;
const KNOBS = [
  { name: "maxConcurrent", values: [4] },
  { name: "threads", values: [1] },
  { name: "spinning", values: ["on"] },
];
const folder = mkdtempSync(join(tmpdir(), "cobra-sweep-"));
const pages = await ownPages(/\.(?:cbz|zip)$/.test(input) ? { inputZip: input } : { inputDir: input }, folder);
const processes = new Processes({ base: {}, pages, folder, settings: {}, signal: new AbortController().signal });
const found = reports.map((path) => {
  const { measured, best } = JSON.parse(readFileSync(path, "utf8"));
  return measured.find(({ id }) => id === best).setting;
});
const settings = new Map([...allSettings(KNOBS), ...found].map((setting) => [settingId(setting), setting]));
const rates = new Map([...settings.keys()].map((id) => [id, []]));
const random = new Random(3);
processes.mostOpen = settings.size;
processes.warmsUpFully = false;
const endMs = performance.now() + Number(seconds) * 1000;
try {
  for (let round = 0; performance.now() < endMs; round++)
    for (const [id, setting] of random.shuffled([...settings])) {
      if (performance.now() >= endMs) break;
      rates.get(id).push(rateOf(await processes.measure(setting, PAGES)));
    }
} finally {
  await processes.close();
  rmSync(folder, { recursive: true, force: true });
}
const rows = [...rates]
  .filter(([, own]) => own.length > 0)
  .map(([id, own]) => ({ id, rate: median(own), runs: own.length }));
rows.sort((a, b) => b.rate - a.rate);
for (const { id, rate, runs } of rows) console.log(`${rate.toFixed(1).padStart(7)} pages/min  ${runs} runs  ${id}`);
const rateOfId = (id) => rows.find((row) => row.id === id)?.rate ?? NaN;
console.log(`defaults: ${(rateOfId("defaults") / rows[0].rate).toFixed(3)} times the best`);
for (const setting of found)
  console.log(
    `found, ${settingId(setting)}: ${(rateOfId(settingId(setting)) / rows[0].rate).toFixed(3)} times the best`,
  );
