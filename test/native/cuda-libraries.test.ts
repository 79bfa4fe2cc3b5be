/**
 * Libraries of the CUDA and TensorRT providers, found where people have them and loaded ahead of the provider. Small
 * libraries with the real names stand for NVIDIA's; the compiler makes them here. What the real providers need is read
 * from their files where they are staged.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findCudaLibraries, searchPlaces } from "../../src/binding/runtime/cuda-libraries.js";
import { loadAddon } from "../../src/binding/load.js";
import { runJob } from "../../src/binding/runtime/jobs.js";
import { loadRuntime } from "../../src/binding/runtime/runtime.js";
import { readElfNames } from "../../src/platform/elf.js";
// @ts-expect-error a build script without types
import * as fatbinScript from "../../scripts/lib/fatbin.mjs";

const { chipsOf, keepChip } = fatbinScript as {
  chipsOf: (elf: Buffer) => string[];
  keepChip: (elf: Buffer, capability: string) => number;
};

const COMPILER = ["cc", "gcc", "clang"].find((name) => spawnSync(name, ["--version"]).status === 0);
const CUDA_13 = ["libcudart.so.13", "libcublasLt.so.13", "libcublas.so.13", "libcurand.so.10"];
let root: string;
const at = (...parts: string[]): string => join(root, ...parts);

/** A library that is called by the last part of its path, needs others, and holds one function. */
function library(path: string, needed: readonly string[] = [], soname = basename(path)): string {
  mkdirSync(dirname(path), { recursive: true });
  const source = `${path}.c`;
  const symbol = basename(path).replaceAll(/\W/g, "_");
  const calls = needed.map((one) => basename(one).replaceAll(/\W/g, "_"));
  writeFileSync(
    source,
    `${calls.map((name) => `int ${name}(void);`).join("\n")}\nint ${symbol}(void) { return 1${calls.map((name) => ` + ${name}()`).join("")}; }\n`,
  );
  execFileSync(COMPILER!, ["-shared", "-fPIC", "-o", path, source, `-Wl,-soname,${soname}`, ...needed]);
  rmSync(source);
  return path;
}

/** A Python installation with packages that hold libraries, as pip lays them. */
function python(prefix: string, packages: Readonly<Record<string, readonly string[]>>): string {
  for (const [name, files] of Object.entries(packages))
    for (const file of files) library(join(prefix, "lib/python3.12/site-packages", name, file));
  return prefix;
}

/** Only what a test lays there is found, not what this machine has. */
const only = (env: Record<string, string>): Record<string, string> => ({ HOME: at("nobody"), ...env });
const placeOf = (found: ReturnType<typeof findCudaLibraries>): Record<string, string> =>
  Object.fromEntries(
    found.libraries.map(({ name, path, from }) => [
      name,
      path === undefined ? "" : `${from}: ${path.slice(root.length + 1)}`,
    ]),
  );

describe.skipIf(COMPILER === undefined)("CUDA libraries (skipped without a C compiler)", () => {
  let runtime: string;
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), "cobra-cuda-"));
    const parts = CUDA_13.map((name) => library(at("built", name)));
    runtime = library(at("ort/libonnxruntime.so.1"));
    library(at("ort/libonnxruntime_providers_cuda.so"), parts);
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  it("are those that the provider's own file names, and what it asks for later", () => {
    const found = findCudaLibraries(runtime, "cuda", only({}));
    expect(found).toMatchObject({ providerFile: at("ort/libonnxruntime_providers_cuda.so"), cudaVersion: 13 });
    expect(found.libraries.filter(({ isLinked }) => isLinked).map(({ name }) => name)).toEqual(CUDA_13);
    const later = found.libraries.filter(({ isLinked }) => !isLinked).map(({ name }) => name);
    expect(later.sort()).toEqual(["libcudnn.so.9", "libnvrtc.so.13"]);
    expect(findCudaLibraries(runtime, "tensorrt", only({}))).toEqual({ libraries: [] });
  });

  it("are found in the packages of the active Python environment, which are several folders", () => {
    const prefix = python(at("venv"), {
      "nvidia/cu13/lib": [...CUDA_13, "libnvrtc.so.13"],
      "nvidia/cudnn/lib": ["libcudnn.so.9"],
    });
    const found = placeOf(findCudaLibraries(runtime, "cuda", only({ VIRTUAL_ENV: prefix })));
    const packages = "venv/lib/python3.12/site-packages/nvidia";
    expect(found).toMatchObject({
      "libcudart.so.13": `VIRTUAL_ENV: ${packages}/cu13/lib/libcudart.so.13`,
      "libcudnn.so.9": `VIRTUAL_ENV: ${packages}/cudnn/lib/libcudnn.so.9`,
    });
    // The same through the python3 on the path.
    mkdirSync(join(prefix, "bin"));
    symlinkSync("/bin/true", join(prefix, "bin/python3"));
    const active = placeOf(findCudaLibraries(runtime, "cuda", only({ PATH: join(prefix, "bin") })));
    expect(active["libcudnn.so.9"]).toBe(`${join(prefix, "bin/python3")}: ${packages}/cudnn/lib/libcudnn.so.9`);
    // And as Conda lays CUDA: in the prefix itself.
    const conda = at("conda");
    for (const name of CUDA_13) library(join(conda, "lib", name));
    expect(placeOf(findCudaLibraries(runtime, "cuda", only({ CONDA_PREFIX: conda })))["libcudart.so.13"]).toBe(
      "CONDA_PREFIX: conda/lib/libcudart.so.13",
    );
  });

  it("come from the folder that is named, before all others, and all from one place where it has all", () => {
    const whole = python(at("whole"), { "nvidia/cu13/lib": CUDA_13 });
    library(at("named/libcudart.so.13"));
    const partly = findCudaLibraries(runtime, "cuda", only({ COBRA_CUDA_PATH: at("named"), VIRTUAL_ENV: whole }));
    expect(new Set(partly.libraries.filter(({ isLinked }) => isLinked).map(({ from }) => from))).toEqual(
      new Set(["VIRTUAL_ENV"]),
    );
    for (const name of CUDA_13) if (!existsSync(at("named/lib", name))) library(at("named/lib", name));
    const named = findCudaLibraries(runtime, "cuda", only({ COBRA_CUDA_PATH: at("named"), VIRTUAL_ENV: whole }));
    expect(new Set(named.libraries.filter(({ isLinked }) => isLinked).map(({ from }) => from))).toEqual(
      new Set(["COBRA_CUDA_PATH"]),
    );
    // Python's folder `nvidia` may be named as it is.
    const folder = join(whole, "lib/python3.12/site-packages/nvidia");
    expect(placeOf(findCudaLibraries(runtime, "cuda", only({ COBRA_CUDA_PATH: folder })))["libcublas.so.13"]).toContain(
      "COBRA_CUDA_PATH",
    );
  });

  it("folders that are not there or cannot be read are no places", () => {
    writeFileSync(at("a file"), "");
    const places = searchPlaces(only({ VIRTUAL_ENV: at("gone"), CONDA_PREFIX: at("a file"), COBRA_CUDA_PATH: "" }));
    expect(places.map(({ from }) => from)).not.toContain("COBRA_CUDA_PATH");
    expect(findCudaLibraries(at("a file"), "cuda", only({}))).toEqual({ libraries: [] });
  });

  it("loaded ahead by their paths, the provider finds them by name alone", async () => {
    const home = at("ahead");
    const parts = CUDA_13.map((name) => library(join(home, "lib", name)));
    const provider = library(join(home, "libonnxruntime_providers_cuda.so"), parts);
    const addon = loadRuntime();
    const load = (paths: string[]): Promise<string[]> =>
      runJob((settle) => addon.preloadLibraries("cpu", paths, settle)); // not a GPU: it would load a libcudart of the machine
    // Nothing tells the dynamic linker where they are: it fails without them, and goes on to the next.
    const [fault, next] = await load([provider, runtime]);
    expect(fault).toMatch(/^lib(?:cudart|cublasLt)\.so\.13: cannot open shared object file/);
    expect(next).toBe("");
    const found = findCudaLibraries(join(home, "libonnxruntime.so.1"), "cuda", only({ COBRA_CUDA_PATH: home }));
    const paths = found.libraries.flatMap(({ path }) => path ?? []);
    expect(await load([...paths, provider])).toEqual([...paths, provider].map(() => ""));
    expect(loadAddon().addon.liveCounts().runs).toBe(0);
  });

  it("must be named by absolute paths", async () => {
    const addon = loadRuntime();
    const load = (device: unknown, paths: unknown): Promise<string[]> =>
      runJob((settle) => addon.preloadLibraries(device as string, paths as string[], settle));
    await expect(load("cuda:0", ["libcudart.so.13"])).rejects.toMatchObject({ code: "ERR_ARGUMENT" });
    await expect(load("cuda:0", "libcudart.so.13")).rejects.toMatchObject({ code: "ERR_ARGUMENT" });
    await expect(load(0, [])).rejects.toMatchObject({ code: "ERR_ARGUMENT" });
  });
});

const STAGED = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "cobra-batch/onnxruntime-1.29.0/gpu");

describe.skipIf(!existsSync(STAGED))("the real providers (skipped unless staged by `npm run build -- --gpu`)", () => {
  it("name these libraries, CUDA 13 and TensorRT 10", () => {
    const names = (file: string): readonly string[] => readElfNames(join(STAGED, file))!.needed;
    expect(names("libonnxruntime_providers_cuda.so")).toEqual(
      expect.arrayContaining(["libcublasLt.so.13", "libcublas.so.13", "libcurand.so.10", "libcudart.so.13"]),
    );
    expect(readElfNames(join(STAGED, "libonnxruntime_providers_shared.so"))!.soname).toBe(
      "libonnxruntime_providers_shared.so",
    );
    const wanted = (provider: "cuda" | "tensorrt"): string[] =>
      findCudaLibraries(join(STAGED, "libonnxruntime.so.1"), provider, { HOME: "/nobody" }).libraries.map(
        ({ name }) => name,
      );
    expect(wanted("cuda")).toEqual([
      "libcudart.so.13",
      "libnvrtc.so.13",
      "libcublasLt.so.13",
      "libcublas.so.13",
      "libcurand.so.10",
      "libcudnn.so.9",
    ]);
    expect(wanted("tensorrt")).toEqual([
      "libcudart.so.13",
      "libnvrtc.so.13",
      "libcublas.so.13",
      "libcudnn.so.9",
      "libnvinfer.so.10",
      "libnvonnxparser.so.10",
    ]);
  });

  it("have machine code for these chips; a copy keeps that for one, in its place", () => {
    const elf = readFileSync(join(STAGED, "libonnxruntime_providers_cuda.so"));
    const before = Buffer.from(elf);
    expect(chipsOf(elf)).toEqual(["7.5", "8.0", "8.6", "8.9", "9.0", "12.0"]);
    expect(() => keepChip(elf, "10.0")).toThrow(/no code for compute capability 10\.0, only for 7\.5/);
    expect(elf.equals(before)).toBe(true);
    const left = keepChip(elf, "9.0");
    expect(left).toBeGreaterThan(20e6);
    // The entries' headers are as before, so that the driver finds the one that it looks for.
    expect(chipsOf(elf)).toEqual(chipsOf(before));
    let zeroed = 0;
    let other = 0;
    for (let at = 0; at < elf.length; at++)
      if (elf[at] !== before[at]) {
        if (elf[at] === 0) zeroed++;
        else other++;
      }
    expect(other).toBe(0);
    expect(zeroed).toBeGreaterThan(100e6);
    expect(keepChip(Buffer.from(readFileSync(process.execPath)), "9.0")).toBe(0); // no GPU code at all
  });
});
