/** What the commands share that go on with a run by its output: the flags, the recorded engine, what is told first. */
import type { Command } from "commander";
import type { EngineOptions } from "../../../colorization/engine.js";
import type { Continuation } from "../../../core/continue-run.js";
import type { PreparedBatch } from "./run-batch-command.js";
import { engineOptions, withRunFlags, type RunFlags } from "../flags/run-flags.js";

/** Adds the output and the flags of running. */
export function withOutput(command: Command): Command {
  return withRunFlags(
    command.argument("<output>", "folder or archive that `cobra-batch colorize` has written or was to write"),
  );
}

/** The batch to run: as it was asked for, with the model and the provider it had unless the flags say otherwise. */
export function continued(
  { config, options, record, notes }: Continuation,
  flags: RunFlags,
  command: Command,
): PreparedBatch {
  const asked = engineOptions(flags);
  const same = ["provider", "fallback", "threads"].every(
    (flag) => (command.getOptionValueSource(flag) ?? "default") === "default",
  );
  const model = flags.model ?? (record.model.directory || undefined);
  const engine: EngineOptions = {
    ...asked,
    ...(model === undefined ? {} : { model }),
    session: same ? record.session : (asked.session ?? {}),
  };
  return { config, options, engine, model: record.model, notes };
}
