/** `cobra-batch serve`: starts the web server, prints its address, and ends it on a signal. */
import { spawn } from "node:child_process";
import { resolve } from "node:path";
import { toJsonLine } from "../../../core/json-lines.js";
import { ConfigurationError, ResourceError } from "../../../errors.js";
import { setupLogging } from "../../../logging.js";
import type { ImagePool } from "../../../core/batch-engine.js";
import { JobStore } from "../../web/jobs/index.js";
import { parseRoots, reachableHost, urlOf } from "../../web/server/addresses.js";
import { hostName, isLoopback } from "../../web/server/hosts.js";
import type { Backend } from "../../web/server/backend.js";
import { startWebServer, type WebServer } from "../../web/server/server.js";
import { checkToken, newToken } from "../../web/server/token.js";
import type { ServeFlags } from "../commands/serve-command.js";
import { engineOptions } from "../flags/run-flags.js";
import { ENDING_SIGNALS, onEndingSignal } from "../ending-signals.js";
import { exitCodeFor } from "../output/exit-codes.js";
import { printError } from "../output/report-errors.js";
import { startTelemetry, type Telemetry } from "../telemetry.js";
import { startLogging } from "./start-logging.js";
import { userDataFolder } from "../../../platform/user-folders.js";
import { isLate } from "../../../workers/is-late.js";

const MOST_PORT = 65_535;

/** Serves until a signal. @returns the exit code */
export async function serve(flags: ServeFlags): Promise<number> {
  const json = Boolean(flags.json);
  const stop = new StopSignals();
  let watch: Telemetry | undefined;
  let listens = false;
  try {
    startServerLog(flags);
    watch = await startTelemetry(flags, async () => (listens ? [] : ["the server does not listen yet"]));
    const server = await start(flags, watch);
    listens = true;
    const { token, ...told } = server;
    const url = urlOf(reachableHost(told.host), told.port, token);
    if (json) process.stdout.write(toJsonLine({ type: "listening", url, host: told.host, port: told.port }));
    else process.stdout.write(`${url}\n`);
    if (flags.open === true) openInBrowser(url);
    const exitCode = await stop.first;
    if (!json && !flags.quiet) process.stderr.write("finishing the pages in progress; a second signal ends at once\n");
    if (await isLate(server.close(), flags.drain * 1000)) process.exit(exitCode);
    return exitCode;
  } catch (error) {
    printError(error, json);
    return stop.exitCode ?? exitCodeFor(error);
  } finally {
    await watch?.[Symbol.asyncDispose]();
    stop.end();
  }
}

async function start(flags: ServeFlags, watch: Telemetry): Promise<WebServer & { token: string | undefined }> {
  const token = tokenFor(flags);
  if (flags.queue === undefined) await assertProvider(flags);
  if (flags.port > MOST_PORT)
    throw new ConfigurationError("ERR_CONFIG", `--port: must be ${MOST_PORT} or less, not ${flags.port}`);
  const server = await startWebServer({
    host: flags.host,
    port: flags.port,
    token,
    hostNames: (flags.hostName ?? []).map(checkedHostName),
    data: dataFolder(flags.data),
    roots: parseRoots(flags.root ?? []),
    engine: engineOptions(flags),
    onEngine: (engine) => watch.engine(engine),
    ...(flags.queue === undefined ? {} : { openBackend: (pool) => openFarmBackend(flags, pool) }),
    openJobs: (options) => JobStore.open(options),
  });
  return { ...server, token };
}

/** Flags that say how an engine of this process colours. */
const OF_AN_ENGINE = ["provider", "fallback", "threads"] as const;

/**
 * The workers of a farm as what colours. @throws ConfigurationError `ERR_CONFIG`; ResourceError `ERR_QUEUE_CONNECTION`
 */
async function openFarmBackend(flags: ServeFlags, pool: ImagePool): Promise<Backend> {
  const { queue, name, store, storeToken, model } = flags;
  const vain = OF_AN_ENGINE.find((flag) => flags[flag] !== undefined);
  if (vain !== undefined)
    throw new ConfigurationError(
      "ERR_CONFIG",
      `--${vain}: has no effect with --queue, since the workers of the farm colour`,
      { remedy: `give it to \`cobra-batch worker\`` },
    );
  const [{ FarmBackend }, { openQueue, openStore }, { offeredFacts }] = await Promise.all([
    import("../../web/farm/farm-backend.js"),
    import("./open-farm.js"),
    import("./store-model.js"),
  ]);
  const opened = await openStore({
    ...(store === undefined ? {} : { store }),
    ...(storeToken === undefined ? {} : { token: storeToken }),
  });
  const open = await openQueue({ name, ...(typeof queue === "string" ? { queue } : {}) });
  return FarmBackend.open({ ...open, store: opened, model, openModel: offeredFacts(model, opened) }, pool);
}

/** The log that answers speak of. Without flags for a log, warnings and errors go to standard error. */
function startServerLog(flags: ServeFlags): void {
  if (startLogging(flags) === undefined) setupLogging({ level: flags.quiet ? "ERROR" : "WARNING", console: true });
}

/**
 * A graphics device that cannot be used is told at once, and not with the first page. It is tried in a process of its
 * own, which costs a second; the CPU is not tried.
 */
async function assertProvider({ provider = "cpu", fallback = false }: ServeFlags): Promise<void> {
  if (provider === "cpu" || fallback) return;
  const { checkProvider } = await import("../doctor/engine-checks.js");
  const { status, found, remedy } = await checkProvider(provider, 0, true);
  if (status !== "ok")
    throw new ResourceError("ERR_PROVIDER_UNAVAILABLE", `--provider ${provider} cannot be used: ${found}`, {
      remedy: `${remedy}; or leave --provider out, or add --fallback, to colour on the CPU`,
    });
}

function tokenFor({ host, token = process.env["COBRA_TOKEN"] || undefined }: ServeFlags): string | undefined {
  if (token === undefined) return isLoopback(host) ? undefined : newToken();
  return checkToken(token);
}

function checkedHostName(name: string): string {
  const checked = hostName(name);
  if (checked !== undefined) return checked;
  throw new ConfigurationError(
    "ERR_CONFIG",
    `--host-name: must be a name such as manga.example, not ${JSON.stringify(name)}`,
  );
}

function dataFolder(given: string | undefined): string {
  return resolve(given ?? userDataFolder());
}

/** The first signal is told; the second ends the process at once, which loses nothing. */
class StopSignals {
  readonly first: Promise<number>;
  exitCode: number | undefined;
  /** Stops listening. */
  readonly end: () => void;
  #resolve!: (exitCode: number) => void;

  constructor() {
    this.first = new Promise((resolve) => (this.#resolve = resolve));
    this.end = onEndingSignal((name) => {
      if (this.exitCode !== undefined) process.exit(this.exitCode);
      this.exitCode = ENDING_SIGNALS[name];
      this.#resolve(this.exitCode);
    });
  }
}

/** Opens the system's browser. Where there is none, the address is on the terminal. */
function openInBrowser(url: string): void {
  const browser = spawn("xdg-open", [url], { stdio: "ignore", detached: true });
  browser.on("error", () =>
    process.stderr.write("no browser could be opened (xdg-open is missing); open the address yourself\n"),
  );
  browser.unref();
}
