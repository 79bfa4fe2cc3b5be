// `npm run docs`: writes what docs/ has that is made from the code.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ensureReady } from "./lib/setup.mjs";
import { main, ROOT } from "./lib/steps.mjs";

await main(async () => {
  await ensureReady();
  const { jsonLineSchema } = await import("../dist/ui/cli/output/json-lines.js");
  writeFileSync(join(ROOT, "docs/cli-json.schema.json"), `${JSON.stringify(jsonLineSchema(), null, 2)}\n`);
});
