/** `cobra-batch model`: what to do with model packages. */
import { Command } from "commander";
import { openModelPackage } from "../../model/model-package.js";
import { BatchProcessingError, messageOf } from "../../errors.js";
import { exitCodeFor } from "./exit-codes.js";

/** The command with its subcommands. */
export function modelCommand(): Command {
  const command = new Command("model").summary("look at and make model packages");
  command
    .command("info")
    .argument("<dir>", "model package")
    .summary("say what is in a package and whether its files are whole")
    .action((directory: string) => reportErrors(() => info(directory)));
  return command;
}

async function info(directory: string): Promise<void> {
  const { manifest, hash } = await openModelPackage(directory);
  const bytes = Object.values(manifest.files).reduce((sum, file) => sum + file.bytes, 0);
  const rows = [
    ["name", `${manifest.name} ${manifest.version}${manifest.trained ? "" : " (untrained: its colours mean nothing)"}`],
    ["licence", manifest.licence],
    ["hash", hash],
    ["precision", manifest.precision],
    ["styles", Object.keys(manifest.graphs.styles).join(", ")],
    ["buckets", manifest.buckets.map(([width, height]) => `${width}x${height}`).join(", ")],
    ["size", `${(bytes / 1e6).toFixed(1)} MB in ${Object.keys(manifest.files).length} files, all whole`],
  ];
  process.stdout.write(rows.map(([key, value]) => `${key!.padEnd(10)} ${value}\n`).join(""));
}

async function reportErrors(action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    const code = error instanceof BatchProcessingError ? error.code : "ERR_INTERNAL";
    process.stderr.write(`error: ${messageOf(error)} [${code}]\n`);
    process.exitCode = exitCodeFor(error);
  }
}
