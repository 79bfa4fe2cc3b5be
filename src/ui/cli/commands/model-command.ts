/** `cobra-batch model`: installs, makes, lists and checks model packages. */
import { Command, Option } from "commander";
import type { PresetName } from "../../../convert/presets.js";
import type { Style } from "../../../config/settings.js";
import type { Precision } from "../../../model/precisions.js";
import { choice, collect, fault, integer } from "../flags/flag-values.js";
import { quantizeCommand } from "./model-quantize-command.js";
import { installCommand, removeCommand, useCommand } from "./model-install-command.js";
import { precisionFlag, styleFlag } from "./model-flags.js";

/** Sizes of untrained models. */
const PRESET_NAMES = ["tiny", "demo", "full"] as const satisfies readonly PresetName[];

export interface ModelImportFlags {
  cobra: string;
  pixart: string;
  prompt: string;
  style?: Style[];
  precision: Precision;
  buckets?: (readonly [width: number, height: number])[];
  ignore?: string[];
  out: string;
  overwrite?: boolean;
  json?: boolean;
}

export interface OptimizeFlags {
  provider: "tensorrt";
  device: number;
  json?: boolean;
}

export interface UntrainedFlags {
  json?: boolean;
  out: string;
  preset: PresetName;
  seed: number;
  precision: Precision;
}

/** The command with its subcommands. */
export function modelCommand(): Command {
  const command = new Command("model")
    .summary("install, make, list and check models")
    .description("Installs, makes, lists and checks models.");
  for (const one of [
    installCommand(),
    listCommand(),
    useCommand(),
    removeCommand(),
    infoCommand(),
    verifyCommand(),
    importCommand(),
    quantizeCommand(),
    optimizeCommand(),
    untrainedCommand(),
  ])
    command.addCommand(one);
  return command;
}

function importCommand(): Command {
  return new Command("import")
    .summary("make a model package from original Cobra weights in folders")
    .description(
      "Makes a model package from the original Cobra release in folders; `model install cobra` fetches it and does the same. Python is not needed. Folds the LoRA into the PixArt base and writes the networks for ONNX Runtime.",
    )
    .requiredOption(
      "--cobra <dir>",
      "the Cobra release: LE/, image_encoder/, shadow_ckpt/, line_ckpt/, shadow_GSRP/, line_GSRP/",
    )
    .requiredOption("--pixart <dir>", "PixArt-XL-2-1024-MS: transformer/, vae/, scheduler/")
    .requiredOption(
      "--prompt <dir>",
      "folder with prompt_embeds.pt and prompt_attention_mask.pt, from the Cobra repository",
    )
    .addOption(styleFlag("style to import"))
    .addOption(precisionFlag().default("fp16"))
    .addOption(
      new Option("--buckets <sizes>", "page sizes, such as 640x1024,1024x640 (default: Cobra's 15)").argParser(sizes),
    )
    .option(
      "--ignore <tensor>",
      "tensor of the LoRA file to leave out, or config setting to let through; may be repeated",
      collect,
    )
    .requiredOption("--out <dir>", "folder for the package")
    .option("--overwrite", "replace an existing model package")
    .option("--json", "write one JSON object per line to standard output; see docs/cli-json.md")
    .addHelpText(
      "after",
      "\nExamples:\n  cobra-batch model import --cobra Cobra --pixart PixArt-XL-2-1024-MS \\\n    --prompt Cobra-code/prompt_tensor --out cobra-fp16",
    )
    .action(async (flags: ModelImportFlags) => {
      const { importModel } = await import("../actions/model-import.js");
      await importModel(flags);
    });
}

function listCommand(): Command {
  return new Command("list")
    .argument(
      "[dirs...]",
      "model packages, or folders that hold some (default: installed models, ./models and the embedded model)",
    )
    .summary("list installed models and packages in folders")
    .description("Lists installed models and model packages in folders. A star marks the default.")
    .option("--json", "write one JSON object per line to standard output; see docs/cli-json.md")
    .addHelpText("after", "\nExamples:\n  cobra-batch model list\n  cobra-batch model list /srv/models --json")
    .action(async (folders: string[], flags: { json?: boolean }) => {
      const { listModels } = await import("../actions/model-look.js");
      await listModels(folders, flags);
    });
}

function infoCommand(): Command {
  return new Command("info")
    .argument("[model]", "installed model, or folder of a package (default: COBRA_MODEL, else the one of `model use`)")
    .summary("show what a package holds and whether this machine can run it")
    .description("Shows what a model package holds and whether this machine can run it.")
    .option("--json", "write one JSON object per line to standard output; see docs/cli-json.md")
    .addHelpText("after", "\nExamples:\n  cobra-batch model info\n  cobra-batch model info cobra --json")
    .action(async (model: string | undefined, flags: { json?: boolean }) => {
      const { modelInfo } = await import("../actions/model-look.js");
      await modelInfo(model, flags);
    });
}

function verifyCommand(): Command {
  return new Command("verify")
    .argument("[model]", "installed model, or folder of a package (default: COBRA_MODEL, else the one of `model use`)")
    .summary("check every file of a package against its SHA-256")
    .description("Checks every file of a model package against its SHA-256.")
    .option("--json", "write one JSON object per line to standard output; see docs/cli-json.md")
    .addHelpText(
      "after",
      "\nExamples:\n  cobra-batch model verify cobra\n\nExit codes: 0 all files are intact, 1 they are not.",
    )
    .action(async (model: string | undefined, flags: { json?: boolean }) => {
      const { verifyModel } = await import("../actions/model-look.js");
      await verifyModel(model, flags);
    });
}

function optimizeCommand(): Command {
  const provider = new Option("--provider <name>", "provider to build for");
  provider.argChoices = ["tensorrt"];
  return new Command("optimize")
    .argument("[model]", "installed model, or folder of a package (default: COBRA_MODEL, else the one of `model use`)")
    .summary("build TensorRT engines for a package ahead of the first page")
    .description(
      "Builds TensorRT engines for all page sizes of a model package and keeps them in the cache folder. They serve one package on one kind of GPU with one version of TensorRT. The package's weights must be inside its graphs.",
    )
    .addOption(provider.makeOptionMandatory().argParser(choice("--provider", ["tensorrt"] as const)))
    .option("--device <number>", "which of several GPUs", integer("--device"), 0)
    .option("--json", "write one JSON object per line to standard output; see docs/cli-json.md")
    .addHelpText(
      "after",
      "\nExamples:\n  cobra-batch model optimize --provider tensorrt\n\nNot tried on a GPU yet; see docs/gpu.md.",
    )
    .action(async (model: string | undefined, flags: OptimizeFlags) => {
      const { optimizeModel } = await import("../actions/model-optimize.js");
      await optimizeModel(model, flags);
    });
}

function untrainedCommand(): Command {
  const preset = new Option("--preset <name>", "size of the model");
  preset.argChoices = [...PRESET_NAMES];
  return new Command("untrained")
    .summary("make a small model with random weights, for testing")
    .description("Makes a small model with random weights, to test the pipeline. Its colours mean nothing.")
    .requiredOption("--out <dir>", "folder for the package")
    .addOption(preset.default("demo").argParser(choice("--preset", PRESET_NAMES)))
    .option("--seed <number>", "seed of the weights", integer("--seed"), 1)
    .addOption(precisionFlag().default("fp32"))
    .option("--json", "write one JSON object per line to standard output; see docs/cli-json.md")
    .addHelpText(
      "after",
      "\nExamples:\n  cobra-batch model untrained --out untrained\n  cobra-batch model untrained --preset tiny --out tiny",
    )
    .action(async (flags: UntrainedFlags) => {
      const { makeUntrained } = await import("../actions/model-untrained.js");
      await makeUntrained(flags);
    });
}

function sizes(text: string): (readonly [width: number, height: number])[] {
  const found = text.split(",").map((one) => /^(\d{1,5})x(\d{1,5})$/u.exec(one.trim()));
  return found.every((one) => one !== null)
    ? found.map((one) => [Number(one[1]), Number(one[2])] as const)
    : fault(`--buckets: must be sizes such as 640x1024,1024x640, not ${JSON.stringify(text)}`);
}
