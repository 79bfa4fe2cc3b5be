/** Flags of every command that colours pages: the model, the provider, logging, and how a run ends. */
import { Option, type Command } from "commander";
import { withoutUndefined } from "../../../config/without-undefined.js";
import { PROVIDER_NAMES, type Provider } from "../../../binding/runtime/providers.js";
import { engineOptionsOf } from "../../../colorization/options-of-settings.js";
import type { EngineOptions } from "../../../colorization/engine-options.js";
import { MOST_THREADS } from "../../../config/setting-text.js";
import type { EngineSettings } from "../../../config/engine-settings.js";
import { choice, deviceList, integer } from "./flag-values.js";
import { withLogFlags, type LogFlags } from "./log-flags.js";

export interface RunFlags extends LogFlags {
  drain: number;
  model?: string;
  provider?: Provider;
  devices?: "all" | string[];
  maxBatch?: number;
  fallback?: boolean;
  threads?: number;
  json?: boolean;
}

/** The flag `--provider`. @param standard what is used when it is not given, for the help */
export function providerFlag(description: string, standard = "cpu"): Option {
  const option = new Option("--provider <name>", description);
  option.argChoices = [...PROVIDER_NAMES];
  option.defaultValueDescription = standard;
  return option.argParser(choice("--provider", PROVIDER_NAMES));
}

/**
 * A flag whose value may stand in a variable of the environment instead. An empty one counts as none, as for settings.
 * @param read makes the reader of the value, which names the flag or the variable in its messages
 */
function orVariable(option: Option, variable: string, read: (name: string) => (text: string) => unknown): Option {
  if (!process.env[variable]) return option.argParser(read(option.long!));
  option.env(variable);
  // Commander does not tell the reader where a value comes from.
  const isFlag = process.argv.some((argument) => argument === option.long || argument.startsWith(`${option.long}=`));
  return option.argParser(read(isFlag ? option.long! : variable));
}

/**
 * Adds the flags to a command. @param continues for a command that continues an earlier run, whose model is the default
 */
export function withRunFlags(command: Command, continues = false): Command {
  command
    .optionsGroup("Running:")
    .option(
      "--model <name|dir>",
      continues
        ? "installed model, or folder of a model package (default: the run's)"
        : "installed model, or folder of a model package (default: COBRA_MODEL, else the one of `model use`)",
    )
    .addOption(providerFlag("where the networks run", continues ? "the run's" : "cpu"))
    .addOption(
      orVariable(
        new Option(
          "--devices <list>",
          "several devices: all, cuda:0,cuda:1 (default: COBRA_DEVICES, else the provider's first)",
        ),
        "COBRA_DEVICES",
        deviceList,
      ),
    )
    .addOption(
      orVariable(
        new Option("--max-batch <number>", "most pages denoised together (default: COBRA_MAX_BATCH, else what fits)"),
        "COBRA_MAX_BATCH",
        (name) => integer(name, 1),
      ),
    )
    .option("--fallback", "use the CPU when the provider cannot start")
    .option(
      "--threads <number>",
      "CPU threads for each network (default: one per core)",
      integer("--threads", 0, MOST_THREADS),
    )
    .option("--drain <seconds>", "time to finish the pages in progress after a signal to stop", integer("--drain"), 10)
    .optionsGroup("Logging:");
  return withLogFlags(command)
    .option("--json", "write one JSON object per line to standard output; see docs/cli-json.md")
    .optionsGroup("Options:");
}

/**
 * The engine that the flags ask for, over what a configuration file says of it. A file's devices and options of its
 * provider do not go with a provider that a flag names, and its model does not go over COBRA_MODEL.
 */
export function engineOptions(
  { model, provider, devices, maxBatch, fallback, threads }: RunFlags,
  file: EngineSettings = {},
): EngineOptions {
  const given = withoutUndefined({ model, provider, devices, maxBatch, fallback, threads });
  const { devices: _devices, providerOptions: _options, ...anywhere } = file;
  const { model: _model, ...rest } = provider === undefined ? file : anywhere;
  return engineOptionsOf({ ...(process.env["COBRA_MODEL"] ? rest : { ...rest, ...modelOf(file) }), ...given });
}

function modelOf({ model }: EngineSettings): Pick<EngineSettings, "model"> {
  return model === undefined ? {} : { model };
}
