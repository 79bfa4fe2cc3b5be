// `cobra-batch serve` as a user starts and ends it.
import { cp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { linePage, writeFolder } from "../support/chapter.js";
import { runCli } from "../support/cli.js";
import { dataFolder, newJob, openSocket, startCommand } from "../support/web-server.js";
import { embeddedModelDirectory } from "../../src/model/default-model.js";

let data: Awaited<ReturnType<typeof dataFolder>>;
let folders = 0;
const fresh = (): string => join(data.path, `data-${folders++}`);

beforeAll(async () => {
  data = await dataFolder();
});
afterAll(() => data[Symbol.asyncDispose]());

describe("starting", () => {
  it("prints the address, on this machine alone and without a token", async () => {
    await using server = await startCommand(["--data", fresh()]);
    expect(server.printed).toBe(`http://127.0.0.1:${server.port}/`);
    expect((await fetch(`${server.url}/api/v1/jobs`)).status).toBe(200);
  });

  it("prints one line with --json", async () => {
    await using server = await startCommand(["--data", fresh(), "--json"]);
    expect(JSON.parse(server.printed)).toEqual({
      schema: expect.any(Number),
      type: "listening",
      time: expect.any(String),
      url: `${server.url}/`,
      host: "127.0.0.1",
      port: server.port,
    });
  });

  it("makes a token where others can reach it, and takes one from the environment", async () => {
    await using server = await startCommand(["--data", fresh(), "--host", "0.0.0.0"]);
    const token = /\?token=([\w-]{32})$/.exec(server.printed)![1]!;
    const jobs = (headers: Record<string, string>): Promise<Response> =>
      fetch(`http://127.0.0.1:${server.port}/api/v1/jobs`, { headers });
    expect((await jobs({})).status).toBe(401);
    expect((await jobs({ authorization: `Bearer ${token}` })).status).toBe(200);
    await using named = await startCommand(["--data", fresh()], { COBRA_TOKEN: "token-of-environment" });
    expect(named.printed).toBe(`http://127.0.0.1:${named.port}/?token=token-of-environment`);
  });

  it("takes little memory before a model is loaded", async () => {
    await using server = await startCommand(["--data", fresh()]);
    // What every page asks for first.
    for (const path of ["/", "/api/v1/server", "/api/v1/jobs", "/api/v1/roots"]) await fetch(server.url + path);
    const residentMiB = async (): Promise<number> => {
      const status = await readFile(`/proc/${server.child.pid}/status`, "utf8");
      return Number(/VmRSS:\s+(\d+)/.exec(status)![1]) / 1024;
    };
    await expect.poll(residentMiB).toBeLessThan(150);
    const maps = await readFile(`/proc/${server.child.pid}/maps`, "utf8");
    expect([...new Set(maps.match(/[^\s/]*(?:onnxruntime|cobra_batch)[^\s/]*/g))]).toEqual([]);
  });

  it("is refused on a port that is in use, and says what to do", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const { code, stderr } = await runCli(["serve", "--data", fresh(), "--port", String(port)]);
    other.close();
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`port ${port} on 127\\.0\\.0\\.1 is in use.* --port .*\\[ERR_LISTEN\\]`, "s"));
  });

  it("is refused on an address that this machine does not have", async () => {
    const { code, stderr } = await runCli(["serve", "--data", fresh(), "--host", "192.0.2.7", "--port", "0"]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/192\.0\.2\.7 is not an address of this machine.*\[ERR_LISTEN\]/);
  });

  it("happens once for one data folder, whoever comes first", async () => {
    const folder = fresh();
    const started = await Promise.allSettled([0, 1, 2].map(() => startCommand(["--data", folder])));
    const servers = started.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    const refused = started.flatMap((one) => (one.status === "rejected" ? [String(one.reason)] : []));
    expect(servers).toHaveLength(1);
    for (const text of refused) expect(text).toMatch(/ended with 75: .*\[ERR_OUTPUT_LOCKED\]/s);
    expect((await fetch(`${servers[0]!.url}/api/v1/jobs`)).status).toBe(200);
    await servers[0]!.end();
  });

  it.each([
    [["--token", "short"], /--token: must have 16 characters/],
    [["--token", "with spaces in between"], /--token/],
    [["--port", "70000"], /--port: must be a whole number from 0 to 65535/],
    [["--port", "x"], /--port/],
    [["--root", "/nowhere/at/all"], /--root: must be a folder that exists/],
    [["--root", "a=/", "--root", "a=/tmp"], /--root: two folders are named "a"/],
    [["--host-name", "a b"], /--host-name: must be a name such as manga.example, not "a b"/],
    [["--data", ""], /--data: must not be empty, not ""; name one, or leave --data out/],
  ])("refuses %j", async (flags, says) => {
    const { code, stderr } = await runCli(["serve", "--data", fresh(), ...flags]);
    expect(stderr).toMatch(says);
    expect(code).toBe(64);
  });

  it("logs no fault of its own where a client goes away in the middle of a form", async () => {
    await using server = await startCommand(["--data", fresh()]);
    const job = await newJob(server.url);
    for (const path of [`jobs/${job}/files`, "colorize"]) {
      const socket = await openSocket(server.port);
      const form = '--x\r\ncontent-disposition: form-data; name="page"; filename="a.png"\r\n\r\nhalf a pict';
      socket.write(
        `POST /api/v1/${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: multipart/form-data; boundary=x\r\n` +
          `content-length: 1000\r\n\r\n${form}`,
        () => socket.resetAndDestroy(),
      );
      await once(socket, "close");
    }
    // The log's lines are written before the next request is answered.
    for (let request = 0; request < 3; request++) await (await fetch(`${server.url}/api/v1/jobs`)).text();
    expect(server.stderr()).toBe("");
  });

  it("tells no client where the model lies", async () => {
    const model = join(data.path, "model");
    await cp(embeddedModelDirectory(), model, { recursive: true });
    await using server = await startCommand(["--data", fresh(), "--model", model]);
    await rm(model, { recursive: true });
    const body = new FormData();
    body.set("page", new Blob([new Uint8Array(await linePage(1))]), "p.png");
    const answer = await fetch(`${server.url}/api/v1/colorize`, { method: "POST", body });
    expect(await answer.json()).toMatchObject({
      code: "ERR_MODEL_NOT_FOUND",
      detail: expect.stringMatching(/^the model is not a model package/),
    });
  });

  it("is refused with a graphics device that cannot be used, unless the CPU may take its place", async () => {
    const env = { CUDA_VISIBLE_DEVICES: "", LD_LIBRARY_PATH: "" };
    const flags = ["--provider", "tensorrt", "--data", fresh()];
    const ended = await runCli(["serve", "--port", "0", ...flags], undefined, env);
    expect([ended.code, ended.stdout]).toEqual([1, ""]);
    expect(ended.stderr).toMatch(/--provider tensorrt cannot be used: .*--fallback.*\[ERR_PROVIDER_UNAVAILABLE\]/s);
    await using server = await startCommand([...flags, "--fallback"], env);
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  });

  it("is refused where no data folder can be made, or no model is there", async () => {
    await writeFile(join(data.path, "file"), "");
    await writeFolder(join(data.path, "damaged"), { "manifest.json": Buffer.from("{") });
    const nowhere = join(data.path, "nowhere");
    const cases: [flags: string[], code: number, error: RegExp][] = [
      [["--data", join(data.path, "file/x")], 64, /--data: .*file\/x.*name a folder.*\[ERR_CONFIG\]/],
      [["--data", "/proc/x"], 64, /--data: .*\/proc\/x.*\[ERR_CONFIG\]/],
      [["--data", fresh(), "--model", nowhere], 1, /nowhere.*\[ERR_MODEL_NOT_FOUND\]/],
      [["--data", fresh(), "--model", join(data.path, "damaged")], 1, /damaged.*\[ERR_MODEL_MANIFEST\]/],
    ];
    for (const [flags, code, error] of cases) {
      const ended = await runCli(["serve", "--port", "0", ...flags]);
      expect([ended.code, ended.stdout], flags.join(" ")).toEqual([code, ""]);
      expect(ended.stderr).toMatch(error);
    }
  });
});

describe("ending", () => {
  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)("on %s: lets go of readers and of the port", async (signal, exitCode) => {
    const folder = fresh();
    await using server = await startCommand(["--data", folder]);
    const stream = await fetch(`${server.url}/api/v1/events`);
    expect(await server.end(signal)).toEqual({ code: exitCode, signal: null });
    await stream.body!.cancel().catch(() => undefined);
    await using again = await startCommand(["--data", folder, "--port", String(server.port)]);
    expect(again.port).toBe(server.port);
  });

  it("at once on the second signal, whatever clients do", async () => {
    await using server = await startCommand(["--data", fresh(), "--drain", "600"]);
    // A client that holds a request open keeps the first signal waiting for a while.
    const client = await openSocket(server.port);
    client.write(
      "POST /api/v1/jobs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n" +
        "content-length: 2\r\nexpect: 100-continue\r\n\r\n",
    );
    expect(String(await once(client, "data"))).toMatch(/^HTTP\/1\.1 100 /); // it has the head and waits for the rest
    server.child.kill("SIGTERM");
    await expect.poll(() => server.stderr()).toMatch(/a second signal ends at once/);
    expect(await server.end("SIGINT")).toEqual({ code: 143, signal: null });
    client.destroy();
  });
});
