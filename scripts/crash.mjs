// `npm run test:crash [-- 200]`: kills the command with SIGKILL at that many random points and compares the outputs
// with those of undisturbed runs. COBRA_KILL_SEED repeats a sequence.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { ensureReady } from "./lib/setup.mjs";
import { main, ROOT, SetupError } from "./lib/steps.mjs";

await main(async () => {
  const kills = process.argv[2] ?? "200";
  if (!/^[1-9]\d*$/.test(kills))
    throw new SetupError(`"${kills}" is no number of kills; give a whole number above 0, such as 200`);
  await ensureReady();
  const result = spawnSync(
    process.execPath,
    [join(ROOT, "node_modules/vitest/vitest.mjs"), "run", "test/e2e/crash.test.ts"],
    {
      cwd: ROOT,
      stdio: "inherit",
      env: { ...process.env, COBRA_KILLS: kills },
    },
  );
  return result.status ?? 1;
});
