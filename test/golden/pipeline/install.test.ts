// The two commands of docs/models.md on a fresh machine, against a server that speaks the hub's API: they give the
// golden picture. And what can happen to the first: it is killed, started twice, or the disk is full.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { Engine } from "../../../src/colorization/engine.js";
import { modelDirectory } from "../../../src/model/default-model.js";
import { openModelPackage } from "../../../src/model/package.js";
import { colourPage, linePage, writeFolder } from "../../support/chapter.js";
import { CLI_PATH, runCli } from "../../support/cli.js";
import {
  expectLatents,
  expectLines,
  expectPatches,
  expectPictures,
  FLOAT32,
  runPipeline,
} from "../../support/golden-pipeline.js";
import { HubServer } from "../../support/hub-server.js";
import { COBRA, PIXART, RELEASE, releaseCatalogue } from "../../support/release-catalogue.js";
import { canMount } from "../../support/small-disk.js";

vi.setConfig({ testTimeout: 240_000 });

let root = "";
let hub: HubServer;
let right = "";

/** A fresh machine: a home with nothing in it. */
async function freshHome(): Promise<Record<string, string>> {
  const home = await mkdtemp(join(root, "home-"));
  return machineAt(home);
}
function machineAt(home: string): Record<string, string> {
  return {
    HOME: home,
    XDG_DATA_HOME: join(home, "data"),
    XDG_CACHE_HOME: join(home, "cache"),
    HF_ENDPOINT: hub.url,
    HF_HOME: "",
    HF_HUB_CACHE: "",
    HF_TOKEN: "",
    http_proxy: "",
    HTTP_PROXY: "",
    COBRA_CATALOGUE: join(root, "catalogue.json"),
  };
}
const INSTALL = ["model", "install", "cobra", "--accept-licences"];
const models = (env: Record<string, string>): string => join(env["XDG_DATA_HOME"]!, "cobra-batch/models");

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-golden-install-"));
  hub = await HubServer.start({
    hub: { [COBRA]: join(RELEASE, "cobra"), [PIXART]: join(RELEASE, "pixart") },
    files: { cobra: RELEASE },
  });
  await writeFile(join(root, "catalogue.json"), JSON.stringify(releaseCatalogue({ url: `${hub.url}/files/cobra/` })));
});
afterAll(async () => {
  await hub[Symbol.asyncDispose]();
  await rm(root, { recursive: true, force: true });
});

it("the two commands colour a chapter with the installed model, whose picture is the golden one", async () => {
  const env = await freshHome();
  const installed = await runCli(INSTALL, undefined, env);
  expect(installed.stderr).toMatch(/licence: Licence of the small release\n/u);
  expect(installed.stderr).toMatch(
    /fetching 16 files, 2\.2 MB\n(?:fetching .* of 2\.2 MB \(\d+%\).*\n)+fetched 16 files, 2\.2 MB\nwriting line_extractor\.onnx\n(?:writing .*\n)+hashing the files\nuse it: .* --model cobra\nmake it the default: .* model use cobra\n$/u,
  );
  expect(installed).toMatchObject({ code: 0, stdout: `${join(models(env), "cobra/1-fp32")}\n` });

  await writeFolder(join(root, "chapter"), { "p1.png": await linePage(1) });
  await writeFolder(join(root, "refs"), { "r.png": await colourPage(1) });
  const run = await runCli(
    ["colorize", join(root, "chapter"), "--reference-dir", join(root, "refs"), "--model", "cobra", "--steps", "2"],
    undefined,
    env,
  );
  expect(run).toMatchObject({ code: 0 });
  const metadata = JSON.parse(await readFile(join(run.stdout.trim(), "processing_metadata.json"), "utf8")) as {
    model: { name: string; hash: string };
  };

  const directory = modelDirectory("cobra", env);
  const { hash } = await openModelPackage(directory);
  expect(metadata.model).toMatchObject({ name: "cobra", hash });
  right = hash;
  vi.stubEnv("XDG_DATA_HOME", env["XDG_DATA_HOME"]);
  const engine = await Engine.open({ model: "cobra" });
  vi.unstubAllEnvs();
  const golden = await runPipeline(engine);
  await expectLines(golden, FLOAT32);
  await expectPatches(golden);
  expectLatents(golden, FLOAT32);
  await expectPictures(golden, FLOAT32);
  await engine.close();

  const list = await runCli(["model", "list", "--json"], undefined, env);
  expect(list.stdout.split("\n").filter((line) => line.includes('"installed":"cobra@1-fp32"'))).toHaveLength(1);
});

describe("an installation that is killed", () => {
  // Deterministic moments: at a request, or at a line of the command.
  it.each<[string, (kill: () => void) => { onRequest?: HubServer["onRequest"]; line?: RegExp }]>([
    [
      "while files come",
      (kill) => ({
        onRequest: ({ url, place }) => (place === "cdn" && url.includes("line_GSRP") ? hold(kill) : undefined),
      }),
    ],
    ["while the package is written", () => ({ line: /"part":"reference_encoder\.onnx"/u })],
    ["while it is hashed", () => ({ line: /"part":"hash"/u })],
  ])("%s goes on and ends with the same package", async (_when, at) => {
    const env = await freshHome();
    const child = spawn(process.execPath, [CLI_PATH, ...INSTALL, "--json"], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "ignore"],
    });
    const ended = once(child, "exit");
    const { onRequest, line } = at(() => child.kill("SIGKILL"));
    if (onRequest !== undefined) hub.onRequest = onRequest;
    child.stdout.on("data", (chunk: Buffer) => {
      if (line?.test(chunk.toString()) === true) child.kill("SIGKILL");
    });
    expect((await ended)[1]).toBe("SIGKILL");
    hub.onRequest = () => {};
    expect(await readdir(join(models(env), "cobra")).catch(() => [])).not.toContain("1-fp32");
    const { code, stdout } = await runCli(INSTALL, undefined, env);
    expect(code).toBe(0);
    expect((await openModelPackage(stdout.trim())).hash).toBe(right);
    expect(await readdir(models(env))).toEqual(["cobra"]);
    expect(await readdir(join(models(env), "cobra"))).toEqual(["1-fp32"]);
  });

  /** Kills, and answers when that has taken effect: never. */
  function hold(kill: () => void): Promise<void> {
    kill();
    return new Promise(() => {});
  }
});

it("two at once give one package: the second waits and finds it there", async () => {
  const env = await freshHome();
  const results = await Promise.all([runCli(INSTALL, undefined, env), runCli(INSTALL, undefined, env)]);
  expect(results.map(({ code }) => code)).toEqual([0, 0]);
  expect(new Set(results.map(({ stdout }) => stdout)).size).toBe(1);
  const said = results.map(({ stderr }) => stderr).join("");
  expect(said).toMatch(/another process installs models in .*; waiting for it/u);
  expect(said).toMatch(/it is installed already; --overwrite makes it again/u);
  expect((await openModelPackage(results[0]!.stdout.trim())).hash).toBe(right);
});

describe.skipIf(!canMount())("a small disk (needs root and the right to mount)", () => {
  it("that is too small is told before anything is fetched; one that fills up on the way is code 75 and loses nothing", async () => {
    const disk = join(root, "disk");
    await mkdir(disk);
    const env = { ...machineAt(disk), XDG_DATA_HOME: disk };
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", disk]);
      hub.requests.splice(0);
      const small = await runCli(INSTALL, undefined, env);
      expect(small.code).toBe(75);
      expect(small.stderr).toMatch(
        /has 0\.0 GB free, and .* are needed: .*free some space, or .*--to \[ERR_OUTPUT_WRITE\]/u,
      );
      expect(hub.requests.filter(({ method, place }) => method === "GET" && place === "cdn")).toEqual([]);

      execFileSync("mount", ["-o", "remount,size=4m", disk]); // enough by what is known, not by what is written
      const full = await runCli(INSTALL, undefined, env);
      expect(full.stderr).toMatch(/ERR_OUTPUT_WRITE/u);
      expect(full.stderr).toMatch(/free some space/u);
      expect(full.code).toBe(75);

      execFileSync("mount", ["-o", "remount,size=32m", disk]);
      hub.requests.splice(0);
      const again = await runCli(INSTALL, undefined, env);
      expect(again.code).toBe(0);
      expect(hub.requests.filter(({ method, place }) => method === "GET" && place === "cdn")).toEqual([]);
      expect((await openModelPackage(again.stdout.trim())).hash).toBe(right);
    } finally {
      execFileSync("sh", ["-c", `umount ${disk} 2>/dev/null || true`]);
    }
  });
});
