// `npm run bench [name …]`: makes everything ready, then runs the benchmarks of bench/ (all, or those named).
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { ensureOnnxRuntime } from "./lib/onnxruntime.mjs";
import { ensureReady } from "./lib/setup.mjs";
import { main, ROOT, SetupError } from "./lib/steps.mjs";

await main(async () => {
  const all = readdirSync(join(ROOT, "bench"))
    .filter((file) => file.endsWith(".bench.mjs"))
    .map((file) => file.replace(".bench.mjs", ""));
  const names = process.argv.length > 2 ? process.argv.slice(2) : all;
  if (names.includes("--help")) {
    console.log(
      `npm run bench [name …]\n\nWithout names, all: ${all.join(", ")}. bench/README.md says what each measures.`,
    );
    return 0;
  }
  await ensureReady();
  const { peer } = await ensureOnnxRuntime();
  for (const name of names) {
    const file = join(ROOT, "bench", `${name}.bench.mjs`);
    if (!existsSync(file)) throw new SetupError(`there is no benchmark "${name}"; there are ${all.join(", ")}`);
    const { status } = spawnSync(process.execPath, [file], {
      cwd: ROOT,
      stdio: "inherit",
      env: { ...process.env, COBRA_PEER_ORT_NODE: peer ?? "", ORT_DISABLE_TELEMETRY: "1" },
    });
    if (status !== 0) return status ?? 1;
  }
  return 0;
});
