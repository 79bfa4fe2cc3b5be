// Runs the compiled command as a user does, in a process of its own. Every line of `--json` is held against the
// published schema. `colorize` gets one thread for each network where the test asks for none: several would mostly wait
// for each other, since the models of tests are small.
import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { z } from "zod";

/** The compiled command. */
export const CLI_PATH = fileURLToPath(new URL("../../dist/ui/cli/main.js", import.meta.url));

const SIGNAL_ITSELF = new URL("signal-itself.mjs", import.meta.url).href;

const LINE = z.fromJSONSchema(
  JSON.parse(readFileSync(new URL("../../docs/cli-json.schema.json", import.meta.url), "utf8")) as Parameters<
    typeof z.fromJSONSchema
  >[0],
);

export interface CliResult {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** Starts the command; `watch` sees the process and what it writes to standard output while it runs. */
export function runCli(
  args: readonly string[],
  watch?: (child: ChildProcess, stdout: string) => void,
  env: Readonly<Record<string, string>> = {},
): Promise<CliResult> {
  return new Promise((resolve, reject) => {
    const asIs =
      args[0] !== "colorize" || args.length === 1 || args.some((arg) => /^(?:--threads|--help|-h)$/.test(arg));
    const threads = asIs ? [] : ["--threads", "1"];
    const child = spawn(process.execPath, [CLI_PATH, ...args, ...threads], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, COBRA_MODEL: "", NO_COLOR: "", FORCE_COLOR: "", ...env },
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
      watch?.(child, stdout);
    });
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    child.on("error", reject);
    child.on("close", (code, signal) => {
      const fault = args.includes("--json") ? faultOf(stdout) : undefined;
      if (fault === undefined) resolve({ code, signal, stdout, stderr });
      else reject(new Error(fault));
    });
  });
}

/** Runs the command, which sends itself a signal as soon as it has written each of these texts, one after the other. */
export function runCliSignalled(args: readonly string[], signal: NodeJS.Signals, at: string[]): Promise<CliResult> {
  return runCli(args, undefined, {
    NODE_OPTIONS: `--import=${SIGNAL_ITSELF}`,
    COBRA_TEST_SIGNALS: JSON.stringify({ signal, at }),
  });
}

/** What is wrong with the first line that is no JSON or that the schema refuses. */
function faultOf(stdout: string): string | undefined {
  for (const text of stdout.split("\n").slice(0, -1)) {
    let line: unknown;
    try {
      line = JSON.parse(text);
    } catch {
      return `a line of --json is no JSON: ${text}`;
    }
    const { error } = LINE.safeParse(line);
    if (error) return `a line of --json is against docs/cli-json.schema.json: ${text}\n${z.prettifyError(error)}`;
  }
  return undefined;
}
