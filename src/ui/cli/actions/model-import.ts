/** `cobra-batch model import`: makes a model package from the original Cobra release. */
import { stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { STYLES } from "../../../config/batch-config.js";
import { ResourceError } from "../../../errors.js";
import type { BuildProgress } from "../../../convert/build-package.js";
import { isModelPackage } from "../../../model/package.js";
import { importRelease } from "../../../convert/cobra-release/import-release.js";
import type { ModelImportFlags } from "../commands/model-command.js";
import { InstallReporter } from "../output/install-reporter.js";
import { printMade, stopForGood } from "../output/installing.js";
import { reportErrors } from "../output/report-errors.js";

/** Imports the release and prints the package's folder. */
export function importModel(flags: ModelImportFlags): Promise<void> {
  return reportErrors(() => run(flags), Boolean(flags.json));
}

async function run(flags: ModelImportFlags): Promise<void> {
  const json = flags.json === true;
  const directory = resolve(flags.out);
  await refuseForeign(directory, flags.overwrite ?? false);
  const { cobra, pixart, prompt } = flags;
  const reporter = new InstallReporter({ err: process.stderr, json: process.stdout });
  const stopListening = stopForGood(
    () => reporter.stop(),
    `${directory} is as it was; what was made so far, ${join(dirname(directory), `.${basename(directory)}-*`)}, goes when the command is run again`,
  );
  const opened = await importRelease({
    cobra,
    pixart,
    prompt,
    directory,
    styles: STYLES.filter((one) => flags.style?.includes(one) ?? true),
    precision: flags.precision === "fp16" ? "float16" : "float32",
    overwrite: flags.overwrite ?? false,
    ...(flags.buckets ? { buckets: flags.buckets } : {}),
    ...(flags.ignore ? { ignored: flags.ignore } : {}),
    onProgress: json ? (progress) => reporter.onEvent({ type: "building", progress }) : progressPrinter(process.stderr),
  }).finally(stopListening);
  printMade(opened, json);
}

/** Checked before the long work: only a model package is replaced, and only with `--overwrite`. */
async function refuseForeign(directory: string, overwrite: boolean): Promise<void> {
  if ((await stat(directory).catch(() => undefined)) === undefined) return;
  if (!overwrite)
    throw new ResourceError("ERR_OUTPUT_EXISTS", `${directory} exists`, {
      remedy: "choose another folder, or replace it with --overwrite",
    });
  if (!(await isModelPackage(directory)))
    throw new ResourceError(
      "ERR_OUTPUT_EXISTS",
      `${directory} exists and is not a model package, so it is not replaced`,
      { remedy: "choose another folder" },
    );
}

/** Prints progress: a line for each network on a pipe, one line that is rewritten on a terminal. */
function progressPrinter(stream: NodeJS.WriteStream): (progress: BuildProgress) => void {
  let shown = "";
  return ({ part, doneBytes, totalBytes }) => {
    const percent = totalBytes === 0 ? 100 : Math.floor((100 * doneBytes) / totalBytes);
    const text =
      part === "hash" ? "hashing the files" : stream.isTTY ? `writing ${part} ${percent}%` : `writing ${part}`;
    if (text === shown) return;
    shown = text;
    stream.write(stream.isTTY ? `\r\u001B[K${text}${part === "hash" ? "\n" : ""}` : `${text}\n`);
  };
}
