// Writes an output of plain files through the real journal, lease and rules about crashes, without a model:
// node killed-output.mjs <output folder or archive> <pages> [kill at]. Two pages are in progress at once,
// each in three stages. Says a line an event: `begin <page> <stage>`, `done <page>`, `kept <page>`, `aside <page>`, and
// at last `written`. With "kill at" 7 the process kills itself right before its seventh operation that changes the
// disk.
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";
import { parseBatchConfig } from "../../dist/index.js";
import { BatchOutput } from "../../dist/core/output/batch-output.js";
import { findEarlierArchives } from "../../dist/core/output/finished-archive.js";
import { guardedBy } from "../../dist/core/pages/quarantine.js";
import { sha256 } from "../../dist/platform/sha256.js";

const [target, count, killAt = "Infinity"] = process.argv.slice(2);

let operations = 0;
function killBefore(object, name) {
  const original = object[name];
  object[name] = function (...given) {
    if (++operations >= Number(killAt)) process.kill(process.pid, "SIGKILL");
    return original.apply(this, given);
  };
}
for (const name of ["writeSync", "fdatasyncSync", "fsyncSync", "renameSync", "linkSync"]) killBefore(fs, name);
for (const name of ["open", "rename", "link", "rm", "mkdir", "writeFile"]) killBefore(fs.promises, name);
const handle = await fs.promises.open(process.execPath);
for (const name of ["write", "writeFile", "appendFile", "sync", "datasync"])
  killBefore(Object.getPrototypeOf(handle), name);
await handle.close();
operations = 0;
syncBuiltinESMExports();

const say = (text) => process.stdout.write(`${text}\n`);
const { config } = parseBatchConfig({
  inputDir: "in",
  ...(target.endsWith(".cbz") ? { outputZip: target } : { outputDir: target }),
});
const record = { config, pageConfigs: {}, model: { directory: "", name: "m", hash: "h" }, session: {} };
const fingerprint = () => "f".repeat(64);
const fileOf = (index) => Buffer.from(`page ${index}`);
const jobs = await Promise.all(
  Array.from({ length: Number(count) }, async (_, index) => ({
    entry: { name: `${index}.png`, read: async () => fileOf(index) },
    outputName: `${index}_colorized.png`,
    settings: { seed: 0 },
    startedMs: 0,
    stage: "decode",
    inputSha256: await sha256(fileOf(index)),
  })),
);
// As `runBatch` does: an archive that is finished has no journal any more.
const wanted = {
  jobs: () => jobs,
  fingerprint,
  carried: async () => ({ files: [] }),
  hasFaults: false,
  preserveStructure: config.preserveStructure,
};
if ((await findEarlierArchives(config, wanted)).finished !== undefined) {
  for (const { entry } of jobs) say(`kept ${entry.name}`);
  say("written");
  process.exit();
}
const output = await BatchOutput.open(config, { job: "j", record, fingerprint });
const guard = guardedBy(output);

async function work(job) {
  const { name } = job.entry;
  if ((await output.finished(job)) !== undefined) return say(`kept ${name}`);
  try {
    guard.begin(job);
  } catch {
    return say(`aside ${name}`);
  }
  say(`begin ${name} decode`);
  for (const stage of ["denoise", "encode"]) {
    await sleep(8);
    job.stage = stage;
    guard.onStage(job);
    say(`begin ${name} ${stage}`);
  }
  await sleep(8);
  const facts = { width: 1, height: 1, bucket: "", stageMs: {}, references: [] };
  await output.write(job, { bytes: Buffer.from(`picture of ${name}`), facts });
  return say(`done ${name}`);
}

const waiting = [...jobs];
while (waiting.length > 0) {
  const alone = waiting.findIndex((job) => output.crashPolicy(job).kind !== "normal");
  const together = alone === 0 ? 1 : alone === 1 ? 1 : 2;
  await Promise.all(waiting.splice(0, together).map(work));
}
const inputs = jobs.map(({ entry, inputSha256 }) => ({
  page: entry.name,
  fingerprint: fingerprint(),
  sha256: inputSha256,
}));
await output.finish(jobs, [], { failures: [], pages: [], inputs });
say("written");
say(`operations ${operations}`);
