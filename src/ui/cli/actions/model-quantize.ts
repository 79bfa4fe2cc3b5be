/** `cobra-batch model quantize`: prints the new package's folder. */
import { quantizeModel } from "../../../install/quantize-model.js";
import { packageBytes } from "../../../model/requirements.js";
import type { ModelQuantizeFlags } from "../commands/model-quantize-command.js";
import { InstallReporter } from "../output/install-reporter.js";
import { modelWord, printInstalledJson, stopResumable } from "../output/installing.js";
import { asStarted } from "../output/program-name.js";
import { reportErrors } from "../output/report-errors.js";
import { bytesText } from "../../../text/bytes-text.js";
import { printText } from "../output/terminal-text.js";

export function runQuantize(model: string, flags: ModelQuantizeFlags): Promise<void> {
  return reportErrors(() => quantize(model, flags), Boolean(flags.json));
}

async function quantize(model: string, flags: ModelQuantizeFlags): Promise<void> {
  const json = flags.json === true;
  const reporter = new InstallReporter({ err: process.stderr, json: json ? process.stdout : undefined });
  const stopListening = stopResumable(() => reporter.stop());
  try {
    const { name, version, opened, source, wasThere } = await quantizeModel({
      model,
      name: flags.name,
      folder: flags.to,
      overwrite: flags.overwrite,
      env: process.env,
      onStart: (made) => reporter.say(`${made.name}@${made.version}: int8 weights; checking ${model}`),
      onWait: (message) => reporter.onEvent({ type: "waiting", message }),
      onProgress: (progress) => reporter.onEvent({ type: "building", progress }),
    });
    if (json) {
      printInstalledJson({ name, version, opened, wasThere });
      return;
    }
    if (wasThere) reporter.say("it is installed already; --overwrite makes it again");
    const [before, after] = [source, opened].map(({ manifest }) => bytesText(packageBytes(manifest)));
    reporter.say(`${after}, made from ${before}`);
    reporter.say(asStarted(`use it: cobra-batch colorize chapter.cbz --model ${modelWord(name, flags.to)}`));
    printText(`${opened.directory}\n`);
  } finally {
    reporter.stop();
    stopListening();
  }
}
