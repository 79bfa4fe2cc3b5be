// `npm run test:asan [-- vitest arguments]`: builds the addon with AddressSanitizer and UBSan and runs the addon's
// tests on it. Node itself is not instrumented, so the sanitizer's runtime is preloaded, and leaks (V8's own, mostly)
// are not looked at: the live counts and the memory tests do that. Memory and event-loop tests are left out, the
// sanitizer's own costs would be measured. Where the compiler has no AddressSanitizer it says so and exits 0.
import { spawnSync } from "node:child_process";
import { isAbsolute, join } from "node:path";
import { ensureOnnxRuntime } from "./lib/onnxruntime.mjs";
import { ensureAddon, ensureReady } from "./lib/setup.mjs";
import { main, ROOT, say } from "./lib/steps.mjs";

const TESTS = [
  "test/native",
  "test/devices/cuda-device.test.ts",
  "test/kills/crash-notes.test.ts",
  "test/teardown",
  "test/unit/pixels",
  "test/unit/classification",
  "test/unit/colorization/cobra/solver-graph.test.ts",
  "test/unit/io/files/whole-files.test.ts",
];
const LEFT_OUT = ["test/teardown/memory.test.ts", "test/native/event-loop.test.ts"];

/** The compiler's sanitizer runtimes to preload, or undefined where it has none. */
function sanitizerRuntimes() {
  const paths = ["libasan.so", "libubsan.so"].map((name) => {
    const result = spawnSync(process.env["CXX"] || "c++", [`-print-file-name=${name}`], { encoding: "utf8" });
    return (result.stdout ?? "").trim();
  });
  return paths.every((path) => isAbsolute(path)) ? paths : undefined;
}

await main(async () => {
  const runtimes = sanitizerRuntimes();
  if (!runtimes) {
    say(
      "skipped: the compiler has no libasan.so and libubsan.so to preload (with g++ they come along; with clang install libclang-rt)",
    );
    return 0;
  }
  await ensureReady();
  const { addon } = await ensureAddon({ flavour: "asan" });
  const { peer } = await ensureOnnxRuntime();
  const given = process.argv.slice(2);
  const tests = given.length > 0 ? given : [...TESTS, ...LEFT_OUT.map((file) => `--exclude=${file}`)];
  say(`running the addon's tests with AddressSanitizer on ${addon}`);
  const result = spawnSync(
    process.execPath,
    [join(ROOT, "node_modules/vitest/vitest.mjs"), "run", "--testTimeout=180000", ...tests],
    {
      cwd: ROOT,
      stdio: "inherit",
      env: {
        ...process.env,
        COBRA_ADDON: addon,
        COBRA_SANITIZER: "address",
        COBRA_PEER_ORT_NODE: peer ?? "",
        LD_PRELOAD: runtimes.join(":"),
        ASAN_OPTIONS: "detect_leaks=0:abort_on_error=1:handle_segv=0:handle_sigbus=0:handle_sigfpe=0",
        UBSAN_OPTIONS: "print_stacktrace=1:halt_on_error=1",
      },
    },
  );
  return result.status ?? 1;
});
