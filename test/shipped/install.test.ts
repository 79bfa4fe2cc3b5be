// The two commands of docs/models.md on a fresh machine, against a server that speaks the hub's API: they give the
// golden picture. And what can happen to the first: it is killed, started twice, or the disk is full.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { Engine } from "../../src/colorization/engine.js";
import { messageOf } from "../../src/errors.js";
import { installModel, type InstallResult } from "../../src/install/install-model.js";
import { modelDirectory } from "../../src/model/default-model.js";
import { openModelPackage } from "../../src/model/package.js";
import { exitCodeFor } from "../../src/ui/cli/output/exit-codes.js";
import { colourPage, linePage, writeFolder } from "../support/chapter.js";
import { CLI_PATH, runCli } from "../support/cli.js";
import {
  expectLatents,
  expectLines,
  expectPatches,
  expectPictures,
  FLOAT32,
  runPipeline,
} from "../support/golden-pipeline.js";
import { HubServer } from "../support/hub-server.js";
import { COBRA, PIXART, RELEASE, releaseCatalogue } from "../support/release-catalogue.js";
import { canMount } from "../support/mounts.js";

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

it("killed while files come, while the package is written and while it is hashed, it ends with the same package", async () => {
  const env = await freshHome();
  /** Runs it until `line` is printed or, where that is undefined, until a large file is asked for. */
  const killedAt = async (line: RegExp | undefined): Promise<void> => {
    const child = spawn(process.execPath, [CLI_PATH, ...INSTALL, "--json"], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "ignore"],
    });
    const ended = once(child, "exit");
    hub.onRequest = ({ url, place }) => {
      if (line !== undefined || place !== "cdn" || !url.includes("line_GSRP")) return undefined;
      child.kill("SIGKILL");
      return new Promise(() => {}); // it gets no answer
    };
    child.stdout.on("data", (chunk: Buffer) => {
      if (line?.test(chunk.toString()) === true) child.kill("SIGKILL");
    });
    expect((await ended)[1]).toBe("SIGKILL");
    hub.onRequest = () => {};
    expect(await readdir(join(models(env), "cobra")).catch(() => [])).not.toContain("1-fp32");
  };
  await killedAt(undefined);
  await killedAt(/"part":"reference_encoder\.onnx"/u);
  const written = join(models(env), "cobra/.1-fp32.unfinished/line_extractor.onnx");
  const { ino } = await stat(written);
  hub.requests.splice(0);
  await killedAt(/"part":"hash"/u);
  expect((await stat(written)).ino).toBe(ino); // what was finished is not written again
  expect(hub.requests.filter(({ method }) => method === "GET")).toEqual([]);
  const { code, stdout } = await runCli(INSTALL, undefined, env);
  expect(code).toBe(0);
  expect((await openModelPackage(stdout.trim())).hash).toBe(right);
  expect(await readdir(models(env))).toEqual(["cobra"]);
  expect(await readdir(join(models(env), "cobra"))).toEqual(["1-fp32"]);
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
    const install = (): Promise<InstallResult> =>
      installModel({ name: "cobra", env, ask: () => Promise.resolve(true), onEvent: () => {} });
    const failure = async (): Promise<string> => {
      const error: unknown = await install().catch((thrown: unknown) => thrown);
      return `${exitCodeFor(error)} ${messageOf(error)}`;
    };
    const fetched = (): unknown[] =>
      hub.requests.splice(0).filter(({ method, place }) => method === "GET" && place === "cdn");
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", disk]);
      hub.requests.splice(0);
      expect(await failure()).toMatch(/^75 .* has 1\.0 MB free, and .* are needed: .*free some space, or .*--to$/u);
      expect(fetched()).toEqual([]);

      execFileSync("mount", ["-o", "remount,size=4m", disk]); // enough by what is known, not by what is written
      expect(await failure()).toMatch(/^75 .*free some space/u);
      expect(fetched()).toHaveLength(10); // the large ones

      execFileSync("mount", ["-o", "remount,size=32m", disk]);
      expect((await install()).opened.hash).toBe(right);
      expect(fetched()).toEqual([]);
    } finally {
      execFileSync("sh", ["-c", `umount ${disk} 2>/dev/null || true`]);
    }
  });
});
