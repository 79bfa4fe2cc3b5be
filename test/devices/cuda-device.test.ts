/**
 * CUDA devices on a runtime of the test's own, loaded like the real one: what is called, on which threads, and what
 * errors become. No GPU is needed; what only one can show is in `npm run gpu-check`.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runFixture } from "../support/child.js";

const folder = mkdtempSync(join(tmpdir(), "cobra-cuda-"));
const compiler = ["cc", "c++"].find((name) => spawnSync(name, ["--version"]).status === 0);

function compile(source: string, library: string, into = folder): void {
  const path = fileURLToPath(new URL(`../native/fixtures/${source}`, import.meta.url));
  const given = [
    "-shared",
    "-fPIC",
    "-O1",
    "-x",
    "c",
    path,
    "-o",
    join(into, library),
    `-Wl,-soname,${library}`,
    "-lpthread",
  ];
  const { status, stderr } = spawnSync(compiler!, given, { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
}

beforeAll(() => {
  if (compiler === undefined) return;
  compile("fake_cudart.c", "libcudart.so.13");
  compile("fake_nvml.c", "libnvidia-ml.so.1");
  mkdirSync(join(folder, "empty"));
  compile("fake_nvml.c", "libcudart.so.13", join(folder, "empty")); // of the right name, and nothing else
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

type Say = Record<string, Record<string, unknown>>;

/** Runs the fixture on the test's CUDA; what it said, and what was called. */
async function run(
  what: string,
  env: Record<string, string> = {},
): Promise<{ say: Say; counts: Record<string, number> }> {
  const counts = join(folder, `${what}.json`);
  const { code, stdout, stderr } = await runFixture("native/fixtures/cuda.mjs", {
    args: [what],
    env: { LD_LIBRARY_PATH: folder, FAKE_CUDA_COUNTS: counts, ...env },
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return {
    say: JSON.parse(stdout) as Say,
    counts: existsSync(counts) ? (JSON.parse(readFileSync(counts, "utf8")) as Record<string, number>) : {},
  };
}

const NOTHING = { environments: 1, sessions: 0, tensors: 0, bindings: 0, runs: 0, leases: 0 };

describe.skipIf(compiler === undefined)("a CUDA device", () => {
  test("copies up, within and down through page-locked memory, never on the JavaScript thread; gives all back", async () => {
    const { say, counts } = await run("copies", { FAKE_CUDA_LIMIT: "1000000" });
    expect(say["device"]).toEqual({
      name: "cuda:0",
      kind: "cuda",
      index: 0,
      onHost: false,
      addressable: true,
      copiesBesideRuns: true,
    });
    expect(say).toMatchObject({ same: true, onDevice: "ERR_TENSOR_DEVICE", live: NOTHING });
    expect(say["held"]).toMatchObject({ allocatedBytes: 12_000, leases: 1, totalBytes: 1_000_000 });
    expect(say["load"]).toEqual({
      freeBytes: 988_000,
      totalBytes: 1_000_000,
      busyShare: 0.97,
      powerWatts: 312.5,
      temperatureC: 61,
    });
    expect(say["after"]).toMatchObject({ allocatedBytes: 0, leases: 0, leasedBytes: 0 });
    expect(counts).toMatchObject({ callsOnMain: 0, mallocs: 2, frees: 2, copies: 3, unpinned: 0, pending: 0, held: 0 });
    expect(counts["hostAllocs"]).toBe(1); // one slab serves all
  });

  test("10,000 uploads and downloads leave no memory and no lease behind, and allocate slabs once", async () => {
    const { say, counts } = await run("many");
    expect(say["figures"]).toMatchObject({ allocatedBytes: 0, leases: 0, leasedBytes: 0 });
    expect(say["live"]).toEqual(NOTHING);
    expect(counts).toMatchObject({ mallocs: 10_000, frees: 10_000, copies: 20_000, unpinned: 0, callsOnMain: 0 });
    expect(counts["hostAllocs"]).toBe(1);
  });

  test("is out of memory where its limit is, and goes on", async () => {
    const { say } = await run("limit", { FAKE_CUDA_LIMIT: "1000000" });
    expect(say["refused"]).toMatchObject({ code: "ERR_OUT_OF_MEMORY" });
    expect(say["figures"]).toMatchObject({ allocatedBytes: 0 });
  });

  test.each([46, 700, 702, 716, 719, 999])("is lost after error %i: the driver is not called again", async (error) => {
    const { say, counts } = await run("fails", { FAKE_CUDA_FAIL: `cudaMemcpyAsync:2:${error}` });
    for (const what of ["failed", "next", "upload"])
      expect(say[what]).toMatchObject({
        code: "ERR_DEVICE_LOST",
        message: expect.stringContaining(`CUDA error ${error}`) as string,
      });
    expect(counts["mallocs"]).toBe(1);
  });

  test("cannot be used at all after error 209, and says what the GPU must be", async () => {
    const { say } = await run("fails", { FAKE_CUDA_FAIL: "cudaMemcpyAsync:2:209" });
    for (const what of ["failed", "next"])
      expect(say[what]).toMatchObject({
        code: "ERR_PROVIDER_UNAVAILABLE",
        remedy: expect.stringContaining("compute capability") as string,
      });
  });

  test("an error that concerns one call costs that call", async () => {
    const { say } = await run("fails", { FAKE_CUDA_FAIL: "cudaMemcpyAsync:2:1" });
    expect(say["failed"]).toMatchObject({ code: "ERR_RUN" });
    expect(say).toMatchObject({ next: "none", upload: "none" });
  });

  test("page-locked memory that is not to be had is out of memory", async () => {
    const { say } = await run("fails", { FAKE_CUDA_FAIL: "cudaHostAlloc:2:2" });
    expect(say).toMatchObject({ failed: "none", next: "none", upload: "none" }); // one slab was enough
  });

  test("a runtime that lacks what is needed is refused, and the error says what to install", async () => {
    const { say } = await run("none", { LD_LIBRARY_PATH: join(folder, "empty") });
    expect(say["missing"]).toMatchObject({
      code: "ERR_PROVIDER_UNAVAILABLE",
      message: expect.stringContaining("libcudart.so.13") as string,
      remedy: expect.stringContaining("install the CUDA 13 runtime") as string,
    });
  });
});
