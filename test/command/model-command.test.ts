// `cobra-batch model info | verify | list | use | remove` as a user runs them, on whole, damaged and foreign folders.
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildPresetPackage } from "../../src/convert/presets.js";
import { openModelPackage, type ModelPackage } from "../../src/model/package.js";
import { modelRequirements, packageBytes, sessionWeightBytes, apartWeightBytes } from "../../src/model/requirements.js";
import { modelCommand } from "../../src/ui/cli/commands/model-command.js";
import { runCli } from "../support/cli.js";

let home = "";
let whole = "";
let damaged = "";
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "cobra-models-"));
  whole = join(home, "whole");
  damaged = join(home, "damaged");
  await buildPresetPackage({ directory: whole, preset: "tiny", precision: "float16", externalDataAboveBytes: 0 });
  await cp(whole, damaged, { recursive: true });
  const bytes = await readFile(join(damaged, "weights.bin"));
  bytes[5000]! ^= 1;
  await writeFile(join(damaged, "weights.bin"), bytes);
});
afterAll(() => rm(home, { recursive: true, force: true }));

describe("model info", () => {
  it("says contents, hashes, sizes, buckets, licence, memory and providers", async () => {
    const { code, stdout } = await runCli(["model", "info", whole]);
    const { manifest, hash } = await openModelPackage(whole);
    expect(code).toBe(0);
    for (const text of [
      "cobra-tiny",
      "untrained",
      "CC0-1.0",
      hash,
      "float16",
      "line, line + shadow",
      "96x96, 96x128, 128x96",
      "weights.bin",
      "cpu: starts",
      "are free",
    ])
      expect(stdout).toContain(text);
    for (const { sha256 } of Object.values(manifest.files)) expect(stdout).toContain(sha256.slice(0, 16));
    expect(stdout).toMatch(/cuda: (?:starts|does not start \(.+\))\n/u);
  });

  it("gives the same as JSON", async () => {
    const { stdout } = await runCli(["model", "info", whole, "--json"]);
    const opened = await openModelPackage(whole);
    const { manifest, hash } = opened;
    expect(JSON.parse(stdout)).toMatchObject({
      directory: whole,
      hash,
      manifest,
      cpu: { weightBytes: modelRequirements(opened, "cpu").weightBytes },
      providers: [{ provider: "cpu" }, { provider: "cuda" }, { provider: "tensorrt" }, { provider: "webgpu" }],
    });
  });

  it("names a folder that is no package", async () => {
    expect(await runCli(["model", "info", home])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("is not a model package") as string,
    });
  });
});

describe("model verify", () => {
  it("finds a flipped byte, and nothing where there is none", async () => {
    expect(await runCli(["model", "verify", whole])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("all intact") as string,
    });
    expect(await runCli(["model", "verify", damaged])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("weights.bin: damaged, expected SHA-256") as string,
    });
  });
});

describe("model list", () => {
  it("lists packages in folders and folders that are packages, one that is cut short too", async () => {
    const cut = join(home, "cut");
    await cp(whole, cut, { recursive: true });
    await writeFile(join(cut, "manifest.json"), "{");
    const { code, stdout } = await runCli(["model", "list", home]);
    expect(code).toBe(0);
    expect(stdout).toContain("whole  cobra-tiny");
    expect(stdout).toMatch(/^cut {2}damaged: .* is not JSON/mu);
    const one = await runCli(["model", "list", whole, "--json"]);
    expect(JSON.parse(one.stdout)).toMatchObject({
      directory: whole,
      name: "cobra-tiny",
      precision: "float16",
      styles: ["line", "line + shadow"],
    });
    expect(await runCli(["model", "list", join(home, "none")])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("ERR_MODEL_NOT_FOUND") as string,
    });
  });
});

describe("requirements", () => {
  it("count half precision in float32 on the CPU, what lies apart once, and only the style in use", async () => {
    const opened = await openModelPackage(whole);
    const [cpu, gpu] = [modelRequirements(opened, "cpu"), modelRequirements(opened, "cuda")];
    const [wide, apart] = [apartWeightBytes(opened, "line", "cpu"), apartWeightBytes(opened, "line", "cuda")];
    // Some are in float32 anyway.
    expect(wide).toBeGreaterThan(1.2 * apart);
    expect(wide).toBeLessThan(2 * apart);
    expect(cpu.weightBytes - wide).toBeGreaterThan(gpu.weightBytes - apart);
    expect(cpu.weightBytes - wide).toBeLessThan(2 * (gpu.weightBytes - apart));
    expect(sessionWeightBytes(opened, "line") + apart).toBe(gpu.weightBytes);
    // 4 layers, key and value, 96 x 128 pixels of 32 x 32 a token, width 24, two bytes.
    expect(cpu.patchBytes).toBe(4 * 2 * 12 * 24 * 2);
  });

  it("of a package of format 1 are its files, without those of another style", async () => {
    const directory = join(home, "format-1");
    const opened = await buildPresetPackage({ directory, preset: "tiny", precision: "float16" });
    const { manifest } = opened;
    expect(manifest.formatVersion).toBe(1);
    const gpu = modelRequirements(opened, "cuda");
    expect(modelRequirements(opened, "cpu").weightBytes).toBe(2 * gpu.weightBytes);
    expect(gpu.weightBytes).toBe(packageBytes(manifest));
    const files = {
      ...manifest.files,
      "denoiser.line.onnx": { bytes: 1000, sha256: "" },
      "weights.line.bin": { bytes: 5000, sha256: "" },
    };
    const graphs = {
      ...manifest.graphs,
      styles: { ...manifest.graphs.styles, line: { ...manifest.graphs.styles.line!, denoiser: "denoiser.line.onnx" } },
    };
    const two: ModelPackage = {
      ...opened,
      styles: opened.styles,
      manifest: { ...manifest, files, graphs },
      graphPath: (graph, style) => opened.graphPath(graph, style),
      weightsPath: () => undefined,
    };
    expect(modelRequirements(two, "cuda").weightBytes).toBe(gpu.weightBytes);
    expect(packageBytes(two.manifest)).toBe(packageBytes(manifest) + 6000);
  });
});

describe("model optimize", () => {
  it("says what TensorRT needs where that is missing, and which packages it can serve", async () => {
    const missing = await runCli(["model", "optimize", "--provider", "tensorrt"]);
    expect(missing.code).toBe(1);
    expect(missing.stderr).toMatch(/the tensorrt provider cannot start: .*(?:npm run build -- --gpu|pip install)/s);
    expect(missing.stdout).toBe("");
    const apart = await runCli(["model", "optimize", whole, "--provider", "tensorrt"]);
    expect(apart.code).not.toBe(0);
    expect(apart.stderr).toContain("its weights lie apart from its graphs");
    expect(await runCli(["model", "optimize"])).toMatchObject({ code: 64 });
    expect(await runCli(["model", "optimize", "--provider", "cuda"])).toMatchObject({ code: 64 });
  });
});

describe("--json", () => {
  it("gives every command of installed models a last line of its own", async () => {
    const env = { XDG_DATA_HOME: join(home, "user"), XDG_DATA_DIRS: join(home, "none") };
    const directory = join(home, "user", "cobra-batch", "models", "mine", "1");
    await cp(whole, directory, { recursive: true });
    const last = async (...args: string[]): Promise<unknown> => {
      const { stdout, stderr } = await runCli(["model", ...args, "--json"], undefined, env);
      expect(stderr).toBe("");
      return JSON.parse(stdout.trim().split("\n").at(-1)!);
    };
    const { hash, manifest } = await openModelPackage(whole);
    const { name, version } = manifest;
    expect(await last("use", "mine")).toMatchObject({ type: "model-default", name: "mine", version: "1", directory });
    expect(await last("use", "embedded")).toMatchObject({ type: "model-default", name: "embedded" });
    expect(await last("verify", "mine")).toMatchObject({ type: "model-verified", directory, hash, name, version });
    expect(await last("remove", "mine")).toMatchObject({ type: "model-removed", folders: [directory] });
    const out = join(home, "untrained");
    const made = await last("untrained", "--preset", "tiny", "--out", out);
    expect(made).toMatchObject({ type: "model-made", name, version, directory: out });
    const again = await runCli(["model", "remove", "mine", "--json"], undefined, env);
    expect(again.code).toBe(1);
    expect(JSON.parse(again.stdout)).toMatchObject({ type: "fatal", code: "ERR_MODEL_NOT_FOUND" });
    expect(again.stderr).toMatch(/^error: .*ERR_MODEL_NOT_FOUND/);
  });

  it("is a flag of every command of `model`", () => {
    const lacking = modelCommand().commands.filter(({ options }) => !options.some(({ long }) => long === "--json"));
    expect(lacking.map((one) => one.name())).toEqual([]);
  });
});
