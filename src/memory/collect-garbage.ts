/** A full garbage collection, even if Node was not started with --expose-gc. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Of the thread that calls it. */
export function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}
