// Jobs in a process of their own, as the server has them, ended by a real SIGKILL at a named event:
// node jobs-server.mjs <data> <model> <what to do> [<event>]
// What to do is JSON: {} continues what is there; { chapter, job } makes a job of an archive and starts it;
// { approve: seed } approves previews; { redo: page, settings } does a page of each job again. An event is "job
// <state>", "picture <name> <state>", or "scanning". When nothing is left to do, it prints the jobs, their pictures and
// the SHA-256 of each result.
import { createHash } from "node:crypto";
import { copyFile } from "node:fs/promises";
import { basename } from "node:path";
import { TaskPool } from "../../dist/colorization/tasks/pool.js";
import { Engine } from "../../dist/index.js";
import { JobStore, oneEngine } from "../../dist/ui/web/jobs/index.js";

const [data, model, what, at] = process.argv.slice(2);
const { chapter, job: given, approve, redo, settings } = JSON.parse(what);
const pool = new TaskPool();
let engine;
const store = await JobStore.open({
  data,
  pool,
  colorizer: oneEngine(() => (engine ??= Engine.open({ model, session: { intraOpThreads: 1 } }))),
});

function namesOf(event) {
  if (event.type === "job") return [`job ${event.job.state}`, ...(event.job.scanning ? ["scanning"] : [])];
  if (event.type !== "picture") return [];
  return [`picture ${event.picture.name} ${event.picture.state}`];
}

const isBusy = (job) => job.scanning || job.state === "queued" || job.state === "running";
let look = () => {};
store.events((event) => {
  if (namesOf(event).includes(at)) process.kill(process.pid, "SIGKILL");
  look();
});
const idle = async () => {
  while (store.list().some(isBusy)) await new Promise((resolve) => (look = resolve));
};

if (chapter !== undefined) {
  const { id } = await store.create(given);
  await copyFile(chapter, await store.uploadTarget(id, { role: "input", path: basename(chapter), file: chapter }));
  await store.uploaded(id);
  await store.start(id);
}
await idle();
for (const { id, state } of store.list()) {
  if (approve !== undefined && state === "preview") await store.approve(id, approve === null ? {} : { seed: approve });
  const page = (await store.pictures(id)).find(({ name }) => name === redo);
  if (page !== undefined) await store.redo(id, [page.id], settings);
}
await idle();
const jobs = [];
for (const job of store.list()) {
  const pictures = await store.pictures(job.id);
  const results = {};
  for (const { id, name, result } of pictures) {
    if (result === undefined) continue;
    const { path, bytes } = await store.openPicture(job.id, id, "result");
    const content = bytes ?? (await import("node:fs")).readFileSync(path);
    results[name] = createHash("sha256").update(content).digest("hex");
  }
  jobs.push({ job, pictures, results });
}
process.stdout.write(JSON.stringify(jobs));
await store.close();
await (await engine)?.close();
await pool.close();
