// `npm test [-- vitest arguments]`: makes everything ready, then runs the tests.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ensureOnnxRuntime } from "./lib/onnxruntime.mjs";
import { ensureReady } from "./lib/setup.mjs";
import { main, ROOT } from "./lib/steps.mjs";

const RESULTS = join(ROOT, "build/test-results.json");

await main(async () => {
  await ensureReady();
  const { peer } = await ensureOnnxRuntime();
  rmSync(RESULTS, { force: true });
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${RESULTS}`];
  const result = spawnSync(
    process.execPath,
    [join(ROOT, "node_modules/vitest/vitest.mjs"), "run", ...reporters, ...process.argv.slice(2)],
    {
      cwd: ROOT,
      stdio: "inherit",
      env: { ...process.env, COBRA_PEER_ORT_NODE: peer ?? "" },
    },
  );
  if (existsSync(RESULTS)) {
    const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(readFileSync(RESULTS, "utf8"));
    process.stdout.write(`${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests} skipped\n`);
  }
  return result.status ?? 1;
});
