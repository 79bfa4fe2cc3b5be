/** Renaming ONNX Runtime's library at staging, on small libraries that the compiler makes here. */
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
// @ts-expect-error a build script without types
import * as elfScript from "../../../scripts/lib/elf.mjs";
// @ts-expect-error a build script without types
import * as ortScript from "../../../scripts/lib/onnxruntime.mjs";

const { namesInElf } = elfScript as { namesInElf: (elf: Buffer) => { soname?: string; needed: string[] } };
const { useOwnName, OWN_SONAME } = ortScript as { useOwnName: (elf: Buffer) => boolean; OWN_SONAME: string };

const hasCompiler = spawnSync("cc", ["--version"]).status === 0;

describe.skipIf(!hasCompiler)("staging", () => {
  let folder: string;
  const at = (name: string): string => join(folder, name);
  const compile = (name: string, code: string, ...flags: string[]): void => {
    writeFileSync(at(`${name}.c`), code);
    execFileSync("cc", [at(`${name}.c`), "-o", at(name), ...flags]);
  };
  const rename = (name: string): boolean => {
    const elf = readFileSync(at(name));
    const renamed = useOwnName(elf);
    writeFileSync(at(name), elf);
    return renamed;
  };
  /** Loads libraries as the addon and the core do, each by its path; the result of the last one's `answer`. */
  const load = (...names: string[]): number | null =>
    spawnSync(at("loader"), names.map(at), { env: { LD_LIBRARY_PATH: "" } }).status;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "cobra-elf-"));
    const shared = ["-shared", "-fPIC"];
    writeFileSync(at("versions"), "VERS_1.0 { global: core; local: *; };");
    compile(
      "core.so",
      "int core(void) { return 42; }",
      ...shared,
      "-Wl,-soname,libonnxruntime.so.1",
      `-Wl,--version-script=${at("versions")}`,
    );
    compile(
      "provider.so",
      "int core(void); int answer(void) { return core(); }",
      ...shared,
      "-Wl,-soname,libonnxruntime_providers_shared.so",
      at("core.so"),
    );
    compile("other.so", "int answer(void) { return 7; }", ...shared, "-Wl,-soname,libonnxruntime_providers_cuda.so");
    compile(
      "loader",
      `#include <dlfcn.h>
int main(int count, char **paths) {
  void *last = 0;
  for (int i = 1; i < count; i++) if (!(last = dlopen(paths[i], RTLD_NOW | RTLD_LOCAL))) return 1;
  int (*answer)(void) = (int (*)(void))dlsym(last, "answer");
  return answer ? answer() : 2;
}`,
      "-ldl",
    );
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("gives the core its name, and those that need it too; what does not name it stays", () => {
    expect(load("core.so", "provider.so")).toBe(42);
    expect(rename("core.so")).toBe(true);
    expect(load("core.so", "provider.so")).toBe(1); // the provider looks for the old name
    expect(rename("provider.so")).toBe(true);
    const [core, provider] = ["core.so", "provider.so"].map((name) => namesInElf(readFileSync(at(name))));
    expect(core!.soname).toBe(OWN_SONAME);
    expect(provider!.soname).toBe("libonnxruntime_providers_shared.so");
    expect(provider!.needed).toContain(OWN_SONAME);
    expect(provider!.needed.filter((name) => name.startsWith("libonnxruntime.so"))).toEqual([]);
    expect(load("core.so", "provider.so")).toBe(42);
    const before = readFileSync(at("other.so"));
    expect(rename("other.so")).toBe(false);
    expect(readFileSync(at("other.so")).equals(before)).toBe(true);
    expect(load("core.so", "other.so")).toBe(7);
    expect(rename("core.so")).toBe(false);
  });
});
