// The web server over a farm's queue, with a real Redis, real workers and real SIGKILLs: what comes out is what a
// server with an engine of its own writes.
import type { ChildProcess } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPageSource } from "../../src/io/open-source.js";
import type { Farm } from "../../src/ui/web/api/farm.js";
import type { Job } from "../../src/ui/web/api/schemas.js";
import { writeZip } from "../support/archives.js";
import { chapterFiles, linePage } from "../support/chapter.js";
import { runCli, type CliResult } from "../support/cli.js";
import { hashOf } from "../support/paper-engine.js";
import { hasRedis, startRedis, type RedisServer } from "../support/redis.js";
import { SMALL_MODEL } from "../support/shared-models.js";
import { killProcess, startWorkerProcess } from "../support/worker-process.js";
import { startCommand, type TestServer } from "../support/web-server.js";

const PAGES = 8;

describe.skipIf(!hasRedis)("the web server over a farm (needs Debian's package redis-server)", () => {
  let root: string;
  let redis: RedisServer;
  let server: TestServer;
  let local: Readonly<Record<string, string>>;
  const workers: ChildProcess[] = [];
  const at = (...names: string[]): string => join(root, ...names);
  const environment = (): Record<string, string> => ({
    COBRA_QUEUE: redis.url,
    COBRA_STORE: at("store"),
    COBRA_MODEL: SMALL_MODEL,
  });

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "cobra-farm-server-"));
    const files = await chapterFiles(PAGES);
    for (let page = 1; page <= PAGES; page++)
      files[`p${page}.png`] = await sharp(await linePage(page))
        .extend({ bottom: page, background: "white" })
        .png()
        .toBuffer();
    await writeZip(at("chapter.cbz"), files);
    await mkdir(at("store"));
    redis = await startRedis();
    const alone = await startCommand(["--data", at("alone"), "--model", SMALL_MODEL]);
    local = await coloured(alone, {});
    await alone.end();
    await startWorker();
    await startWorker();
    server = await startServer();
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    for (const worker of workers) await killProcess(worker);
    await redis?.close();
    await rm(root, { recursive: true, force: true });
  });

  const startServer = (): Promise<TestServer> => startCommand(["--queue", "--data", at("data")], environment());

  async function startWorker(): Promise<void> {
    workers.push(await startWorkerProcess(environment()));
  }

  const queue = (...args: string[]): Promise<CliResult> => runCli(["queue", ...args], undefined, environment());

  async function call<T>(to: TestServer, method: string, path: string, body?: object): Promise<T> {
    const answer = await fetch(`${to.url}/api/v1${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(text);
    return JSON.parse(text) as T;
  }

  const farm = (): Promise<Farm> => call<Farm>(server, "GET", "/farm");

  async function untilJob(to: TestServer, id: string, isSo: (job: Job) => boolean): Promise<Job> {
    for (;;) {
      const job = await call<Job>(to, "GET", `/jobs/${id}`);
      if (isSo(job)) return job;
      await sleep(100);
    }
  }

  async function untilFarm(isSo: (farm: Farm) => boolean): Promise<Farm> {
    for (;;) {
      const now = await farm();
      if (isSo(now)) return now;
      await sleep(200);
    }
  }

  /** A draft of the chapter. */
  async function uploaded(to: TestServer, settings: object): Promise<string> {
    const { id } = await call<Job>(to, "POST", "/jobs", { name: "Chapter", settings });
    const form = new FormData();
    form.set("role", "input");
    form.set("path", "chapter.cbz");
    form.set("file", new Blob([new Uint8Array(await readFile(at("chapter.cbz")))]), "chapter.cbz");
    const answer = await fetch(`${to.url}/api/v1/jobs/${id}/files`, { method: "POST", body: form });
    expect(answer.ok).toBe(true);
    await untilJob(to, id, ({ scanning, counts }) => !scanning && counts.pages === PAGES);
    return id;
  }

  /** Hashes of the files of a job that is done, but for the metadata: they name where the networks ran. */
  async function result(to: TestServer, id: string): Promise<Record<string, string>> {
    const answer = await fetch(`${to.url}/api/v1/jobs/${id}/result`);
    const path = at(`${id}.cbz`);
    await writeFile(path, new Uint8Array(await answer.arrayBuffer()));
    return hashesOf(path);
  }

  async function hashesOf(path: string): Promise<Record<string, string>> {
    const source = await openPageSource(path);
    const hashes: Record<string, string> = {};
    for (const entry of source.entries())
      if (entry.name !== "processing_metadata.json") hashes[entry.name] = hashOf(await entry.read());
    await source.close();
    return hashes;
  }

  async function coloured(to: TestServer, settings: object): Promise<Record<string, string>> {
    const id = await uploaded(to, settings);
    await call(to, "POST", `/jobs/${id}/start`);
    const job = await untilJob(to, id, ({ state }) => state !== "queued" && state !== "running");
    expect(job).toMatchObject({ state: "completed", progress: { completed: PAGES, failed: 0 } });
    return result(to, id);
  }

  /** A job whose pages wait in the queue, since workers take none. Settings of its own: nothing of it is stored. */
  async function held(settings: object): Promise<string> {
    await call(server, "POST", "/farm/pause");
    const id = await uploaded(server, settings);
    await call(server, "POST", `/jobs/${id}/start`);
    await untilFarm(({ chapters }) => chapters.some(({ job, left }) => job === id && left === PAGES));
    return id;
  }

  async function ended(id: string): Promise<Job> {
    return untilJob(server, id, ({ state }) => state !== "queued" && state !== "running");
  }

  it("colours a chapter by two workers as a server alone does, and leaves nothing in the queue", async () => {
    const events = new AbortController();
    const told = eventsUntil(server, events.signal);
    const pictures = await coloured(server, {}).finally(() => events.abort());
    expect(pictures).toEqual(local);
    const now = await untilFarm(
      ({ nodes, chapters }) => chapters.length === 0 && nodes.reduce((sum, node) => sum + node.pagesDone, 0) === PAGES,
    );
    expect(now.nodes).toHaveLength(2);
    expect(now.nodes[0]).toMatchObject({ isOurs: true, pagesFailed: 0, devices: [{ name: "cpu", state: "ready" }] });
    const types = await told;
    // The progress of the pages and the farm's own state come as events.
    expect(types).toContain("picture processing");
    expect(types).toContain("farm");
  });

  it("colours a single page, and says what a farm cannot do", async () => {
    const form = new FormData();
    form.set("page", new Blob([new Uint8Array(await linePage(1))]), "page.png");
    const page = await fetch(`${server.url}/api/v1/colorize`, { method: "POST", body: form });
    expect(page.headers.get("content-type")).toBe("image/png");
    const [job] = await call<Job[]>(server, "GET", "/jobs");
    const pictures = await call<{ id: string; role: string }[]>(server, "GET", `/jobs/${job!.id}/pictures`);
    const one = pictures.find(({ role }) => role === "page")!;
    const lines = await fetch(`${server.url}/api/v1/jobs/${job!.id}/pictures/${one.id}/lines`);
    expect(lines.status).toBe(501);
    expect(await lines.json()).toMatchObject({ code: "ERR_NOT_ON_FARM" });
    const psd = await fetch(`${server.url}/api/v1/jobs/${job!.id}/pictures/${one.id}/psd`);
    expect(psd.status).toBe(200);
    expect(
      Buffer.from(await psd.arrayBuffer())
        .subarray(0, 4)
        .toString(),
    ).toBe("8BPS");
  });

  it("continues after it was killed while its pages were in the queue", async () => {
    const id = await held({ fill: "model" });
    await server.end("SIGKILL");
    server = await startServer();
    await call(server, "POST", "/farm/resume");
    expect(await ended(id)).toMatchObject({ state: "completed", progress: { completed: PAGES, failed: 0 } });
    expect(Object.keys(await result(server, id)).sort()).toEqual(Object.keys(local).sort());
    expect((await farm()).chapters).toEqual([]);
  });

  it("says that Redis is away, and continues when it is back", async () => {
    const id = await held({ ink: "model" });
    redis.freeze();
    await untilFarm(({ connected }) => !connected);
    const refused = await fetch(`${server.url}/api/v1/farm/resume`, { method: "POST" });
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ code: "ERR_QUEUE_CONNECTION" });
    redis.thaw();
    await untilFarm(({ connected }) => connected);
    await redis.kill();
    await untilFarm(({ connected }) => connected);
    await call(server, "POST", "/farm/resume");
    expect(await ended(id)).toMatchObject({ state: "completed", progress: { completed: PAGES, failed: 0 } });
  });

  it("drains a worker, by the command and by the page's call; the other one does the chapter", async () => {
    const [first, second] = (await farm()).nodes;
    expect((await queue("drain", first!.id)).stdout).toContain(`${first!.id} finishes its pages`);
    const before = (await untilFarm((now) => now.nodes.some(({ state }) => state === "drained"))).nodes;
    expect(await coloured(server, { style: "line" })).not.toEqual(local);
    const done = (all: Farm["nodes"], id: string): number => all.find((node) => node.id === id)!.pagesDone;
    // A worker tells of its pages once a second.
    const all = done(before, second!.id) + PAGES;
    const after = await untilFarm(({ nodes: now }) => done(now, second!.id) >= all);
    expect(done(after.nodes, second!.id)).toBe(all);
    expect(done(after.nodes, first!.id)).toBe(done(before, first!.id));
    await call(server, "POST", `/farm/nodes/${first!.id}/resume`);
    await untilFarm((now) => now.nodes.every(({ state }) => state === "idle"));
    expect(await queue("drain", "nobody")).toMatchObject({ code: 1 });
  });

  it("cancels a job that was cancelled in the queue, withdraws the pages of a paused one, and orders by priority", async () => {
    const id = await held({ ink: "model", fill: "flat", style: "line" });
    await call(server, "PATCH", `/jobs/${id}`, { priority: 7 });
    const { chapters } = await untilFarm((now) => now.chapters[0]?.priority === 7);
    expect(chapters).toHaveLength(1);
    await call(server, "POST", `/jobs/${id}/pause`);
    await untilFarm((now) => now.chapters.length === 0);
    await call(server, "POST", `/jobs/${id}/resume`);
    await untilFarm((now) => now.chapters[0]?.left === PAGES);
    expect((await queue("cancel", chapters[0]!.id)).code).toBe(0);
    expect(await ended(id)).toMatchObject({ state: "cancelled", progress: { completed: 0, failed: 0 } });
    await call(server, "POST", "/farm/resume");
    await call(server, "POST", `/jobs/${id}/start`);
    expect(await ended(id)).toMatchObject({ state: "completed", progress: { completed: PAGES } });
  });

  it("shows and steers a chapter that was submitted from a shell", async () => {
    await call(server, "POST", "/farm/pause");
    const submit = ["submit", at("chapter.cbz"), "--output-zip", at("shell.cbz"), "--style", "line", "--ink", "model"];
    await runCli(submit, undefined, environment());
    const { chapters } = await untilFarm((now) => now.chapters.length === 1);
    expect(chapters[0]).toMatchObject({ name: "shell.cbz", state: "paused", pages: PAGES, priority: 0 });
    expect(chapters[0]).not.toHaveProperty("job");
    const now = await call<Farm>(server, "PATCH", `/farm/chapters/${chapters[0]!.id}`, { priority: 3 });
    expect(now.chapters[0]).toMatchObject({ priority: 3 });
    const act = (action: string): Promise<Farm> =>
      call<Farm>(server, "POST", `/farm/chapters/${chapters[0]!.id}/${action}`);
    await act("cancel");
    await untilFarm((after) => after.chapters.length === 0);
    await runCli(submit, undefined, environment());
    await untilFarm((after) => after.chapters.length === 1);
    await act("pause");
    await call(server, "POST", "/farm/resume");
    expect((await untilFarm((after) => !after.paused)).chapters).toMatchObject([{ state: "paused", done: 0 }]);
    await act("resume");
    await untilFarm((after) => after.chapters.length === 0);
    expect(Object.keys(await hashesOf(at("shell.cbz"))).sort()).toEqual(Object.keys(local).sort());
  });

  it("no longer shows a worker that was killed, after its time", async () => {
    await killProcess(workers.pop()!);
    await untilFarm(({ nodes }) => nodes.length === 1);
  });
});

/** What a server tells until the signal: the types of its events, and the states of pictures. */
async function eventsUntil(server: TestServer, signal: AbortSignal): Promise<Set<string>> {
  const types = new Set<string>();
  const answer = await fetch(`${server.url}/api/v1/events`, { signal });
  let text = "";
  try {
    for await (const chunk of answer.body!.pipeThrough(new TextDecoderStream())) {
      const events = `${text}${chunk}`.split("\n\n");
      text = events.pop()!;
      for (const event of events) {
        const data = /^data: (.*)$/m.exec(event)?.[1];
        if (data === undefined) continue;
        const { type, picture } = JSON.parse(data) as { type: string; picture?: { state: string } };
        types.add(picture === undefined ? type : `${type} ${picture.state}`);
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return types;
}
