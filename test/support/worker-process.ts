/** Processes of `cobra-batch worker`, started and killed by tests. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { CLI_PATH } from "./cli.js";

/** Starts a worker with one thread, and resolves once it takes pages. */
export function startWorkerProcess(
  environment: Readonly<Record<string, string>>,
  ...flags: string[]
): Promise<ChildProcess> {
  return startWorkerIn(process.cwd(), environment, ...flags);
}

/** The same, in a folder. */
export async function startWorkerIn(
  cwd: string,
  environment: Readonly<Record<string, string>>,
  ...flags: string[]
): Promise<ChildProcess> {
  const worker = spawn(process.execPath, [CLI_PATH, "worker", "--threads", "1", ...flags], {
    stdio: ["ignore", "ignore", "pipe"],
    cwd,
    env: { ...process.env, PWD: cwd, ...environment },
  });
  let told = "";
  for await (const chunk of worker.stderr!) {
    told += String(chunk);
    if (told.includes("working on pages")) return worker;
  }
  throw new Error(`the worker ended: ${told}`);
}

/** Ends it with SIGKILL, if it has not ended. */
export async function killProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}
