// `npm run demo`: makes everything ready, colours the sample chapter and says where the result is. Arguments go on to
// `cobra-batch colorize`, for example `npm run demo -- --seed 7`.
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join, relative } from "node:path";
import { ensureReady } from "./lib/setup.mjs";
import { main, ROOT, say } from "./lib/steps.mjs";

const CLI = join(ROOT, "dist/ui/cli/main.js");
const CHAPTER = join(ROOT, "scripts/sample/chapter.cbz");
const OUTPUT = join(ROOT, "demo-output/chapter_colorized.cbz");

await main(async () => {
  await ensureReady();
  mkdirSync(join(ROOT, "demo-output"), { recursive: true });
  const result = spawnSync(process.execPath, [CLI, "colorize", "--input-zip", CHAPTER, "--output-zip", OUTPUT, "--overwrite", ...process.argv.slice(2)], {
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
    cwd: ROOT,
  });
  if (result.status !== 0) return result.status ?? 1;
  say(`the coloured chapter is in ${relative(process.cwd(), result.stdout.trim())}`);
  return 0;
});
