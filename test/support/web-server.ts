// A web server in a process of its own, and requests to it: by fetch, and by sockets where every byte counts.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { ServerLimits } from "../../src/ui/web/server/limits.js";
import { CLI_PATH } from "./cli.js";

const FIXTURE = fileURLToPath(new URL("../e2e/web/fixtures/server.mjs", import.meta.url));

export interface TestServer extends AsyncDisposable {
  readonly child: ChildProcess;
  /** Without a slash at its end. */
  readonly url: string;
  readonly port: number;
  /** What was printed first. */
  readonly printed: string;
  /** All of standard error so far. */
  stderr(): string;
  /** Ends the process and waits for its end. */
  end(signal?: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

async function serve(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<TestServer> {
  const child = spawn(process.execPath, args, {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, COBRA_MODEL: "", COBRA_TOKEN: "", NO_COLOR: "1", ...env },
  });
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const exited = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
  const lines = createInterface({ input: child.stdout });
  const printed = await Promise.race([
    once(lines, "line").then(([line]) => line as string),
    exited.then(([code]) => Promise.reject(new Error(`the server ended with ${code}: ${stderr}`))),
  ]);
  const url = /http:\/\/[^\s/"?]+/.exec(printed)![0];
  const end = async (signal: NodeJS.Signals = "SIGTERM") => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    const [code, by] = await exited;
    return { code, signal: by };
  };
  return {
    child,
    url,
    port: Number(new URL(url).port),
    printed,
    stderr: () => stderr,
    end,
    [Symbol.asyncDispose]: async () => void (await end("SIGKILL")),
  };
}

/** Options of the fixture; jobs in memory. */
export interface FixtureOptions {
  readonly data: string;
  readonly port?: number;
  readonly host?: string;
  readonly token?: string;
  readonly hostNames?: readonly string[];
  readonly limits?: Partial<ServerLimits>;
  readonly page?: string;
  /** Name that pictures have for people. */
  readonly pictureName?: string;
  /** Pictures come as bytes, as out of an archive. */
  readonly inMemory?: boolean;
}

/** Starts the server with jobs that the test steers. */
export function startFixture(options: FixtureOptions): Promise<TestServer> {
  return serve([FIXTURE, JSON.stringify(options)]);
}

/** Starts the command as a user does; port 0 unless told otherwise. */
export function startCommand(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<TestServer> {
  const port = args.includes("--port") ? [] : ["--port", "0"];
  return serve([CLI_PATH, "serve", ...port, ...args], env);
}

/** Has the fixture tell an event. */
export function tell(server: TestServer, event: object): void {
  server.child.stdin!.write(`${JSON.stringify(event)}\n`);
}

/** A folder that is removed. */
export async function dataFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "cobra-web-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** Sends text on a socket of its own, and reads all that comes until the server ends the connection. */
export async function exchange(port: number, text: string): Promise<string> {
  const socket = await openSocket(port);
  socket.write(text);
  return readAll(socket);
}

/** A connection, open. */
export async function openSocket(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

/** All that comes until the connection ends, in whatever way. */
export async function readAll(socket: Socket): Promise<string> {
  let text = "";
  socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
  await once(socket, "close");
  return text;
}

/** Makes a job; its id. */
export async function newJob(url: string, headers: Readonly<Record<string, string>> = {}): Promise<string> {
  const answer = await fetch(`${url}/api/v1/jobs`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: "{}",
  });
  return ((await answer.json()) as { id: string }).id;
}

/** Headers that begin an upload by tus. */
export function tusHeaders(length: number, metadata: Readonly<Record<string, string>>): Record<string, string> {
  const pairs = Object.entries(metadata).map(([key, value]) => `${key} ${Buffer.from(value).toString("base64")}`);
  return { "tus-resumable": "1.0.0", "upload-length": String(length), "upload-metadata": pairs.join(",") };
}
