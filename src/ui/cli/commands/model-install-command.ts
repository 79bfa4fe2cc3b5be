/** `cobra-batch model install | use | remove`: models by name. */
import { Command } from "commander";
import type { Style } from "../../../config/settings.js";
import type { Precision } from "../../../model/precisions.js";
import { precisionFlag, styleFlag } from "./model-flags.js";

export interface ModelInstallFlags {
  style?: Style[];
  precision?: Precision;
  to?: string;
  keepOriginals?: boolean;
  acceptLicences?: boolean;
  offline?: boolean;
  from?: string;
  catalogue?: string;
  overwrite?: boolean;
  json?: boolean;
}

export interface ModelRemoveFlags {
  all?: boolean;
  json?: boolean;
  originals?: boolean;
  in?: string;
}

/** `model install`. */
export function installCommand(): Command {
  return new Command("install")
    .argument("<name>", "model of the catalogue, such as cobra")
    .summary("fetch a model's weights and make a package of them")
    .description(
      "Fetches a model's weights, shows their licences, and builds a package for --model NAME. An interrupted installation resumes when the command is run again.",
    )
    .addOption(styleFlag("style to install"))
    .addOption(precisionFlag())
    .option("--to <dir>", "folder of models (default: yours, ~/.local/share/cobra-batch/models)")
    .option("--keep-originals", "keep what was fetched, for other styles and precisions")
    .option("--accept-licences", "accept the licences without being asked")
    .option(
      "--offline",
      "download nothing: use the files on this machine and in the hub's cache, and list missing ones",
    )
    .option("--from <dir>", "use a local copy of the original files")
    .option(
      "--catalogue <path>",
      "catalogue to install from, a file or an https: address (default: COBRA_CATALOGUE, else the built-in one)",
    )
    .option("--overwrite", "make the package again if it is already installed")
    .option("--json", "write one JSON object per line to standard output; see docs/cli-json.md")
    .addHelpText(
      "after",
      `
Examples:
  cobra-batch model install cobra
  cobra-batch model install cobra --style line --accept-licences
  cobra-batch model install cobra --from /media/usb/cobra

Environment: HF_TOKEN, HF_ENDPOINT (a mirror), HF_HOME and HF_HUB_CACHE (the
hub's cache), https_proxy, no_proxy.
Exit codes: 0 installed, 1 cannot be installed, 64 usage or licences not
accepted, 75 worth retrying (network, storage).`,
    )
    .action(async (name: string, flags: ModelInstallFlags) => {
      const { runInstall } = await import("../actions/model-install.js");
      await runInstall(name, flags);
    });
}

/** `model use`. */
export function useCommand(): Command {
  return new Command("use")
    .argument(
      "<name>",
      "installed model, such as cobra or cobra@1-fp16; embedded is the one that comes with the program",
    )
    .summary("choose the model that is used when none is named")
    .description("Chooses the model that is used when neither --model nor COBRA_MODEL names one.")
    .option("--json", "write one JSON object per line to standard output; see docs/cli-json.md")
    .addHelpText("after", "\nExamples:\n  cobra-batch model use cobra\n  cobra-batch model use embedded")
    .action(async (name: string, flags: { json?: boolean }) => {
      const { runUse } = await import("../actions/model-install.js");
      await runUse(name, flags);
    });
}

/** `model remove`. */
export function removeCommand(): Command {
  return new Command("remove")
    .argument("<name>", "installed model, such as cobra or cobra@1-fp16")
    .summary("remove an installed model")
    .description(
      "Removes an installed model, and what is left of an unfinished installation of it, downloads included.",
    )
    .option("--all", "remove all its versions")
    .option("--originals", "also remove the downloads that --keep-originals kept")
    .option("--in <dir>", "folder of models (default: yours)")
    .option("--json", "write one JSON object per line to standard output; see docs/cli-json.md")
    .addHelpText("after", "\nExamples:\n  cobra-batch model remove cobra\n  cobra-batch model remove cobra@1-fp32")
    .action(async (name: string, flags: ModelRemoveFlags) => {
      const { runRemove } = await import("../actions/model-install.js");
      await runRemove(name, flags);
    });
}
