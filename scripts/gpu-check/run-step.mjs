// Starts a step as a process and ends it, with all that it started, when its time is over.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { ROOT } from "../lib/steps.mjs";

const ERROR_CHARACTERS = 2000;

/**
 * @returns {{ended: Promise<{outcome: "passed" | "failed" | "skipped", reason?: string, figures: object[], seconds:
 * number}>, end: () => void, expire: () => void}} `expire` ends it as when its time is over
 */
export function startStep(run, options, limitSeconds) {
  const begun = performance.now();
  const child = spawn(process.execPath, [join(ROOT, "scripts/gpu-check/step.mjs"), run, JSON.stringify(options)], {
    stdio: ["ignore", "pipe", "pipe"],
    detached: true, // a group of its own, so that its children end with it
    env: { ...process.env, ORT_DISABLE_TELEMETRY: "1" },
  });
  let late = false;
  const end = () => {
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // It has ended already.
    }
  };
  process.once("exit", end);
  const expire = () => {
    late = true;
    end();
  };
  const timer = setTimeout(expire, limitSeconds * 1000);
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text) => (stderr = (stderr + text).slice(-ERROR_CHARACTERS)));
  const ended = new Promise((settle) => {
    child.on("error", (error) => settle({ outcome: "failed", reason: error.message, figures: [], seconds: 0 }));
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      process.removeListener("exit", end);
      end(); // what it left running
      const lines = stdout.split("\n").flatMap(readLine);
      const figures = lines.filter(({ figure }) => figure !== undefined);
      const seconds = (performance.now() - begun) / 1000;
      if (code === 0) return settle({ outcome: "passed", figures, seconds });
      const said = lines.find(({ skip, fault }) => skip ?? fault);
      if (code === 2 && said?.skip) return settle({ outcome: "skipped", reason: said.skip, figures, seconds });
      const reason = late
        ? `did not end within ${Math.round(limitSeconds)} s`
        : (said?.fault ?? `crashed (${signal ?? `exit code ${code}`})`);
      settle({ outcome: "failed", reason, stderr: stderr.trim(), figures, seconds });
    });
  });
  return { ended, end, expire };
}

function readLine(line) {
  try {
    return line.startsWith("{") ? [JSON.parse(line)] : [];
  } catch {
    return []; // cut off when the step was ended
  }
}
