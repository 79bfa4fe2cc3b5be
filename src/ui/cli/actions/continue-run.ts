/** The commands that go on with an earlier run: approve, reject, retry, redo. */
import type { Command } from "commander";
import type { EngineOptions } from "../../../colorization/engine.js";
import { approveRun, redoRun, rejectRun, retryRun, type Continuation } from "../../../core/continue-run.js";
import { flagFaults } from "../flags/flag-values.js";
import { engineOptions, type RunFlags } from "../flags/run-flags.js";
import { CHANGEABLE } from "../flags/set-flag.js";
import { runBatchCommand, type PreparedBatch } from "./run-batch.js";
import { readSettings } from "./set-values.js";

/** `cobra-batch approve`. @returns the exit code, as do the others */
export function approve(output: string, flags: RunFlags & { seed?: number }, command: Command): Promise<number> {
  return runBatchCommand(flags, async () => {
    const run = await approveRun(output, flags.seed);
    return run === undefined
      ? { nothing: `${output} is complete; no preview waits for approval` }
      : continued(run, flags, command);
  });
}

/** `cobra-batch reject`. */
export function reject(output: string, flags: RunFlags & { set?: string[] }, command: Command): Promise<number> {
  return runBatchCommand(flags, async () =>
    continued(await rejectRun(output, readSettings(flags.set, CHANGEABLE, flagFaults(flags))), flags, command),
  );
}

/** `cobra-batch retry`. */
export function retry(
  output: string,
  flags: RunFlags & { failed?: boolean; set?: string[] },
  command: Command,
): Promise<number> {
  return runBatchCommand(flags, async () => {
    const changes = readSettings(flags.set, CHANGEABLE, flagFaults(flags));
    const run = await retryRun(output, { failedOnly: Boolean(flags.failed), changes });
    return run === undefined ? { nothing: `no page of ${output} has failed` } : continued(run, flags, command);
  });
}

/** `cobra-batch redo`. */
export function redo(
  output: string,
  pages: readonly string[],
  flags: RunFlags & { seed?: number; set?: string[] },
  command: Command,
): Promise<number> {
  return runBatchCommand(flags, async () => {
    const seed = typeof flags.seed === "number" ? [`seed=${flags.seed}`] : [];
    const changes = readSettings([...(flags.set ?? []), ...seed], CHANGEABLE, flagFaults(flags));
    return continued(await redoRun(output, pages, changes), flags, command);
  });
}

/** The batch to run: as it was asked for, with the model and the provider it had unless the flags say otherwise. */
function continued({ config, options, record, notes }: Continuation, flags: RunFlags, command: Command): PreparedBatch {
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
