/**
 * Parts that the commands that install a model have in common: how they are stopped, what they call the model, and the
 * line of JSON about it.
 */
import { resolve } from "node:path";
import { toJsonLine } from "../../../core/json-lines.js";
import { modelsFolders } from "../../../model/installed-models.js";
import type { ModelPackage } from "../../../model/package.js";
import { ENDING_SIGNALS, onEndingSignal } from "../ending-signals.js";
import { printText, quoted } from "./terminal-text.js";

/**
 * Ends the process at the signals that end a command: at any moment, what is finished is on the disk.
 * @param tidy is called before
 * @returns what ends the listening
 */
export function stopResumable(tidy: () => void): () => void {
  return onEndingSignal((name) => {
    tidy();
    process.stderr.write("stopped; run the same command again to resume\n");
    process.exit(ENDING_SIGNALS[name]);
  });
}

/**
 * The same for what cannot be continued.
 * @param left what is on the disk afterwards, as the end of a sentence
 */
export function stopForGood(tidy: () => void, left: string): () => void {
  return onEndingSignal((name) => {
    tidy();
    process.stderr.write(`stopped; ${left}\n`);
    process.exit(ENDING_SIGNALS[name]);
  });
}

/** What `--model` takes: the name, or the folder where it is in none that is looked into. */
export function modelWord(name: string, folder: string | undefined): string {
  return folder === undefined || modelsFolders(process.env).includes(resolve(folder))
    ? name
    : quoted(resolve(folder, name));
}

/** Prints the folder of a package that was made, or the line of JSON about it. */
export function printMade({ directory, hash, manifest: { name, version } }: ModelPackage, json: boolean): void {
  printText(json ? toJsonLine({ type: "model-made", name, version, directory, hash }) : `${directory}\n`);
}

/** Prints the line of JSON about a model that is installed now. */
export function printInstalledJson(model: {
  readonly name: string;
  readonly version: string;
  readonly opened: ModelPackage;
  readonly wasThere: boolean;
}): void {
  const { name, version, opened, wasThere } = model;
  const { directory, hash } = opened;
  printText(toJsonLine({ type: "model-installed", name, version, directory, hash, wasThere }));
}
