// The web server over a farm whose workers share no folder with it: the store is a server, and a worker knows two
// addresses and a token. Everything that people do with pages comes out as from a server that colours alone.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Job } from "../../src/ui/web/api/schemas.js";
import { chapterFiles, linePage } from "../support/chapter.js";
import { writeZip } from "../support/archives.js";
import { CLI_PATH } from "../support/cli.js";
import { freePort } from "../support/free-port.js";
import { hashOf } from "../support/paper-engine.js";
import { hasRedis, startRedis, type RedisServer } from "../support/redis.js";
import { SMALL_MODEL } from "../support/shared-models.js";
import { startCommand, type TestServer } from "../support/web-server.js";
import { killProcess, startWorkerIn } from "../support/worker-process.js";

const PAGES = 4;
const TOKEN = "a-token-of-the-farm";

/** Hashes of pictures, by what was done. */
type Seen = Record<string, string | Record<string, string>>;

describe.skipIf(!hasRedis)("the web server over a farm without a shared folder (needs redis-server)", () => {
  let root: string;
  /** What belongs to the machine of the worker. */
  let elsewhere: string;
  let redis: RedisServer;
  let storeUrl: string;
  let store: ChildProcess;
  let worker: ChildProcess;
  let server: TestServer;
  let alone: TestServer;
  const at = (...names: string[]): string => join(root, ...names);

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "cobra-remote-server-"));
    elsewhere = await mkdtemp(join(tmpdir(), "cobra-remote-worker-"));
    const files = await chapterFiles(PAGES);
    for (let page = 1; page <= PAGES; page++)
      files[`p${page}.png`] = await sharp(await linePage(page))
        .extend({ bottom: page, background: "white" })
        .png()
        .toBuffer();
    await writeZip(at("chapter.cbz"), files);
    await mkdir(at("store"));
    redis = await startRedis();
    const port = await freePort();
    storeUrl = `http://127.0.0.1:${port}`;
    store = spawn(process.execPath, [CLI_PATH, "store", at("store"), "--port", String(port), "--model", SMALL_MODEL], {
      stdio: ["ignore", "pipe", "ignore"],
      env: { ...process.env, COBRA_STORE_TOKEN: TOKEN },
    });
    await once(store.stdout!, "data");
    worker = await startWorkerIn(elsewhere, {
      COBRA_QUEUE: redis.url,
      COBRA_STORE: storeUrl,
      COBRA_STORE_TOKEN: TOKEN,
      COBRA_MODEL: "",
      XDG_CACHE_HOME: join(elsewhere, "cache"),
      XDG_DATA_HOME: join(elsewhere, "data"),
    });
    server = await startCommand(["--queue", redis.url, "--data", at("data"), "--store-token", TOKEN], {
      COBRA_STORE: storeUrl,
      XDG_CACHE_HOME: at("cache"),
      XDG_DATA_HOME: at("user"),
    });
    alone = await startCommand(["--data", at("alone"), "--model", SMALL_MODEL]);
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    await alone?.[Symbol.asyncDispose]();
    for (const child of [worker, store]) if (child !== undefined) await killProcess(child);
    await redis?.close();
    await rm(root, { recursive: true, force: true });
    await rm(elsewhere, { recursive: true, force: true });
  });

  it("a worker knows the addresses and the token, no folder of the server, and no model", async () => {
    const process = `/proc/${worker.pid!}`;
    const [args, environment, cwd] = await Promise.all([
      readFile(`${process}/cmdline`, "utf8"),
      readFile(`${process}/environ`, "utf8"),
      readlink(`${process}/cwd`),
    ]);
    expect(args.split("\0").slice(2, -1)).toEqual(["worker", "--threads", "1"]);
    expect(cwd).toBe(elsewhere);
    expect(environment).not.toContain(root);
    // COBRA_PEER_ variables are those of the test run.
    const own = environment.split("\0").filter((one) => /^(?:COBRA|XDG)_(?!PEER_)/.test(one));
    expect(own.toSorted()).toEqual([
      "COBRA_MODEL=",
      `COBRA_QUEUE=${redis.url}`,
      `COBRA_STORE=${storeUrl}`,
      `COBRA_STORE_TOKEN=${TOKEN}`,
      `XDG_CACHE_HOME=${join(elsewhere, "cache")}`,
      `XDG_DATA_HOME=${join(elsewhere, "data")}`,
    ]);
    // The model came from the store, too.
    const models = join(elsewhere, "cache", "cobra-batch", "store", "models");
    const [hash] = (await readdir(models)).filter((name) => /^[0-9a-f]{64}$/.test(name));
    expect(await readFile(join(models, hash!, "manifest.json"))).toEqual(
      await readFile(join(SMALL_MODEL, "manifest.json")),
    );
  });

  it("hints, preview, reject, approve, redo, a single page, PSD: byte for byte as a server alone", async () => {
    const ofFarm = await story(server, at("chapter.cbz"));
    expect(Object.keys(ofFarm)).toEqual([
      "preview of two seeds",
      "preview after reject",
      "approved",
      "redone with the next seed",
      "redone with settings",
      "redone with hints",
      "redone without hints",
      "layered page",
      "single page with hints",
    ]);
    // Each step changes what it is about, so that equal pictures say something.
    expect(new Set(Object.values(ofFarm).map((seen) => JSON.stringify(seen))).size).toBe(Object.keys(ofFarm).length);
    expect(ofFarm).toEqual(await story(alone, at("chapter.cbz")));
  });
});

/** What a person does with a chapter, and the pictures that are seen on the way. */
async function story(to: TestServer, chapter: string): Promise<Seen> {
  const seen: Seen = {};
  const call = async (method: string, path: string, body?: object): Promise<unknown> => {
    const answer = await fetch(`${to.url}/api/v1${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${text}`);
    return text === "" ? undefined : JSON.parse(text);
  };
  const hashAt = async (path: string): Promise<string> => {
    const answer = await fetch(`${to.url}/api/v1${path}`);
    if (!answer.ok) throw new Error(`GET ${path}: ${await answer.text()}`);
    return hashOf(new Uint8Array(await answer.arrayBuffer()));
  };
  const { id } = (await call("POST", "/jobs", {
    name: "Chapter",
    settings: { preview: true, previewPages: 1, previewSeeds: 2, seed: 3, numInferenceSteps: 2 },
  })) as Job;
  const form = new FormData();
  form.set("role", "input");
  form.set("path", "chapter.cbz");
  form.set("file", new Blob([new Uint8Array(await readFile(chapter))]), "chapter.cbz");
  expect((await fetch(`${to.url}/api/v1/jobs/${id}/files`, { method: "POST", body: form })).ok).toBe(true);
  const until = async (isSo: (job: Job) => boolean): Promise<Job> => {
    for (;;) {
      const job = (await call("GET", `/jobs/${id}`)) as Job;
      if (isSo(job)) return job;
      await sleep(100);
    }
  };
  const rests = async (state: Job["state"]): Promise<Job> => {
    const job = await until((now) => now.state !== "queued" && now.state !== "running");
    expect(job).toMatchObject({ state, progress: { failed: 0 } });
    return job;
  };
  await until(({ scanning, counts }) => !scanning && counts.pages === PAGES);
  const pictures = (await call("GET", `/jobs/${id}/pictures`)) as { id: string; name: string; role: string }[];
  const pages = pictures.filter(({ role }) => role === "page");
  const of = (name: string): string => `/jobs/${id}/pictures/${pages.find((one) => one.name === name)!.id}`;
  const results = async (): Promise<Record<string, string>> => {
    const found: Record<string, string> = {};
    for (const { name } of pages) found[name] = await hashAt(`${of(name)}/result`);
    return found;
  };
  const previewed = async ({ preview }: Job): Promise<Record<string, string>> => {
    const found: Record<string, string> = {};
    for (const { page, seed } of preview!.seeds!)
      found[`seed ${seed}`] = await hashAt(`/jobs/${id}/pictures/${page}/result?seed=${seed}`);
    return found;
  };
  await putHints(to, of("p2.png"), "red");
  await call("POST", `/jobs/${id}/start`);
  const first = await rests("preview");
  seen["preview of two seeds"] = await previewed(first);
  await call("POST", `/jobs/${id}/reject`);
  const second = await rests("preview");
  seen["preview after reject"] = await previewed(second);
  await call("POST", `/jobs/${id}/approve`, { seed: second.preview!.seeds![1]!.seed });
  await rests("completed");
  seen["approved"] = await results();
  const redo = async (what: string, name: string, settings?: object): Promise<void> => {
    const ids = [of(name).split("/").at(-1)];
    await call("POST", `/jobs/${id}/redo`, { ids, ...(settings === undefined ? {} : { settings }) });
    await rests("completed");
    seen[what] = await results();
  };
  await redo("redone with the next seed", "p1.png");
  await redo("redone with settings", "p3.png", { style: "line", seed: 9 });
  await putHints(to, of("p4.png"), "blue");
  await redo("redone with hints", "p4.png", { seed: 5 });
  await call("DELETE", `${of("p4.png")}/hints`);
  await redo("redone without hints", "p4.png", { seed: 5 });
  seen["layered page"] = await hashAt(`${of("p2.png")}/psd`);
  seen["single page with hints"] = await singlePage(to);
  return seen;
}

/** Strokes of a colour for a page, of the page's size. */
async function strokes(page: number, colour: string): Promise<Buffer> {
  const size = { width: 200, height: 280 + page };
  const dot = await sharp({ create: { width: 30, height: 30, channels: 4, background: colour } })
    .png()
    .toBuffer();
  return sharp({ create: { ...size, channels: 4, background: "transparent" } })
    .composite([{ input: dot, left: 60, top: 80 }])
    .png()
    .toBuffer();
}

async function putHints(to: TestServer, picture: string, colour: string): Promise<void> {
  const page = colour === "red" ? 2 : 4;
  const answer = await fetch(`${to.url}/api/v1${picture}/hints`, {
    method: "PUT",
    headers: { "content-type": "image/png" },
    body: new Uint8Array(await strokes(page, colour)),
  });
  if (!answer.ok) throw new Error(await answer.text());
}

async function singlePage(to: TestServer): Promise<string> {
  const form = new FormData();
  form.set("page", new Blob([new Uint8Array(await linePage(1))]), "page.png");
  form.set("hints", new Blob([new Uint8Array(await strokes(0, "green"))]), "hints.png");
  form.set("settings", JSON.stringify({ seed: 4, numInferenceSteps: 2 }));
  const answer = await fetch(`${to.url}/api/v1/colorize`, { method: "POST", body: form });
  if (!answer.ok) throw new Error(await answer.text());
  return hashOf(new Uint8Array(await answer.arrayBuffer()));
}
