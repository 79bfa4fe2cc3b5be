// Preloaded into the command: holds it right before an operation on the disk until a file named "go" is there.
// COBRA_TEST_HOLD is JSON: { operation: "rename", path: "…/journal.ndjson" (the end of it), held: "…", go: "…" }.
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const { operation, path, held, go } = JSON.parse(process.env.COBRA_TEST_HOLD);
const original = fs.promises[operation];
let isHeld = false;
fs.promises[operation] = async function (...given) {
  if (!isHeld && given.some((one) => typeof one === "string" && one.endsWith(path))) {
    isHeld = true;
    fs.writeFileSync(held, "");
    fs.readFileSync(go); // a named pipe: opens once the test opens it too
  }
  return original.apply(this, given);
};
syncBuiltinESMExports();
