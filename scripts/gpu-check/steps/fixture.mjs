// Steps for the tests of gpu-check itself.
import { spawn } from "node:child_process";
import { Skip } from "../verdict.mjs";

export async function behave({ how }, emit) {
  emit("a", 1.5, "ms");
  if (how === "fails") throw new Error("the fault");
  if (how === "skips") throw new Skip("nothing here");
  if (how === "crashes") process.kill(process.pid, "SIGSEGV");
  if (how === "passes") return;
  emit("child", spawn("sleep", ["600"]).pid);
  for (;;); // hangs as a driver does: nothing else runs in this process any more
}
