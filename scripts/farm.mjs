// `npm run test:farm [-- 100 [seed]]`: kills workers and Redis at that many random moments, one in ten of them of
// Redis, and compares the outputs with those of one machine. The seed is printed; given again, it repeats the moments.
// Many kills can be parted: `-- 25 1`, `-- 25 2` and so on.
import { spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { join } from "node:path";
import { ensureReady } from "./lib/setup.mjs";
import { main, ROOT, say, SetupError } from "./lib/steps.mjs";

await main(async () => {
  const [kills = "100", seed = String(randomInt(1e6))] = process.argv.slice(2);
  if (!/^[1-9]\d*$/.test(kills))
    throw new SetupError(`"${kills}" is not a number of kills; give a whole number above 0, such as 100`);
  if (!/^\d+$/.test(seed)) throw new SetupError(`"${seed}" is not a seed; give a whole number, such as 7`);
  await ensureReady();
  say(`${kills} kills, seed ${seed}`);
  const result = spawnSync(
    process.execPath,
    [join(ROOT, "node_modules/vitest/vitest.mjs"), "run", "test/kills/killed-farm.test.ts"],
    {
      cwd: ROOT,
      stdio: "inherit",
      env: { ...process.env, COBRA_KILLS: kills, COBRA_KILL_SEED: seed },
    },
  );
  return result.status ?? 1;
});
