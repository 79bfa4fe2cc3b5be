// `npm run test:crash [-- 200] [--seed N]`: kills the command with SIGKILL at that many random moments, and a writer
// of outputs at as many. Each output must have the bytes of an undisturbed run, and no page may be quarantined. A line
// prints each round: one output from its first process to its last. A round is repeated by its seed; the next part
// of a long series starts with the seed that the last line names.
import { spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { ensureReady } from "./lib/setup.mjs";
import { main, ROOT, say, SetupError } from "./lib/steps.mjs";

await main(async () => {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { seed: { type: "string" } } });
  const [kills = "200", ...more] = positionals;
  const seed = values.seed ?? String(randomInt(1e6));
  if (!/^[1-9]\d*$/.test(kills) || more.length > 0)
    throw new SetupError(
      `"${positionals.join(" ")}" is not a number of kills; give a whole number above 0, such as 200`,
    );
  if (!/^\d+$/.test(seed)) throw new SetupError(`"${seed}" is not a seed; give a whole number, such as --seed 7`);
  await ensureReady();
  say(`${kills} kills, --seed ${seed}`);
  const child = spawn(
    process.execPath,
    [
      join(ROOT, "node_modules/vitest/vitest.mjs"),
      "run",
      "test/kills/killed-output.test.ts",
      "test/kills/crash.test.ts",
    ],
    {
      cwd: ROOT,
      stdio: ["inherit", "pipe", "inherit"],
      env: { ...process.env, COBRA_KILLS: kills, COBRA_KILL_SEED: seed },
    },
  );
  const ended = new Promise((resolve, reject) => child.on("error", reject).on("close", resolve));
  let last = Number(seed);
  for await (const line of createInterface({ input: child.stdout })) {
    process.stdout.write(`${line}\n`);
    last = Math.max(last, Number(/^seed (\d+): /.exec(line)?.[1] ?? 0));
  }
  const code = await ended;
  say(`the next part: npm run test:crash -- ${kills} --seed ${last + 1}`);
  return code ?? 1;
});
