/** `cobra-batch colorize`: settings from all places, then one batch for each chapter. */
import { parseBatchConfig } from "../../../config/batch-config.js";
import { ConfigurationError } from "../../../errors.js";
import { noticesOf } from "../../../errors/notice.js";
import { outputPath, shardsFolder, withoutLink } from "../../../core/output/work-folder.js";
import { runShard, type ShardOfChapter } from "../../../farm/shards/run-shard.js";
import { shardFolder } from "../../../farm/shards/shard-folder.js";
import { shardText } from "../../../config/shard.js";
import { exists } from "../../../io/files/exists.js";
import type { ColorizeFlags } from "../commands/colorize-command.js";
import type { NamedHintFlags } from "../flags/hint-flags.js";
import type { SettingFlags } from "../flags/setting-flags.js";
import { engineOptions, type RunFlags } from "../flags/run-flags.js";
import { flagFaults } from "../flags/flag-values.js";
import { quoted } from "../output/terminal-text.js";
import { chapterOutput, listChapters } from "./chapter-list.js";
import { gatherSettings } from "./gather-settings.js";
import { chapterParts, shardOfFlags } from "./plan-shards.js";
import { runBatchCommand, type NothingToDo, type PreparedBatch } from "./run-batch.js";
import { runChapters } from "./run-chapters.js";

/** Colours chapters. @returns the exit code, of several that of the worst */
export function colorize(inputs: readonly string[], flags: ColorizeFlags): Promise<number> {
  if (inputs.length < 2 && flags.fromFile === undefined)
    return runBatchCommand(flags, async (stop) => prepareWhole(inputs[0], flags, stop));
  return runChapters(flags, async (stop) => {
    const chapters = await listChapters(inputs, flags, stop);
    const shard = shardOfFlags(flags, process.env);
    const parts = shard && (await chapterParts(chapters, shard, flags, stop));
    return chapters.map((input, index) => ({
      input,
      prepare: (signal) => prepare(input, flags, true, signal, shard && { shard, parts: parts![index]! }),
    }));
  });
}

async function prepareWhole(
  input: string | undefined,
  flags: ColorizeFlags,
  stop: AbortSignal,
): Promise<PreparedBatch | NothingToDo> {
  const shard = flagFaults(flags).length === 0 ? shardOfFlags(flags, process.env) : undefined;
  if (shard === undefined) return prepare(input, flags, false, stop);
  const [parts] = await chapterParts([input], shard, flags, stop);
  return prepare(input, flags, false, stop, { shard, parts: parts! });
}

/**
 * One chapter's batch.
 * @param several whether the command colours others too
 * @param stop gives up waiting for a configuration file that is a pipe
 */
export async function prepare(
  input: string | undefined,
  flags: Pick<ColorizeFlags, "fresh"> & RunFlags & SettingFlags & NamedHintFlags,
  several: boolean,
  stop: AbortSignal,
  part?: ShardOfChapter,
): Promise<PreparedBatch | NothingToDo> {
  const gathered = await gatherSettings(input, flags, process.env, stop);
  const faults = flagFaults(flags);
  if (faults.length === 0 && (gathered.settings.inputDir ?? gathered.settings.inputZip) === undefined)
    throw new ConfigurationError("ERR_CONFIG", "no input is named", {
      remedy: "name a folder, a ZIP or a CBZ, such as chapter.cbz",
    });
  const settings = several ? chapterOutput(input!, gathered) : gathered.settings;
  const { config, warnings } = parseBatchConfig(settings, gathered.label, {}, faults);
  const output = outputPath(config);
  const shards = shardsFolder(await withoutLink(config));
  const common = {
    config,
    options: { fresh: Boolean(flags.fresh), pageConfig: gathered.pageConfig },
    warnings: [...gathered.warnings, ...noticesOf(warnings)],
    lateWarnings: gathered.lateWarnings,
    given: gathered.given,
    engine: engineOptions(flags, gathered.engine),
  };
  if (part === undefined || part.parts.shards.length < 2) {
    if (part !== undefined && part.parts.shards[0] !== part.shard.index)
      return { nothing: `${output} is not in shard ${shardText(part.shard)}` };
    if (await exists(shards))
      throw new ConfigurationError(
        "ERR_CONFIG",
        `${output} is coloured in shards; join them with \`cobra-batch assemble ${quoted(output)}\`, or remove ${shards}`,
      );
    return common;
  }
  if (!part.parts.shards.includes(part.shard.index))
    return { nothing: `shard ${shardText(part.shard)} has no pages of ${output}` };
  return {
    ...common,
    notes: [`shard ${shardText(part.shard)} of ${output}`],
    next: `once all shards are done: cobra-batch assemble ${quoted(output)}`,
    nothingLeft: `${output} is assembled already, from these pages and settings; --fresh colours them again`,
    writes: { outputDir: shardFolder(await withoutLink(config), part.shard) },
    run: async (engine, _config, options) => runShard(engine, config, part, options),
  };
}
