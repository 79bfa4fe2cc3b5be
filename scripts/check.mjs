// `npm run check`: lint, type check, floors, layout and lint of native/, and that nothing of one machine is committed.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { checkFloors } from "./lib/floors.mjs";
import { ensurePackages } from "./lib/setup.mjs";
import { main, ROOT, run, say, SetupError } from "./lib/steps.mjs";

await main(async () => {
  ensurePackages();
  const { formatNative, lintNative } = await import("./lib/native-style.mjs"); // needs the packages
  run(process.execPath, [join(ROOT, "node_modules/oxlint/bin/oxlint"), "--deny-warnings"], { show: true, what: "lint" });
  run(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.json"], { show: true, what: "type check" });
  const faults = checkFloors();
  if (/"resolved":/.test(readFileSync(join(ROOT, "package-lock.json"), "utf8"))) faults.push("package-lock.json names download addresses; .npmrc has omit-lockfile-registry-resolved for that");
  faults.push(...(await formatNative()), ...(await lintNative()));
  if (faults.length > 0) throw new SetupError(`the house does not hold:\n${faults.join("\n")}`);
  say("lint, types, floors and layout hold");
});
