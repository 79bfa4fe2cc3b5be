// `cobra-batch model quantize` as a user runs it, on a package just large enough to be quantized: the new model by its
// name, killed with `kill -9`, on a disk that is too small and in a folder that cannot be written.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { buildModelPackage } from "../../src/convert/build-package.js";
import { PRESETS, presetWeights } from "../../src/convert/presets.js";
import { openModelPackage } from "../../src/model/package.js";
import { colourPage, linePage } from "../support/chapter.js";
import { CLI_PATH, runCli, type CliResult } from "../support/cli.js";
import { canMount } from "../support/mounts.js";

/** One layer whose matrices are above the size that is quantized. */
const CONFIG = {
  ...PRESETS.tiny,
  transformer: { ...PRESETS.tiny.transformer, heads: 8, headSize: 96, layers: 1, controlLayers: 1 },
  upsampler: null,
};
/** When a call is killed, as shares of the time that a whole one takes. */
const KILLED_AT = [0.3, 0.5, 0.7, 0.85, 0.95];

let root = "";
let env: Record<string, string> = {};
const models = (): string => join(root, "data/cobra-batch/models");
const quantize = (...args: string[]): Promise<CliResult> =>
  runCli(["model", "quantize", "cobra", ...args], undefined, env);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-quantize-"));
  env = { HOME: root, XDG_DATA_HOME: join(root, "data") };
  const directory = join(root, "package");
  await buildModelPackage({
    directory,
    config: CONFIG,
    weights: presetWeights(CONFIG, 1, 4),
    info: { name: "cobra", version: "1", licence: "CC0-1.0", trained: false },
    precision: "float16",
    externalDataAboveBytes: 0,
  });
  await mkdir(join(models(), "cobra"), { recursive: true });
  await cp(directory, join(models(), "cobra/1-fp16"), { recursive: true });
});
afterAll(() => rm(root, { recursive: true, force: true }));

it("makes a model that list and doctor tell apart and colorize takes by its name; killed, it goes on", async () => {
  const began = performance.now();
  const { code, stdout, stderr } = await quantize();
  const ms = performance.now() - began;
  expect(code, stderr).toBe(0);
  const directory = join(models(), "cobra-int8/1-fp16");
  expect(stdout).toBe(`${directory}\n`);
  expect(stderr).toContain("colorize chapter.cbz --model cobra-int8");
  const list = await runCli(["model", "list"], undefined, env);
  expect(list.stdout).toMatch(/^cobra-int8@1-fp16 .*, float16 with int8 weights, line and line \+ shadow, /mu);
  const json = await runCli(["model", "list", "--json"], undefined, env);
  const lines = json.stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { directory: string; quantization?: string });
  expect(lines.find((line) => line.directory === directory)).toMatchObject({
    precision: "float16",
    quantization: "int8",
  });
  const doctor = await runCli(["doctor", "--model", "cobra-int8"], undefined, env);
  expect(doctor.stdout).toContain("float16 with int8 weights");

  const [input, references, output] = ["in", "refs", "out"].map((name) => join(root, name)) as [string, string, string];
  for (const folder of [input, references]) await mkdir(folder);
  await writeFile(join(input, "1.png"), await linePage(1));
  await writeFile(join(references, "1.jpg"), await colourPage(1));
  const run = await runCli(
    ["colorize", input, "--reference-dir", references, "--model", "cobra-int8", "--output-dir", output],
    undefined,
    env,
  );
  expect(run.code, run.stderr).toBe(0);

  const { hash } = await openModelPackage(directory);
  for (const share of KILLED_AT) {
    await rm(join(models(), "cobra-int8"), { recursive: true });
    const child = spawn(process.execPath, [CLI_PATH, "model", "quantize", "cobra"], {
      env: { ...process.env, ...env },
      stdio: "ignore",
    });
    const ended = once(child, "exit");
    await Promise.race([sleep(share * ms), ended]);
    child.kill("SIGKILL");
    await ended;
    const found = await readdir(join(models(), "cobra-int8")).catch((): string[] => []);
    if (found.includes("1-fp16")) expect((await openModelPackage(directory)).hash).toBe(hash);
    const again = await quantize("--json");
    expect(again.code, again.stderr).toBe(0);
    expect((await openModelPackage(directory)).hash).toBe(hash);
    expect(await readdir(join(models(), "cobra-int8"))).toEqual(["1-fp16"]);
  }
});

it.skipIf(!canMount())(
  "says that the disk is too small or cannot be written, with code 75, and leaves no model",
  async () => {
    const disk = join(root, "disk");
    await mkdir(disk);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", disk]);
    try {
      const full = await quantize("--to", disk);
      expect(full.stderr).toMatch(/the package needs .* MB.*free some space.*\[ERR_OUTPUT_WRITE\]/u);
      expect(full.code).toBe(75);
      // The hidden folder is where the next call goes on; nothing opens it.
      expect(await readdir(join(disk, "cobra-int8"))).toEqual([".1-fp16.unfinished"]);
      execFileSync("mount", ["-o", "remount,ro", disk]);
      const readOnly = await quantize("--to", disk);
      expect(readOnly.stderr).toMatch(/read-only.*\[ERR_OUTPUT_WRITE\]/u);
      expect(readOnly.code).toBe(75);
    } finally {
      execFileSync("umount", [disk]);
    }
  },
);

it("refuses bf16 and an unknown scheme, and says why", async () => {
  const bf16 = await runCli(["model", "untrained", "--out", join(root, "bf16"), "--precision", "bf16"], undefined, env);
  expect(bf16.stderr).toContain("--precision: bf16 is not offered: ONNX Runtime's CPU provider has no MatMul");
  expect(bf16.code).toBe(64);
  const scheme = await quantize("--scheme", "int4");
  expect(scheme.stderr).toContain('--scheme: must be "int8", not "int4"');
  expect(scheme.code).toBe(64);
});
