/** `cobra-batch model import`: a model package from the original Cobra release. */
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { STYLES, type Style } from "../../../config/batch-config.js";
import { ResourceError } from "../../../errors.js";
import type { BuildProgress } from "../../../convert/build-package.js";
import type { ModelConfig } from "../../../convert/model-config.js";
import { isModelPackage } from "../../../model/package.js";
import { importRelease } from "../../../convert/cobra-release/import-release.js";
import { reportErrors } from "../output/report-errors.js";

interface Flags {
  cobra: string;
  pixart: string;
  prompt: string;
  style?: Style[];
  precision: "fp16" | "fp32";
  buckets?: ModelConfig["buckets"];
  ignore?: string[];
  out: string;
  overwrite?: boolean;
}

/** The command. */
export function importCommand(): Command {
  return new Command("import")
    .summary("make a model package of the original Cobra weights")
    .description(
      "Makes a model package of the original Cobra release, without Python: folds the LoRA into the PixArt base and writes the\n" +
        "networks for ONNX Runtime. docs/models.md says where the weights come from.",
    )
    .requiredOption(
      "--cobra <dir>",
      "the release of Cobra: LE/, image_encoder/, shadow_ckpt/, line_ckpt/, shadow_GSRP/, line_GSRP/",
    )
    .requiredOption("--pixart <dir>", "PixArt-XL-2-1024-MS: transformer/, vae/, scheduler/")
    .requiredOption("--prompt <dir>", "prompt_embeds.pt and prompt_attention_mask.pt of the Cobra repository")
    .addOption(
      new Option(
        "--style <name>",
        'a style to import, "line" or "line + shadow"; may come twice (default: both)',
      ).argParser(style),
    )
    .addOption(new Option("--precision <name>", "of weights and activations").choices(["fp16", "fp32"]).default("fp16"))
    .addOption(
      new Option("--buckets <sizes>", "page sizes, such as 640x1024,1024x640 (default: Cobra's 15)").argParser(
        bucketSizes,
      ),
    )
    .option(
      "--ignore <tensor>",
      "a tensor of the LoRA's file to leave out; may come many times",
      (name: string, names: string[] = []) => [...names, name],
    )
    .requiredOption("--out <dir>", "where the package goes")
    .option("--overwrite", "replace the model package that is there")
    .addHelpText(
      "after",
      "\nExamples:\n  cobra-batch model import --cobra Cobra --pixart PixArt-XL-2-1024-MS \\\n    --prompt Cobra --out cobra-fp16",
    )
    .action((flags: Flags) => reportErrors(() => run(flags)));
}

async function run(flags: Flags): Promise<void> {
  const directory = resolve(flags.out);
  await refuseForeign(directory, flags.overwrite ?? false);
  const { cobra, pixart, prompt } = flags;
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
    onProgress: progressPrinter(process.stderr),
  });
  process.stdout.write(`${opened.directory}\n`);
}

/** Before the long work: what is there is only replaced when it is a model package and replacing was asked for. */
async function refuseForeign(directory: string, overwrite: boolean): Promise<void> {
  if ((await stat(directory).catch(() => undefined)) === undefined) return;
  if (!overwrite)
    throw new ResourceError(
      "ERR_OUTPUT_EXISTS",
      `${directory} exists; choose another folder, or replace it with --overwrite`,
    );
  if (!(await isModelPackage(directory)))
    throw new ResourceError(
      "ERR_OUTPUT_EXISTS",
      `${directory} exists and is not a model package, so it is not replaced; choose another folder`,
    );
}

function style(name: string, styles: Style[] = []): Style[] {
  const found = STYLES.find((one) => one === name);
  if (found === undefined)
    throw new InvalidArgumentError(`Styles are ${STYLES.map((one) => JSON.stringify(one)).join(" and ")}.`);
  return [...styles, found];
}

function bucketSizes(text: string): ModelConfig["buckets"] {
  return text.split(",").map((one) => {
    const sizes = /^(\d{1,5})x(\d{1,5})$/u.exec(one.trim());
    if (sizes === null) throw new InvalidArgumentError("Sizes are needed, such as 640x1024,1024x640.");
    return [Number(sizes[1]), Number(sizes[2])] as const;
  });
}

/** A line for each network on a pipe, one line that is written over on a terminal. */
export function progressPrinter(stream: NodeJS.WriteStream): (progress: BuildProgress) => void {
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
