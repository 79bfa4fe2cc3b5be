/** `cobra-batch classify`: line art or coloured? */
import { Command, Option } from "commander";
import { CLASSIFIERS, type ClassifierName } from "../../../config/settings.js";
import { choice, decimal } from "../flags/flag-values.js";

export interface ClassifyFlags {
  classifier: ClassifierName;
  recursive?: boolean;
  /** Limits of the plain rule; absent: the rule's own, unless another one is given. */
  saturation?: number;
  colorCount?: number;
  edgeDensity?: number;
  json?: boolean;
}

/** The command, ready to be added to the program. */
export function classifyCommand(): Command {
  const classifier = new Option("--classifier <name>", "how line art and coloured pictures are distinguished");
  classifier.argChoices = [...CLASSIFIERS];
  return new Command("classify")
    .summary("show which pictures are line art and which are coloured")
    .description(
      "Shows for each picture whether `colorize` treats it as a page to colour (line art) or as a reference (coloured). A question mark means that it is not clear which. The plain classifier treats a picture as line art if its saturation is low, or if it has few colours and many edges. Giving one of its limits selects it.",
    )
    .argument("<input...>", "pictures, folders, ZIP or CBZ archives")
    .option("--recursive", "read subfolders too")
    .addOption(classifier.default("calibrated").argParser(choice("--classifier", CLASSIFIERS)))
    .optionsGroup("Limits of the plain classifier:")
    .option(
      "--saturation <number>",
      "line art: mean saturation below this, 0 to 1 (default: 0.15)",
      decimal("--saturation"),
    )
    .option(
      "--color-count <number>",
      "line art: fewer colours than this at 256x256 (default: 1000)",
      decimal("--color-count"),
    )
    .option(
      "--edge-density <number>",
      "line art: larger share of edge pixels than this, 0 to 1 (default: 0.3)",
      decimal("--edge-density"),
    )
    .optionsGroup("Options:")
    .option("--json", "write one JSON object per line to standard output; see docs/cli-json.md")
    .addHelpText(
      "after",
      `
Examples:
  cobra-batch classify chapter.cbz
  cobra-batch classify pages/001.png cover.jpg
  cobra-batch classify --recursive pages --saturation 0.2
  cobra-batch classify chapter.cbz --json > types.ndjson

Exit codes: 0 all pictures were read, 1 none were, 2 some could not be read,
64 wrong flags.`,
    )
    .action(async (inputs: string[], flags: ClassifyFlags) => {
      const { classify } = await import("../actions/classify.js");
      await classify(inputs, flags);
    });
}
