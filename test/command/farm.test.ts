// The farm's commands with a real Redis, in good and bad states: nothing there, twice, while pages are done, after
// them.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import sharp from "sharp";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { linePage, writeChapter, chapterFiles, writeFolder } from "../support/chapter.js";
import { CLI_PATH, runCli, type CliResult } from "../support/cli.js";
import { freePort } from "../support/free-port.js";
import { openPageSource } from "../../src/io/open-source.js";
import { hashOf } from "../support/paper-engine.js";
import { hasRedis, startRedis, type RedisServer } from "../support/redis.js";
import { SMALL_MODEL } from "../support/shared-models.js";
import { killProcess, startWorkerProcess } from "../support/worker-process.js";

/** So many that a store can be killed before all are done. */
const REMOTE_PAGES = 12;
const FAST = ["--steps", "1", "--top-k", "1"];

describe.skipIf(!hasRedis)("the farm's commands (need Debian's package redis-server)", () => {
  let root: string;
  let server: RedisServer;
  let farms = 0;
  let farm: string;
  const workers: ChildProcess[] = [];
  const at = (...names: string[]): string => join(root, ...names);

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "cobra-farm-command-"));
    await writeChapter(at("a.cbz"), 3);
    await mkdir(at("store"));
    server = await startRedis();
  });
  afterEach(async () => {
    for (const worker of workers.splice(0)) await killProcess(worker);
  });
  afterAll(async () => {
    await server?.close();
    await rm(root, { recursive: true, force: true });
  });

  const environment = (): Record<string, string> => ({
    COBRA_QUEUE: server.url,
    COBRA_STORE: at("store"),
    COBRA_MODEL: SMALL_MODEL,
    XDG_CACHE_HOME: at("cache"),
  });

  /** Names a farm of this test's own. */
  function newFarm(): void {
    farm = `test-${farms++}`;
  }

  function run(...args: string[]): Promise<CliResult> {
    return runCli([...args, "--name", farm], undefined, environment());
  }

  /** Runs a command that must end well. @returns its standard output */
  async function good(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await run(...args);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    return stdout;
  }

  /** Runs a command that must fail. */
  async function bad(exitCode: number, message: RegExp, ...args: string[]): Promise<void> {
    const { code, stderr } = await run(...args);
    expect(stderr).toMatch(message);
    expect(code).toBe(exitCode);
  }

  interface Line {
    readonly id: string;
    readonly state: string;
    readonly pages: number;
    readonly left: number;
    readonly remedy: string;
    readonly queued: number;
    readonly known: number;
  }

  /** The lines of a type that a command writes as JSON. */
  async function json(type: string, ...args: string[]): Promise<Line[]> {
    const lines = (await good(...args, "--json")).split("\n").slice(0, -1);
    return lines.map((line) => JSON.parse(line) as Line & { type: string }).filter((line) => line.type === type);
  }

  const list = (): Promise<Line[]> => json("queued-chapter", "queue", "list");

  async function submitted(...args: string[]): Promise<Line> {
    return (await json("submitted", "submit", ...FAST, ...args))[0]!;
  }

  async function startWorker(...args: string[]): Promise<ChildProcess> {
    const worker = await startWorkerProcess(environment(), "--name", farm, ...args);
    workers.push(worker);
    return worker;
  }

  /** Looks at the queue until it is as a test wants it. */
  async function until(isSo: (chapters: Line[]) => boolean): Promise<Line[]> {
    for (;;) {
      const chapters = await list();
      if (isSo(chapters)) return chapters;
      await sleep(100);
    }
  }

  it("an empty farm: nothing to list, to drain or to resume; no such job", async () => {
    newFarm();
    expect(await good("queue", "list")).toBe("no chapters are in the queue\n");
    expect(await good("queue", "drain")).toBe("0 chapters taken out\n");
    expect(await good("queue", "resume")).toBe("workers take pages again\n");
    for (const action of [["show"], ["cancel"], ["retry", "--failed"]])
      await bad(1, /there is no job 0123456789ab: .*\[ERR_QUEUE_JOB\]/, "queue", ...action, "0123456789ab");
  });

  it("pauses a farm before its first chapter, takes a chapter once, cancels it once", async () => {
    newFarm();
    await good("queue", "pause");
    const worker = await startWorker();
    const output = ["--output-zip", at("paused.cbz")];
    const { id, queued } = await submitted(at("a.cbz"), ...output, "--priority", "5");
    expect(queued).toBe(3);
    await bad(1, /paused.cbz is in the queue already, as job/, "submit", at("a.cbz"), ...output, ...FAST);
    await bad(1, /is in the queue already/, "queue", "retry", id);
    expect(await list()).toMatchObject([{ id, state: "paused", priority: 5, pages: 3, left: 3 }]);
    expect(await good("queue", "list")).toMatch(/paused +0\/3 .*\nthe queue is paused: /);
    expect(await good("queue", "show", id)).toMatch(/paused +0\/3 .*paused.cbz\n {2}model /);
    await good("queue", "cancel", id);
    await bad(1, /there is no job/, "queue", "cancel", id);
    expect((await submitted(at("a.cbz"), ...output)).id).toBe(id);
    expect(worker.exitCode).toBeNull();
    await good("queue", "resume");
    await until((chapters) => chapters.length === 0);
    expect(await submitted(at("a.cbz"), "--output-zip", at("again.cbz"))).toMatchObject({ queued: 0, known: 3 });
  });

  it("pauses a single chapter of a shell, and resumes it", async () => {
    newFarm();
    const { id } = await submitted(at("a.cbz"), "--output-zip", at("held.cbz"), "--seed", "6");
    expect(await good("queue", "pause", id)).toContain(`job ${id} until`);
    await startWorker();
    await good("submit", at("a.cbz"), "--output-zip", at("free.cbz"), "--seed", "7", ...FAST, "--wait");
    expect(await list()).toMatchObject([{ id, state: "paused", left: 3, done: 0 }]);
    expect(await good("queue", "resume", id)).toBe(`workers take pages of job ${id} again\n`);
    await until((chapters) => chapters.length === 0);
    await bad(1, /there is no job/, "queue", "pause", id);
  });

  it("keeps a chapter with a page that failed, and does it alone once it is mended", async () => {
    newFarm();
    await startWorker();
    await writeFolder(at("mend"), { ...(await chapterFiles(1)), "p9.png": Buffer.from("no picture") });
    await writeFile(at("p9.png"), await linePage(9));
    const { id } = await submitted(at("mend"), "--output-dir", at("mended"), "--seed", "9");
    const failed = await until(([chapter]) => chapter!.state === "failed");
    expect(failed).toMatchObject([{ id, pages: 2, left: 0, done: 1, failed: 1 }]);
    expect(failed).toMatchObject([{ reason: expect.stringMatching(/p9.png \(ERR_/), remedy: expect.any(String) }]);
    const shown = await good("queue", "show", id);
    expect(shown).toMatch(/^ {2}failed +p9\.png: .* \[ERR_[A-Z_]+\]$/m);
    expect(shown).toMatch(/^ {2}remedy +\w.*$/m);
    expect(shown).toContain(`cobra-batch queue retry ${id}`);
    await copyFile(at("p9.png"), at("mend/p9.png"));
    expect(await good("queue", "retry", id, "--failed", "--store", at("store"))).toBe(
      `job ${id}: 1 page queued, 1 done already\n`,
    );
    await until((chapters) => chapters.length === 0);
    await bad(1, /there is no job/, "queue", "retry", id);
  });

  it("lists a chapter whose submitter waits; draining ends the waiting with failed pages", async () => {
    newFarm();
    const args = ["submit", at("a.cbz"), "--output-zip", at("waited.cbz"), "--wait", "--seed", "4", ...FAST];
    const waiting = run(...args);
    const [chapter] = await until((chapters) => chapters.length > 0);
    expect(chapter).toMatchObject({ state: "waiting", output: at("waited.cbz"), pages: 3, left: 3 });
    expect(await good("queue", "show", chapter!.id)).toContain("0/3");
    await bad(1, /still waiting for it/, "queue", "retry", chapter!.id);
    expect(await good("queue", "drain")).toBe("1 chapter taken out\n");
    const { code, stderr } = await waiting;
    expect(code).toBe(1); // all of its pages failed
    expect(stderr).toMatch(/p1.png is no longer in the queue and has no result: it was cancelled/);
    expect(stderr).toMatch(/^ {2}next +then submit the chapter again/m);
    await startWorker();
    expect((await run(...args)).code).toBe(0);
    expect(await list()).toEqual([]);
  });

  it("a worker says that Redis does not answer, and ends all the same", async () => {
    newFarm();
    const port = await freePort();
    const worker = await startWorker("--metrics-port", String(port), "--drain", "1");
    const ask = async (path: string): Promise<string> => {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`);
      return `${answer.status} ${await answer.text()}`;
    };
    expect(await ask("/readyz")).toBe("200 ready\n");
    expect(await ask("/metrics")).toMatch(/cobra_queue_connected 1\n/);
    server.freeze();
    try {
      expect(await ask("/readyz")).toBe("503 the queue does not answer\n");
      expect(await ask("/metrics")).toMatch(/cobra_queue_connected 0\n/);
      expect(await ask("/healthz")).toBe("200 ok\n");
      worker.kill("SIGTERM");
      expect(await once(worker, "exit")).toEqual([143, null]);
    } finally {
      server.thaw();
    }
  });

  /** Serves a folder as a store, at the same address after a kill. */
  async function startStore(port: number, ...more: string[]): Promise<ChildProcess> {
    const child = spawn(process.execPath, [CLI_PATH, "store", at("remote"), "--port", String(port), ...more], {
      stdio: ["ignore", "pipe", "ignore"],
      env: { ...process.env, COBRA_STORE_TOKEN: "a-token-of-the-farm" },
    });
    workers.push(child);
    const [line] = (await once(child.stdout!, "data")) as [Buffer];
    expect(line.toString()).toBe(`http://127.0.0.1:${port}\n`);
    return child;
  }

  it("needs two addresses and no shared folder; the store is killed in the middle", async () => {
    newFarm();
    await mkdir(at("remote"), { recursive: true });
    const port = await freePort();
    const store = await startStore(port);
    const flags = ["--store", `http://127.0.0.1:${port}`, "--token", "a-token-of-the-farm"];
    await writeChapter(at("long.cbz"), REMOTE_PAGES);
    const chapter = ["submit", at("long.cbz"), ...flags, "--seed", "5", ...FAST];
    await bad(64, /add --wait/, ...chapter, "--output-zip", at("remote.cbz"));
    const args = [...chapter, "--output-zip", at("remote.cbz"), "--wait", "--name", farm];
    const results = async (): Promise<number> =>
      (await readdir(at("remote/results"), { recursive: true })).filter((name) => name.endsWith(".page")).length;
    await startWorker(...flags, "--max-concurrent", "1");
    const waiting = runCli(args, undefined, environment());
    // Killed as soon as the first page is done: the worker and the submitter have work for the store then.
    while ((await results()) === 0) await sleep(10);
    store.kill("SIGKILL");
    await once(store, "exit");
    expect(await results()).toBeLessThan(REMOTE_PAGES);
    await refuseRequests(port, 3);
    await startStore(port);
    expect((await waiting).code).toBe(0);
    const local = ["colorize", at("long.cbz"), "--seed", "5", ...FAST, "--output-zip", at("local.cbz")];
    expect((await runCli(local, undefined, environment())).code).toBe(0);
    expect(await hashes(at("remote.cbz"))).toEqual(await hashes(at("local.cbz")));
  });

  it("a page, a reference or a result that the store finds too large costs the pages that need it", async () => {
    newFarm();
    await mkdir(at("remote"), { recursive: true });
    const port = await freePort();
    const files = await chapterFiles(3);
    const large = await sharp(await linePage(7))
      .tiff({ compression: "none" })
      .toBuffer();
    const limit = Math.max(...Object.values(files).map(({ byteLength }) => byteLength)) + 1;
    expect(large.byteLength).toBeGreaterThan(limit);
    await writeFolder(at("mixed"), { ...files, "p2.tiff": large });
    await startStore(port, "--max-bytes", String(limit));
    const flags = ["--store", `http://127.0.0.1:${port}`, "--token", "a-token-of-the-farm", "--wait", "--name", farm];
    await startWorker(...flags.slice(0, 4));
    const chapter = async (input: string, ...more: string[]): Promise<CliResult> =>
      runCli(["submit", at(input), ...flags, ...FAST, ...more], undefined, environment());
    // JPEG: its results fit.
    const one = await chapter("mixed", "--output-dir", at("mixed-out"), "--format", "jpeg", "--quality", "1", "--json");
    const lines = one.stdout
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.filter(({ type }) => type === "page-failed")).toMatchObject([
      { page: "p2.tiff", code: "ERR_STORE_LIMIT", message: expect.stringContaining(`at most ${limit} bytes, not `) },
    ]);
    expect(lines.at(-1)).toMatchObject({ type: "batch-completed", completed: 3, failed: 1 });
    expect(one.code).toBe(2);
    // Uncompressed results do not fit.
    const results = await chapter("a.cbz", "--output-dir", at("large-out"), "--format", "tiff", "--seed", "12");
    expect(results.stderr.match(/takes files of at most/g)).toHaveLength(3);
    expect(results.code).toBe(1);
    await mkdir(at("colour"));
    await writeFile(at("colour/large.tiff"), large);
    const named = await chapter("a.cbz", "--output-dir", at("ref-out"), "--reference-dir", at("colour"));
    expect(named.stderr).toMatch(/the reference large\.tiff: .* takes files of at most/);
    expect(named.code).toBe(1);
  });

  it("says soon that there is no Redis, and never prints its password", async () => {
    newFarm();
    const port = await freePort();
    const { code, stderr } = await run("queue", "list", "--queue", `redis://:sesame@127.0.0.1:${port}`);
    expect(stderr).toMatch(/does not answer within 5 s \(connect ECONNREFUSED/);
    expect(stderr).not.toContain("sesame");
    expect(code).toBe(75);
  });
});

/** Stands at a port and breaks off what comes, until so many requests were made. */
async function refuseRequests(port: number, requests: number): Promise<void> {
  let left = requests;
  await new Promise<void>((resolve) => {
    const server = createServer((socket) => {
      socket.destroy();
      if (--left === 0) server.close(() => resolve());
    });
    server.listen(port, "127.0.0.1");
  });
}

async function hashes(path: string): Promise<unknown[]> {
  const source = await openPageSource(path);
  const entries = source.entries().filter(({ name }) => !name.includes("metadata"));
  const found = await Promise.all(entries.map(async (entry) => [entry.name, hashOf(await entry.read())]));
  await source.close();
  return found;
}
