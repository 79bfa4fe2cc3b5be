// The web server beside its floor, in one run: how long an event takes to reach 20 readers, the memory that an upload
// costs, and pages a minute through the server against the engine alone, which take turns (ratio: 1 is equal, above it
// the server is quicker).
// node bench/web-server.mjs [--upload-mb 512] [--rounds 3] [--chapter scripts/sample/chapter.cbz]
import { spawn } from "node:child_process";
import { once } from "node:events";
import { request } from "node:http";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { parseArgs } from "node:util";
import { Engine, runBatch } from "../dist/index.js";

const { values } = parseArgs({
  options: {
    "upload-mb": { type: "string", default: "512" },
    rounds: { type: "string", default: "3" },
    chapter: { type: "string", default: "scripts/sample/chapter.cbz" },
  },
});
const MAIN = new URL("../dist/ui/cli/main.js", import.meta.url).pathname;
const READERS = 20;
const CHANGES = 50;

const folder = await mkdtemp(join(tmpdir(), "cobra-bench-web-"));
const server = spawn(process.execPath, [MAIN, "serve", "--port", "0", "--json", "--data", join(folder, "data")]);
server.stderr.resume();
const [line] = await once(server.stdout, "data");
const listening = JSON.parse(String(line).split("\n")[0]);
const base = new URL("/api/v1/", listening.url ?? listening.address);

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

/** A chapter on the engine alone, from its archive to its results. */
async function engineSeconds(engine, outputDir) {
  const began = performance.now();
  await runBatch(engine, { inputZip: values.chapter, outputDir });
  return (performance.now() - began) / 1000;
}

/** The same as a job, from its start to its end. */
async function serverSeconds(bytes) {
  const { id } = await call("POST", "jobs", { name: "chapter" });
  await upload(id, basename(values.chapter), bytes.length, [bytes]);
  const until = async (wanted) => {
    for (;;) {
      const now = await call("GET", `jobs/${id}`);
      if (wanted(now)) return now;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  await until((now) => !now.scanning && now.counts.pages > 0);
  const began = performance.now();
  await call("POST", `jobs/${id}/start`);
  const { state } = await until((now) => ["completed", "failed"].includes(now.state));
  if (state !== "completed") throw new Error("the chapter was not coloured");
  const seconds = (performance.now() - began) / 1000;
  await call("DELETE", `jobs/${id}`);
  return seconds;
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
  const engine = await Engine.open();
  const bytes = await readFile(values.chapter);
  const ratios = [];
  try {
    for (let round = 0; round <= Number(values.rounds); round++) {
      const bare = await engineSeconds(engine, join(folder, `out-${round}`));
      const served = await serverSeconds(bytes);
      if (round > 0) ratios.push({ bare, served, ratio: bare / served });
    }
  } finally {
    await engine.close();
  }
  results.chapter = { rounds: ratios, ratio: median(ratios.map(({ ratio }) => ratio)) };

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
