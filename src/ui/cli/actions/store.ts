/** `cobra-batch store`: serves a store until a signal. */
import { toJsonLine } from "../../../core/json-lines.js";
import { SharedStore } from "../../../farm/store/shared-store.js";
import { startStoreServer, type StoreServer } from "../../../farm/store/store-server.js";
import { offerModel } from "../../../farm/store/farm-model.js";
import type { OfferedModel } from "../../../farm/store/offered-model.js";
import { modelDirectory } from "../../../model/default-model.js";
import { openModelPackage } from "../../../model/package.js";
import { checkToken, newToken } from "../../web/server/token.js";
import type { StoreCommandFlags } from "../commands/store-command.js";
import { listenForSignals } from "../interrupt.js";
import { exitCodeFor } from "../output/exit-codes.js";
import { printError } from "../output/report-errors.js";
import { startLogging } from "./start-logging.js";

/** Serves until a signal. @returns the exit code */
export async function store(folder: string, flags: StoreCommandFlags): Promise<number> {
  const interrupt = listenForSignals(0);
  let server: StoreServer | undefined;
  try {
    startLogging(flags);
    const { host, maxBytes, token: given = process.env["COBRA_STORE_TOKEN"] || undefined } = flags;
    const token = given === undefined ? newToken() : checkToken(given);
    const opened = await SharedStore.open(folder);
    const model = flags.model === undefined ? undefined : await offered(opened, flags.model);
    server = await startStoreServer({ store: opened, host, port: flags.port, token, maxBytes, model });
    const url = `http://${host.includes(":") ? `[${host}]` : host}:${server.port}`;
    const known = given === undefined ? { token } : {};
    if (flags.json === true) process.stdout.write(toJsonLine({ type: "store", url, ...known }));
    else {
      process.stdout.write(`${url}\n`);
      if (given === undefined) process.stderr.write(`token: ${token}\n`);
    }
    await new Promise<void>((resolve) => interrupt.drain.addEventListener("abort", () => resolve(), { once: true }));
    return interrupt.exitCode!;
  } catch (error) {
    printError(error, Boolean(flags.json));
    return interrupt.exitCode ?? exitCodeFor(error);
  } finally {
    await server?.close();
    interrupt.stop();
  }
}

/** Verifies a model and puts its files into the store. */
async function offered(opened: SharedStore, named: string): Promise<OfferedModel> {
  return offerModel(opened, await openModelPackage(modelDirectory(named)));
}
