/** Runs a fixture (plain JS on the built dist/) in a Node process of its own. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** How a child process ended. */
export interface ChildResult {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ChildOptions {
  readonly args?: readonly string[];
  readonly nodeArgs?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Default 60,000. */
  readonly timeoutMs?: number;
}

/** Runs `fixture` (relative to test/) and waits, by default at most 60 s. Never rejects for an exit code. */
export function runFixture(
  fixture: string,
  { args = [], nodeArgs = [], env = {}, timeoutMs = 60_000 }: ChildOptions = {},
): Promise<ChildResult> {
  const path = fileURLToPath(new URL(`../${fixture}`, import.meta.url));
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [...nodeArgs, path, ...args],
      {
        env: { ...process.env, NODE_OPTIONS: "", ...env },
        timeout: timeoutMs,
        killSignal: "SIGKILL",
        maxBuffer: 16 << 20,
      },
      (_error, stdout, stderr) => {
        resolve({ code: child.exitCode, signal: child.signalCode, stdout, stderr });
      },
    );
  });
}

/** A temporary folder with model files in it; call `remove` at the end. */
export function modelFolder(models: Readonly<Record<string, Uint8Array>>): {
  folder: string;
  path: (name: string) => string;
  remove: () => void;
} {
  const folder = mkdtempSync(join(tmpdir(), "cobra-models-"));
  for (const [name, bytes] of Object.entries(models)) writeFileSync(join(folder, `${name}.onnx`), bytes);
  return {
    folder,
    path: (name) => join(folder, `${name}.onnx`),
    remove: () => {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
