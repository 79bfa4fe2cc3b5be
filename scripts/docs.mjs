// `npm run docs`: writes what docs/ has that is made from the code.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { generatedDocs } from "./lib/docs/generated.mjs";
import { ensureReady } from "./lib/setup.mjs";
import { main, ROOT } from "./lib/steps.mjs";

await main(async () => {
  await ensureReady();
  for (const [path, text] of await generatedDocs()) writeFileSync(join(ROOT, path), text);
});
