// Steps for the tests of gpu-check itself.
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { Skip } from "../verdict.mjs";

export async function behave({ how, started }, emit) {
  emit("a", 1.5, "ms");
  if (how === "fails") throw new Error("the fault");
  if (how === "skips") throw new Skip("nothing here");
  if (how === "crashes") process.kill(process.pid, "SIGSEGV");
  if (how === "passes") return;
  emit("child", spawn("sleep", ["600"]).pid);
  if (started !== undefined) writeFileSync(started, "");
  for (;;); // hangs as a driver does: nothing else runs in this process any more
}
