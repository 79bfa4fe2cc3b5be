/** `cobra-batch model install | use | remove`. */
import { createInterface } from "node:readline/promises";
import type { CatalogueLicence } from "../../../install/catalogue/catalogue-schema.js";
import { installModel, type InstallResult } from "../../../install/install-model.js";
import { removeModel, useModel } from "../../../install/manage-models.js";
import type { ModelInstallFlags, ModelRemoveFlags } from "../commands/model-install-command.js";
import { toJsonLine } from "../../../core/json-lines.js";
import { EMBEDDED_NAME } from "../../../model/model-name.js";
import { InstallReporter } from "../output/install-reporter.js";
import { modelWord, printInstalledJson, stopResumable } from "../output/installing.js";
import { canAsk } from "../output/preview-prompt.js";
import { asStarted } from "../output/program-name.js";
import { reportErrors } from "../output/report-errors.js";
import { oneLine, printText, wrapWidth } from "../output/terminal-text.js";

/** `install`: prints the package's folder. */
export function runInstall(name: string, flags: ModelInstallFlags): Promise<void> {
  return reportErrors(() => install(name, flags), Boolean(flags.json));
}

/** `use`: prints the model's folder. */
export function runUse(name: string, { json = false }: { json?: boolean }): Promise<void> {
  return reportErrors(async () => {
    const chosen = await useModel(name, process.env);
    if (json) {
      const { installedAt: _when, ...facts } = chosen ?? { name: EMBEDDED_NAME, installedAt: 0 };
      printText(toJsonLine({ type: "model-default", ...facts }));
      return;
    }
    process.stderr.write(
      `the default model is now ${chosen === undefined ? "the embedded one" : `${chosen.name}@${chosen.version}`}\n`,
    );
    if (chosen !== undefined) printText(`${chosen.directory}\n`);
  }, json);
}

/** `remove`: prints the folders that are gone. */
export function runRemove(name: string, flags: ModelRemoveFlags): Promise<void> {
  const { json = false } = flags;
  const onWait = (message: string): void =>
    void (json
      ? process.stdout.write(toJsonLine({ type: "warning", message }))
      : process.stderr.write(`${oneLine(message)}\n`));
  return reportErrors(async () => {
    const { folders, keptAt } = await removeModel({
      word: name,
      all: flags.all ?? false,
      originals: flags.originals,
      folder: flags.in,
      env: process.env,
      onWait,
    });
    if (json) {
      printText(toJsonLine({ type: "model-removed", folders, ...(keptAt === undefined ? {} : { keptAt }) }));
      return;
    }
    for (const directory of folders) printText(`${directory}\n`);
    if (keptAt !== undefined)
      process.stderr.write(`the originals stay in ${oneLine(keptAt)}, as was asked for; --originals removes them\n`);
  }, json);
}

async function install(name: string, flags: ModelInstallFlags): Promise<void> {
  const json = flags.json === true;
  const reporter = new InstallReporter({ err: process.stderr, json: json ? process.stdout : undefined });
  const accept = (licences: readonly CatalogueLicence[]): Promise<boolean> => {
    showLicences(licences);
    return Promise.resolve(true);
  };
  const stopListening = stopResumable(() => reporter.stop());
  let result: InstallResult;
  try {
    result = await installModel({
      name,
      catalogue: flags.catalogue,
      styles: flags.style,
      precision: flags.precision,
      folder: flags.to,
      keepOriginals: flags.keepOriginals,
      offline: flags.offline,
      from: flags.from,
      overwrite: flags.overwrite,
      env: process.env,
      ask: flags.acceptLicences === true ? accept : canAsk({ json }) ? askForLicences : undefined,
      onEvent: reporter.onEvent,
    });
  } finally {
    reporter.stop();
    stopListening();
  }
  const { opened, wasThere, keptAt } = result;
  if (json) {
    printInstalledJson(result);
    return;
  }
  if (wasThere) reporter.say("it is installed already; --overwrite makes it again");
  if (keptAt !== undefined) reporter.say(`the originals are kept in ${keptAt}`);
  const word = modelWord(result.name, flags.to);
  reporter.say(asStarted(`use it:              cobra-batch colorize chapter.cbz --model ${word}`));
  if (word === result.name) reporter.say(asStarted(`make it the default: cobra-batch model use ${word}`));
  printText(`${opened.directory}\n`);
}

function showLicences(licences: readonly CatalogueLicence[]): void {
  const columns = Math.min(process.stderr.columns || 80, 100) - 2;
  for (const { name, covers, url, summary } of licences) {
    const lines = [`licence: ${name}`, `covers:  ${covers}`, `text:    ${url}`, ...(summary ? [summary] : [])];
    for (const line of lines.flatMap((one) => wrapWidth(oneLine(one), columns))) process.stderr.write(`  ${line}\n`);
    process.stderr.write("\n");
  }
}

async function askForLicences(licences: readonly CatalogueLicence[]): Promise<boolean> {
  showLicences(licences);
  // Without `terminal`, Ctrl-C stays a signal.
  const terminal = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
  const ended = new Promise<string>((done) => terminal.once("close", () => done("")));
  try {
    const answer = await Promise.race([
      terminal.question(`Accept ${licences.length === 1 ? "this licence" : "these licences"}? [y/N] `),
      ended,
    ]);
    return /^y(?:es)?$/iu.test(answer.trim());
  } finally {
    terminal.close();
  }
}
