// `npm run demo`: makes everything ready, colours the sample chapter and says where the result is. Arguments go on to
// `cobra-batch colorize`, for example `npm run demo -- --seed 7`.
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join, relative } from "node:path";
import { ensureReady } from "./lib/setup.mjs";
import { main, ROOT, say } from "./lib/steps.mjs";

const CLI = join(ROOT, "dist/ui/cli/main.js");
const CHAPTER = join(ROOT, "scripts/sample/chapter.cbz");
const SHEET = join(ROOT, "demo-output/contact-sheet.png");
const OUTPUT = join(ROOT, "demo-output/chapter_colorized.cbz");

await main(async () => {
  await ensureReady();
  mkdirSync(join(ROOT, "demo-output"), { recursive: true });
  const result = spawnSync(
    process.execPath,
    [
      CLI,
      "colorize",
      "--input-zip",
      CHAPTER,
      "--output-zip",
      OUTPUT,
      "--overwrite",
      "--style",
      "line",
      ...process.argv.slice(2),
    ],
    {
      stdio: ["ignore", "pipe", "inherit"],
      encoding: "utf8",
      cwd: ROOT,
    },
  );
  if (result.status !== 0) return result.status ?? 1;
  const chapter = result.stdout.trim();
  say(`the coloured chapter is in ${relative(process.cwd(), chapter)}`);
  const { writeContactSheet } = await import("./lib/contact-sheet.mjs"); // its packages are there only now
  await writeContactSheet(chapter, SHEET);
  say(`all of it beside its references: ${relative(process.cwd(), SHEET)}`);
  return 0;
});
