/** ONNX Runtime's library, and providers that cannot start. */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { InferenceSession, runtimeInfo, Tensor } from "../../src/binding/index.js";
import { modelFolder, runFixture } from "../support/child.js";
import { sumAndProduct } from "../support/small-models.js";

const hasCompiler = spawnSync("cc", ["--version"]).status === 0;

const models = modelFolder({ sum: sumAndProduct() });
afterAll(models.remove);

test("says what it is", () => {
  const { version, libraryPath, providers } = runtimeInfo();
  expect(version).toMatch(/^1\.29\./);
  expect(existsSync(libraryPath)).toBe(true);
  expect(providers).toContain("CPUExecutionProvider");
});

describe("a provider that cannot start", () => {
  const cudaIsStaged = existsSync("build/Release/libonnxruntime_providers_cuda.so");

  test.skipIf(cudaIsStaged).each(["cuda", "tensorrt"] as const)(
    "%s: the error names the missing library, and fallback takes the CPU",
    async (provider) => {
      await expect(InferenceSession.create(sumAndProduct(), { provider })).rejects.toMatchObject({
        code: "ERR_PROVIDER_UNAVAILABLE",
        name: "ResourceError",
        message: expect.stringMatching(new RegExp(`${provider} provider cannot start, lib[\\w.]+\\.so\\S* is missing`)),
        remedy: expect.stringMatching(/^stage the GPU libraries .*--fallback\)$/),
      });
      await expect(InferenceSession.create(sumAndProduct(), { provider })).rejects.not.toMatchObject({
        message: expect.stringMatching(/--[a-z]|npm run/),
      });
      using session = await InferenceSession.create(sumAndProduct(), { provider, fallback: true });
      expect(session.provider).toBe("cpu");
      const a = Tensor.from("float32", Float32Array.of(1, 2, 3, 4), [1, 4]);
      expect([...(await session.run({ a, b: a }, { keepOnDevice: true }))["sum"]!.data]).toEqual([2, 4, 6, 8]);
    },
  );

  test("webgpu without a driver says so", async () => {
    const { stdout } = await runFixture("native/fixtures/provider.mjs", {
      args: [models.path("sum"), "webgpu"],
      env: { LD_LIBRARY_PATH: "", VK_DRIVER_FILES: "/nowhere.json", VK_ICD_FILENAMES: "/nowhere.json" },
    });
    expect(JSON.parse(stdout)).toMatchObject({
      code: "ERR_PROVIDER_UNAVAILABLE",
      remedy: expect.stringContaining("Vulkan driver"),
    });
  });
});

describe("ONNX Runtime's library", () => {
  const load = async (env: Record<string, string>): Promise<{ code?: string; message?: string }> => {
    const { stdout } = await runFixture("native/fixtures/provider.mjs", { args: [models.path("sum"), "cpu"], env });
    return JSON.parse(stdout) as { code?: string };
  };

  test("is refused by path where it is missing, no library, or another library", async () => {
    const text = join(models.folder, "text.so");
    writeFileSync(text, "not a library");
    for (const [path, reason] of [
      ["/nowhere/libonnxruntime.so.1", "there is no readable"],
      [text, "cannot be loaded"],
      ["/lib/x86_64-linux-gnu/libm.so.6", "no OrtGetApiBase"],
    ] as const) {
      expect(await load({ COBRA_ORT_LIBRARY: path })).toMatchObject({
        code: "ERR_RUNTIME_LOAD",
        message: expect.stringContaining(path),
        remedy: expect.stringContaining("COBRA_ORT_LIBRARY"),
      });
      expect((await load({ COBRA_ORT_LIBRARY: path })).message).toContain(reason);
    }
  });

  test("that the loader finds no memory for is not called broken", async () => {
    // A library whose last segment is larger than any address space.
    const elf = readFileSync("/lib/x86_64-linux-gnu/libm.so.6");
    const [start, size, count] = [Number(elf.readBigUInt64LE(32)), elf.readUInt16LE(54), elf.readUInt16LE(56)];
    const headers = Array.from({ length: count }, (_, i) => start + i * size);
    const lastLoad = headers.findLast((at) => elf.readUInt32LE(at) === 1)!;
    elf.writeBigUInt64LE(2n ** 46n * 3n, lastLoad + 40);
    const huge = join(models.folder, "huge.so");
    writeFileSync(huge, elf);
    expect(await load({ COBRA_ORT_LIBRARY: huge })).toMatchObject({
      code: "ERR_OUT_OF_MEMORY",
      message: expect.stringContaining("failed to map segment"),
      remedy: expect.stringContaining("ulimit -v"),
    });
  });

  test.skipIf(!hasCompiler)("is refused where it has another version than the headers", async () => {
    const [source, library] = [join(models.folder, "other.c"), join(models.folder, "other.so")];
    writeFileSync(
      source,
      'struct base { const void* (*api)(unsigned); const char* (*version)(void); };\nstatic const void* api(unsigned v) { return 0; }\nstatic const char* version(void) { return "1.30.2"; }\nconst struct base* OrtGetApiBase(void) { static const struct base b = { api, version }; return &b; }\n',
    );
    expect(spawnSync("cc", ["-shared", "-fPIC", "-o", library, source]).status).toBe(0);
    expect(await load({ COBRA_ORT_LIBRARY: library })).toMatchObject({
      code: "ERR_RUNTIME_LOAD",
      message: expect.stringMatching(/other\.so is ONNX Runtime 1\.30\.2, but the addon needs 1\.29\.x/),
    });
  });

  test("collects no telemetry: it writes neither into the user's cache nor into the temporary folder", async () => {
    const home = join(models.folder, "home");
    mkdirSync(join(home, "tmp"), { recursive: true });
    expect(
      await load({
        HOME: home,
        XDG_CACHE_HOME: join(home, ".cache"),
        TMPDIR: join(home, "tmp"),
        TEMP: join(home, "tmp"),
        TMP: join(home, "tmp"),
      }),
    ).toMatchObject({ provider: "cpu" });
    expect(readdirSync(home, { recursive: true })).toEqual(["tmp"]);
  });

  test("can be another folder's", async () => {
    const lib = join(models.folder, "sdk/lib");
    mkdirSync(lib, { recursive: true });
    copyFileSync("build/Release/libonnxruntime.so.1", join(lib, "libonnxruntime.so.1"));
    expect(await load({ COBRA_ORT_SDK: join(models.folder, "sdk") })).toEqual({
      provider: "cpu",
      libraryPath: join(lib, "libonnxruntime.so.1"),
    });
  });
});

// The preloaded library stands for a limit on processes, which root is not held to; the sanitizer's own is preloaded in
// its place.
test.skipIf(!hasCompiler || process.env["COBRA_SANITIZER"])(
  "a system that refuses a further thread gives an error, and the next try works",
  async () => {
    const folder = models.folder;
    const source = join(folder, "threads.c");
    const library = join(folder, "threads.so");
    writeFileSync(
      source,
      `#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
typedef int create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *p) {
  if (getenv("COBRA_TEST_NO_THREADS")) return EAGAIN;
  return ((create *)dlsym(RTLD_NEXT, "pthread_create"))(t, a, f, p);
}`,
    );
    expect(spawnSync("cc", ["-shared", "-fPIC", "-o", library, source]).status).toBe(0);
    const { code, stdout } = await runFixture("native/fixtures/no-thread.mjs", {
      args: [models.path("sum")],
      env: { LD_PRELOAD: library },
    });
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: JSON.stringify({ seen: ["ERR_OUT_OF_MEMORY", "ERR_OUT_OF_MEMORY"], sum: [2, 4, 6, 8] }),
    });
  },
);
