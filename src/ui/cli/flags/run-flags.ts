/** Flags of every command that colours pages: where the networks run, how it is told, how it ends. */
import { Option, type Command } from "commander";
import type { EngineOptions } from "../../../colorization/engine.js";
import { integer } from "./flag-values.js";
import { withLogFlags, type LogFlags } from "./log-flags.js";

export interface RunFlags extends LogFlags {
  drain: number;
  model?: string;
  provider?: string;
  fallback?: boolean;
  threads?: number;
  json?: boolean;
}

/** Adds the flags to a command. */
export function withRunFlags(command: Command): Command {
  command
    .optionsGroup("Running:")
    .option("--drain <seconds>", "how long pages in colouring may take to finish after SIGINT or SIGTERM", integer, 10)
    .option("--model <dir>", "model package (default: COBRA_MODEL, else the embedded model)")
    .addOption(
      new Option("--provider <name>", "where the networks run")
        .choices(["cpu", "cuda", "tensorrt", "webgpu"])
        .default("cpu"),
    )
    .option("--fallback", "use the CPU where the provider cannot start")
    .option("--threads <number>", "CPU threads of a network run (default: as many as cores)", integer)
    .optionsGroup("What is told:");
  return withLogFlags(command)
    .option("--json", "one JSON object a line on standard output, for machines; see docs/cli-json.md")
    .optionsGroup("Options:");
}

/** The engine that the flags ask for. */
export function engineOptions({ model, provider, fallback, threads }: RunFlags): EngineOptions {
  return {
    ...(model === undefined ? {} : { model }),
    session: {
      provider: provider as "cpu",
      fallback: fallback ?? false,
      ...(threads ? { intraOpThreads: threads } : {}),
    },
  };
}
