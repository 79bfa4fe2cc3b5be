/** The commands that continue an earlier run: approve, reject, retry, redo. */
import { resolve } from "node:path";
import type { Command } from "commander";
import type { EngineOptions } from "../../../colorization/engine-options.js";
import {
  approveRun,
  redoRun,
  rejectRun,
  retryRun,
  settingsInEffect,
  type Continuation,
  type SettingChanges,
} from "../../../core/continue-run.js";
import { modelFolderOf } from "../../../core/run-model.js";
import { findRun } from "../../../core/journal/find-run.js";
import { ConfigurationError } from "../../../errors.js";
import { modelDirectory } from "../../../model/default-model.js";
import { openModelPackage, type ModelPackage } from "../../../model/package.js";
import type { RedoFlags } from "../commands/redo-command.js";
import { flagFaults } from "../flags/flag-values.js";
import { engineOptions, type RunFlags } from "../flags/run-flags.js";
import { CHANGEABLE, SETTINGS_WITH_FLAGS, type SetFlags } from "../flags/set-flag.js";
import type { GivenSetting } from "./gather-settings.js";
import { runBatchCommand, type PreparedBatch } from "./run-batch.js";
import type { Remedies } from "../output/reporter.js";
import { readSettings } from "./set-values.js";
import { typedPath } from "../../../core/input/typed-path.js";
import { refuseIfNothingChanges, whatHelps } from "./what-helps.js";

/** `cobra-batch approve`. @returns the exit code, as do the others */
export function approve(output: string, flags: RunFlags & { seed?: number }, command: Command): Promise<number> {
  return runBatchCommand(flags, async () => {
    const run = await approveRun(typedPath(output), flags.seed);
    return run === undefined
      ? { nothing: `${output} is complete; no preview waits for approval` }
      : continued(run, flags, command);
  });
}

/** `cobra-batch reject`. */
export function reject(output: string, flags: RunFlags & SetFlags, command: Command): Promise<number> {
  return runBatchCommand(flags, async () => {
    const changes = changesBy(flags);
    await refuseSamePictures(output, flags, changes);
    return {
      ...continued(await rejectRun(typedPath(output), changes), flags, command),
      given: givenBy(changes, flags),
    };
  });
}

/** `cobra-batch retry`. */
export function retry(
  output: string,
  flags: RunFlags & SetFlags & { failed?: boolean },
  command: Command,
): Promise<number> {
  return runBatchCommand(flags, async () => {
    const changes = changesBy(flags);
    const run = await retryRun(typedPath(output), { failedOnly: Boolean(flags.failed), changes });
    return run === undefined
      ? { nothing: `no page of ${output} has failed` }
      : { ...continued(run, flags, command), given: givenBy(changes, flags) };
  });
}

/** `cobra-batch redo`. */
export function redo(output: string, pages: readonly string[], flags: RedoFlags, command: Command): Promise<number> {
  return runBatchCommand(flags, async () => {
    const seed = typeof flags.seed === "number" ? [`seed=${flags.seed}`] : [];
    const changes = withHints(flags, changesBy(flags, seed));
    await refuseSamePictures(output, flags, changes, pages);
    return {
      ...continued(await redoRun(typedPath(output), pages, changes), flags, command),
      given: givenBy(changes, flags),
      remedies: hintRemedy(flags),
    };
  });
}

/** The changes that `--set` and the flags of single settings ask for. A flag counts after `--set`. */
function changesBy(flags: SetFlags, more: readonly string[] = []): SettingChanges {
  const own = SETTINGS_WITH_FLAGS.flatMap((key) => {
    const value: unknown = flags[key];
    return typeof value === "string" ? [`${key}=${value}`] : []; // a fault is reported with the others
  });
  return readSettings([...(flags.set ?? []), ...own, ...more], CHANGEABLE, flagFaults(flags));
}

/** What to do about hints that do not fit: correct the flag that gave them. */
function hintRemedy({ hint, hints }: RedoFlags): Remedies {
  const flag = hints !== undefined ? "the picture of --hints" : hint !== undefined ? "--hint" : undefined;
  return flag === undefined ? {} : { ERR_HINTS: `correct ${flag} and run redo again; finished pages are kept` };
}

/** The changes with the hints that flags name. They take the place of the pages' earlier hints. */
function withHints({ hint, hints }: RedoFlags, changes: SettingChanges): SettingChanges {
  if (hint !== undefined && hints !== undefined)
    throw new ConfigurationError("ERR_CONFIG", "--hint and --hints are both given; a page takes dots or a picture");
  const colorHints = hints === undefined ? hint : resolve(typedPath(hints));
  return colorHints === undefined ? changes : { ...changes, pages: { ...changes.pages, colorHints } };
}

/**
 * Refuses changes after which every picture would be the same, before anything is noted in the run. A model that cannot
 * be opened is reported by the run itself.
 * @param pages as they were typed; default: those of the preview that waits
 */
async function refuseSamePictures(
  output: string,
  { model }: RunFlags,
  changes: SettingChanges,
  pages?: readonly string[],
): Promise<void> {
  if (changes.batch !== undefined) return;
  const run = await findRun(typedPath(output));
  const { record } = run;
  const open = async (): Promise<ModelPackage> =>
    openModelPackage(modelDirectory(modelFolderOf(record, model)), { verify: false });
  const opened = await open().catch(() => undefined);
  if (opened !== undefined && (model !== undefined || opened.hash === record.model.hash))
    refuseIfNothingChanges(whatHelps(opened.manifest, record.config), changes.pages, settingsInEffect(run, pages));
}

function givenBy({ pages = {} }: SettingChanges, flags: SetFlags & { seed?: number }): GivenSetting[] {
  return Object.keys(pages).map((key) => ({ key, label: Object.hasOwn(flags, key) ? `--${key}` : `--set ${key}` }));
}

/**
 * The batch to run: as it was asked for, with the model, the provider, the devices and the size of batches that it had
 * unless the flags say otherwise. Another provider means other devices.
 */
function continued({ config, options, record, notes }: Continuation, flags: RunFlags, command: Command): PreparedBatch {
  const asked = engineOptions(flags);
  const same = ["provider", "fallback", "threads"].every(
    (flag) => (command.getOptionValueSource(flag) ?? "default") === "default",
  );
  const model = modelFolderOf(record, flags.model);
  const { devices, maxBatch } = record.lanes ?? {};
  const engine: EngineOptions = {
    ...(maxBatch === undefined ? {} : { maxBatch }),
    ...(same && devices !== undefined ? { devices } : {}),
    ...asked,
    ...(model === undefined ? {} : { model }),
    session: same ? record.session : (asked.session ?? {}),
  };
  return { config, options, engine, model: record.model, notes };
}
