// Measures the start-up time of the command: `--help` and others against Node alone. Each sample is a
// process of its own.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compare, report } from "./harness.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const MAIN = join(ROOT, "dist/ui/cli/main.js");

/** Milliseconds until a Node process has ended. */
function timed(args, exitCode = 0) {
  return async () => {
    const start = performance.now();
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    const ms = performance.now() - start;
    if (status !== exitCode) throw new Error(`node ${args.join(" ")} ended with ${status}: ${stderr}`);
    return ms;
  };
}

const result = await compare({
  name: "start",
  unit: "ms",
  rounds: 15,
  candidates: {
    "cobra-batch --help": timed([MAIN, "--help"]),
    "node -e 0": timed(["-e", "0"]),
    "cobra-batch colorize --help": timed([MAIN, "colorize", "--help"]),
    "cobra-batch completion bash": timed([MAIN, "completion", "bash"]),
    "cobra-batch colorize --sede 3": timed([MAIN, "colorize", "--sede", "3"], 64),
  },
});
report("startup", [result], join(ROOT, "build/bench"));
