// Kills the command with SIGKILL at random points and starts it again, until it has ended by itself.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../dist/ui/cli/main.js", import.meta.url));

/** Numbers in 0..1 from a seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** When to kill: after so many lines on standard output (0: from the start), and then so many milliseconds. */
export interface KillPoint {
  lines: number;
  delayMs: number;
}

/**
 * Runs the command, which says a line an event, to its end or to the point. Resolves to whether it was killed, and to
 * its lines.
 */
export function runToPoint(
  args: readonly string[],
  point?: KillPoint,
): Promise<{ killed: boolean; code: number | null; lines: string[]; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [MAIN, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, COBRA_MODEL: "" },
    });
    let stdout = "";
    let stderr = "";
    let armed = false;
    const check = (): void => {
      if (point === undefined || armed || stdout.split("\n").length - 1 < point.lines) return;
      armed = true;
      setTimeout(() => child.kill("SIGKILL"), point.delayMs);
    };
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
      check();
    });
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    child.on("spawn", check);
    child.on("error", reject);
    child.on("close", (code, signal) =>
      resolve({ killed: signal === "SIGKILL", code, lines: stdout.split("\n").slice(0, -1), stderr }),
    );
  });
}
