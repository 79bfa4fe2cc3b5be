// `npm test [-- vitest arguments]`: makes everything ready, then runs the tests. `npm run test:browser`,
// `test:command`, `test:devices`, `test:kills`, `test:server`, `test:shipped` and `test:teardown` run layers that take
// long, which `npm test` leaves out unless one of their files is named.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ensureOnnxRuntime } from "./lib/onnxruntime.mjs";
import { ensureReady } from "./lib/setup.mjs";
import { main, ROOT } from "./lib/steps.mjs";

/** Projects of vitest.config.ts that run when nothing is named. */
const PROJECTS = ["alone", "shared"];
const RESULTS = join(ROOT, "build/test-results.json");

/** Of all processes that this one started and that have ended, set-up included. */
function childCpuSeconds() {
  const stat = readFileSync("/proc/self/stat", "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[13]) + Number(fields[14])) / 100;
}

await main(async () => {
  await ensureReady();
  const { peer } = await ensureOnnxRuntime();
  rmSync(RESULTS, { force: true });
  const [layer, given] =
    process.argv[2] === "--layer" ? [[process.argv[3]], process.argv.slice(4)] : [PROJECTS, process.argv.slice(2)];
  const namesFiles = given.some((argument) => argument.startsWith("test/"));
  const projects = namesFiles ? [] : layer.map((name) => `--project=${name}`);
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${RESULTS}`];
  const result = spawnSync(
    process.execPath,
    [join(ROOT, "node_modules/vitest/vitest.mjs"), "run", ...reporters, ...projects, ...given],
    {
      cwd: ROOT,
      stdio: "inherit",
      env: { ...process.env, COBRA_PEER_ORT_NODE: peer ?? "" },
    },
  );
  if (existsSync(RESULTS)) {
    process.stdout.write(`${Math.round(childCpuSeconds())} CPU seconds\n`);
    const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(readFileSync(RESULTS, "utf8"));
    process.stdout.write(`${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests} skipped\n`);
  }
  return result.status ?? 1;
});
