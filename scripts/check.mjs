// `npm run check`: lint, formatting, types, import layers, first comments, links, the C++
// sources, and no machine-specific paths.
import { join } from "node:path";
import { checkFirstComments } from "./lib/first-comments.mjs";
import { checkImportLayers } from "./lib/import-layers.mjs";
import { checkLines } from "./lib/lines.mjs";
import { checkLinks } from "./lib/links.mjs";
import { ensurePackages } from "./lib/setup.mjs";
import { main, ROOT, run, say, SetupError } from "./lib/steps.mjs";

const TOOLS = [
  ["lint", "oxlint/bin/oxlint", "--deny-warnings"],
  ["formatting (run `npx oxfmt .` to fix it)", "oxfmt/bin/oxfmt", "--check", "."],
  ["type check", "typescript/bin/tsc", "-p", "tsconfig.json"],
  ["type check of the page", "typescript/bin/tsc", "-p", "src/ui/web/page/tsconfig.json"],
  ["type check of the report's page", "typescript/bin/tsc", "-p", "src/tune/page/tsconfig.json"],
];

await main(async () => {
  ensurePackages();
  for (const [what, script, ...args] of TOOLS) {
    run(process.execPath, [join(ROOT, "node_modules", script), ...args], { show: true, what });
  }
  const { formatNative, lintNative } = await import("./lib/native-style.mjs"); // needs the packages
  const faults = [
    ...checkImportLayers(),
    ...checkFirstComments(),
    ...checkLines(),
    ...checkLinks(),
    ...(await formatNative()),
    ...(await lintNative()),
  ];
  if (faults.length > 0) throw new SetupError(`check failed:\n${faults.join("\n")}`);
  say("lint, formatting, types, import layers, first comments and links: OK");
});
