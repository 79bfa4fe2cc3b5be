/** Parts that the commands that install a model have in common: how they are stopped, and what they call the model. */
import { resolve } from "node:path";
import { modelsFolders } from "../../../model/installed-models.js";
import { EXIT } from "./exit-codes.js";
import { quoted } from "./terminal-text.js";

/**
 * Ends the process at Ctrl-C and SIGTERM: at any moment, what is finished is on the disk.
 * @param tidy is called before
 * @returns what ends the listening
 */
export function stopResumable(tidy: () => void): () => void {
  const stop = (exitCode: number): void => {
    tidy();
    process.stderr.write("stopped; run the same command again to resume\n");
    process.exit(exitCode);
  };
  const onInterrupt = (): void => stop(EXIT.interrupted);
  const onTerminate = (): void => stop(EXIT.terminated);
  process.once("SIGINT", onInterrupt).once("SIGTERM", onTerminate);
  return () => void process.off("SIGINT", onInterrupt).off("SIGTERM", onTerminate);
}

/** What `--model` takes: the name, or the folder where it is in none that is looked into. */
export function modelWord(name: string, folder: string | undefined): string {
  return folder === undefined || modelsFolders(process.env).includes(resolve(folder))
    ? name
    : quoted(resolve(folder, name));
}
