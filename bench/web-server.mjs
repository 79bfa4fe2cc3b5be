// The web server beside its floor, in one run: how long an event takes to reach 20 readers, how long after a page is on
// the disk a browser hears of it, the memory that an upload costs, and pages a minute through the server against the
// engine alone. Those two take turns, there and back (ratio: 1 is equal, above it the server is quicker; cpuRatio: the
// same of processor time, for a machine with other work).
// node bench/web-server.mjs [--rounds 3] [--upload-mb 256] [--chapter FILE] [--model DIR]
// The model is the small one of the tests unless another is named: the quicker a page, the more the server weighs.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { request } from "node:http";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { parseArgs } from "node:util";
import { Engine, runBatch } from "../dist/index.js";

const { values } = parseArgs({
  options: {
    "upload-mb": { type: "string", default: "256" },
    rounds: { type: "string", default: "3" },
    chapter: { type: "string", default: "scripts/sample/chapter.cbz" },
    model: { type: "string" },
  },
});
const MAIN = new URL("../dist/ui/cli/main.js", import.meta.url).pathname;
const MODELS = new URL("../test/support/build-shared-models.mjs", import.meta.url).pathname;
const model = values.model ?? JSON.parse(execFileSync(process.execPath, [MODELS])).smallModel;
const TICKS_A_SECOND = 100; // of /proc, on every Linux that Node knows
const READERS = 20;
const CHANGES = 50;

const folder = await mkdtemp(join(tmpdir(), "cobra-bench-web-"));
const server = spawn(process.execPath, [
  MAIN,
  "serve",
  "--port",
  "0",
  "--model",
  model,
  "--data",
  join(folder, "data"),
]);
server.stderr.resume();
const [line] = await once(server.stdout, "data");
const base = new URL("/api/v1/", /http:\S+/.exec(String(line))[0]);

async function call(method, path, body) {
  const response = await fetch(new URL(path, base), {
    method,
    ...(body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response.status === 204 ? undefined : response.json();
}

/** Calls `onEvent` with the data of every server-sent event. */
async function follow(onEvent, signal) {
  const response = await fetch(new URL("events", base), { signal, headers: { accept: "text/event-stream" } });
  let unread = "";
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    unread += piece;
    for (let end = unread.indexOf("\n\n"); end >= 0; end = unread.indexOf("\n\n")) {
      const data = /^data: ?(.*)$/m.exec(unread.slice(0, end))?.[1];
      unread = unread.slice(end + 2);
      if (data !== undefined) onEvent(JSON.parse(data));
    }
  }
}

const memoryMb = async () => {
  const status = await readFile(`/proc/${server.pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)[1]) / 1024;
};
const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1];

async function upload(job, name, size, pieces) {
  const boundary = "cobra-bench";
  const head = Buffer.from(`--${boundary}\r\ncontent-disposition: form-data; name="input"; filename="${name}"\r\n\r\n`);
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  const sending = request(new URL(`jobs/${job}/files`, base), {
    method: "POST",
    headers: {
      "content-type": `multipart/form-data; boundary=${boundary}`,
      "content-length": head.length + size + tail.length,
    },
  });
  const answered = once(sending, "response");
  answered.catch(() => {}); // an answer before the end ends the sending below
  await pipeline(async function* () {
    yield head;
    yield* pieces;
    yield tail;
  }, sending);
  const [response] = await answered;
  const answer = await text(response);
  if (response.statusCode >= 300) throw new Error(`upload: ${response.statusCode} ${answer}`);
}

/** Processor time of a process so far, in seconds. */
async function cpuSeconds(pid) {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  const [user, system] = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11, 13)
    .map(Number);
  return (user + system) / TICKS_A_SECOND;
}

/** Starts to measure; what it returns tells what was taken, by the clock and of one process's processor time. */
async function watchOf(pid) {
  const cpuBefore = await cpuSeconds(pid);
  const began = performance.now();
  return async () => ({
    seconds: (performance.now() - began) / 1000,
    cpuSeconds: (await cpuSeconds(pid)) - cpuBefore,
  });
}

/** A chapter on the engine alone, from its archive to the archive of its results. */
async function onEngine(engine, outputZip) {
  const taken = await watchOf(process.pid);
  await runBatch(engine, { inputZip: values.chapter, outputZip });
  return taken();
}

/** Milliseconds since the picture of a result was whole on the disk. */
async function ageMs(job, name) {
  const place = join(folder, "data/jobs", job);
  for (const file of await readdir(place, { recursive: true })) {
    if (basename(file) !== basename(name)) continue;
    return Date.now() - (await stat(join(place, file))).mtimeMs;
  }
  return undefined; // packed already
}

/** The same as a job, from its start to its end, as its events tell it. */
async function onServer(bytes, ages) {
  const { id } = await call("POST", "jobs", { name: "chapter" });
  const stop = new AbortController();
  let job = await call("GET", `jobs/${id}`);
  let changed = () => {};
  const following = follow((event) => {
    if (event.type === "job" && event.job.id === id) {
      job = event.job;
      changed();
    }
    const { picture } = event.type === "picture" && event.job === id ? event : {};
    if (picture?.state === "completed" && picture.result !== undefined)
      ages.push(ageMs(id, picture.result.name).catch(() => undefined));
  }, stop.signal).catch(() => undefined);
  const until = async (wanted) => {
    while (!wanted(job)) await new Promise((resolve) => (changed = resolve));
    return job;
  };
  await upload(id, basename(values.chapter), bytes.length, [bytes]);
  await until((now) => !now.scanning && now.counts.pages > 0);
  const taken = await watchOf(server.pid);
  await call("POST", `jobs/${id}/start`);
  const { state } = await until((now) => ["completed", "failed"].includes(now.state));
  const took = await taken();
  stop.abort();
  await following;
  if (state !== "completed") throw new Error("the chapter was not coloured");
  await call("DELETE", `jobs/${id}`);
  return took;
}

const results = {};
try {
  results.idleMb = Math.round(await memoryMb());

  // Events.
  const job = await call("POST", "jobs", { name: "0" });
  const stop = new AbortController();
  const delays = [];
  let sentAt = 0;
  let name = "";
  const readers = Array.from({ length: READERS }, () =>
    follow((event) => {
      if (event.type === "job" && event.job.name === name) delays.push(performance.now() - sentAt);
    }, stop.signal).catch(() => undefined),
  );
  await new Promise((resolve) => setTimeout(resolve, 500));
  for (let change = 1; change <= CHANGES; change++) {
    name = `change ${change}`;
    sentAt = performance.now();
    await call("PATCH", `jobs/${job.id}`, { name });
    const deadline = performance.now() + 5_000;
    while (delays.length < change * READERS && performance.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 2));
  }
  stop.abort();
  await Promise.all(readers);
  results.events = { readers: READERS, got: delays.length, of: CHANGES * READERS };
  results.events.medianMs = Math.round(median(delays));
  results.events.worstMs = Math.round(Math.max(...delays));

  // Pages a minute: the engine in this process and the server take turns; the first round of each warms up.
  const engine = await Engine.open({ model });
  const bytes = await readFile(values.chapter);
  const ratios = [];
  const ages = [];
  try {
    let made = 0;
    const turns = {
      bare: () => onEngine(engine, join(folder, `out-${made++}.cbz`)),
      served: (heard) => onServer(bytes, heard),
    };
    await turns.bare();
    await turns.served([]);
    for (let round = 0; round < Number(values.rounds); round++) {
      // There and back, so that a load that grows or falls meets both alike.
      const there = round % 2 === 0 ? ["bare", "served"] : ["served", "bare"];
      const took = { bare: { seconds: 0, cpuSeconds: 0 }, served: { seconds: 0, cpuSeconds: 0 } };
      for (const turn of [...there, ...there.toReversed()]) {
        const { seconds, cpuSeconds } = await turns[turn](ages);
        took[turn].seconds += seconds;
        took[turn].cpuSeconds += cpuSeconds;
      }
      const ratio = took.bare.seconds / took.served.seconds;
      ratios.push({ ...took, ratio, cpuRatio: took.bare.cpuSeconds / took.served.cpuSeconds });
    }
  } finally {
    await engine.close();
  }
  const heard = (await Promise.all(ages)).filter((age) => age !== undefined);
  results.pageHeard = {
    pages: heard.length,
    medianMs: Math.round(median(heard)),
    worstMs: Math.round(Math.max(...heard)),
  };
  results.chapter = {
    rounds: ratios,
    ratio: median(ratios.map(({ ratio }) => ratio)),
    cpuRatio: median(ratios.map(({ cpuRatio }) => cpuRatio)),
  };

  // An upload's memory.
  const before = await memoryMb();
  let most = before;
  const watch = setInterval(async () => (most = Math.max(most, await memoryMb())), 50);
  const big = await call("POST", "jobs", { name: "big" });
  const piece = Buffer.alloc(2 ** 20, 7);
  async function* pieces() {
    for (let sent = 0; sent < Number(values["upload-mb"]); sent++) yield piece;
  }
  const start = performance.now();
  await upload(big.id, "big.cbz", Number(values["upload-mb"]) * 2 ** 20, pieces()).catch(
    (error) => (results.uploadAnswer = error.message.slice(0, 120)),
  );
  clearInterval(watch);
  results.upload = {
    mb: Number(values["upload-mb"]),
    seconds: (performance.now() - start) / 1000,
    memoryRiseMb: Math.round(most - before),
  };
} finally {
  server.kill("SIGTERM");
  await once(server, "exit");
  await rm(folder, { recursive: true, force: true });
}
process.stdout.write(`${JSON.stringify(results, undefined, 2)}\n`);
