/** Plans which parts of a command's chapters this shard colours. */
import { gatherSettings } from "./gather-settings.js";
import { openPageSource } from "../../../io/open-source.js";
import { planShards, type ChapterParts, type PlannedPicture } from "../../../farm/shards/shard-plan.js";
import type { Shard } from "../../../config/shard.js";
import { slurmShard } from "../../../farm/shards/slurm-shard.js";
import type { ColorizeFlags } from "../commands/colorize-command.js";

/** The shard that the flags ask for, if any. @throws ConfigurationError `ERR_CONFIG` outside of a job array */
export function shardOfFlags({ shard }: ColorizeFlags, environment: NodeJS.ProcessEnv): Shard | undefined {
  return shard === "slurm" ? slurmShard(environment) : shard;
}

/** How the shards share the chapters. A chapter that cannot be opened has no pages; its batch says why. */
export async function chapterParts(
  chapters: readonly (string | undefined)[],
  { count }: Shard,
  flags: ColorizeFlags,
  stop: AbortSignal,
): Promise<ChapterParts[]> {
  const pictures: PlannedPicture[][] = [];
  for (const chapter of chapters) {
    const { settings } = await gatherSettings(chapter, flags, process.env, stop);
    const path = settings.inputDir ?? settings.inputZip;
    const source =
      path && (await openPageSource(path, { recursive: settings.recursive ?? false }).catch(() => undefined));
    pictures.push(
      source
        ? source
            .entries()
            .filter(({ kind }) => kind === "image")
            .map(pictureOf)
        : [],
    );
    if (source) await source.close();
  }
  return planShards(pictures, count);
}

function pictureOf({ name, sizeBytes }: PlannedPicture): PlannedPicture {
  return { name, sizeBytes };
}
