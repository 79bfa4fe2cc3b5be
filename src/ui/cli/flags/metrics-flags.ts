/** The flags of commands that can be watched. */
import { Option, type Command } from "commander";
import { integer, markUsedAtOnce, MOST_PORT } from "./flag-values.js";

export interface MetricsFlags {
  metricsPort?: number;
  metricsHost: string;
}

/** Adds the flags to a command. */
export function withMetricsFlags(command: Command): Command {
  return command
    .optionsGroup("Logging:")
    .addOption(
      markUsedAtOnce(
        new Option("--metrics-port <number>", "serve /metrics, /healthz and /readyz on this port; see docs/metrics.md"),
      ).argParser(integer("--metrics-port", 0, MOST_PORT)),
    )
    .option("--metrics-host <address>", "address for --metrics-port; 0.0.0.0 for all", "127.0.0.1")
    .optionsGroup("Options:");
}
