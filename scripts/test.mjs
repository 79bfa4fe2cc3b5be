// `npm test [-- vitest arguments]`: makes everything ready, then runs the tests.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { ensureOnnxRuntime } from "./lib/onnxruntime.mjs";
import { ensureReady } from "./lib/setup.mjs";
import { main, ROOT } from "./lib/steps.mjs";

await main(async () => {
  await ensureReady();
  const { peer } = await ensureOnnxRuntime();
  const result = spawnSync(process.execPath, [join(ROOT, "node_modules/vitest/vitest.mjs"), "run", ...process.argv.slice(2)], {
    cwd: ROOT,
    stdio: "inherit",
    env: { ...process.env, COBRA_PEER_ORT_NODE: peer ?? "" },
  });
  return result.status ?? 1;
});
