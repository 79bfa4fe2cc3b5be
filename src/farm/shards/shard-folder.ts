/**
 * Locates a shard's results until they are joined: each shard has a folder of its own in the output's work folder,
 * with a journal and a lease of its own, so that shards never wait for each other. `shard.json` says what the shard
 * was to do.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { shardsFolder, type OutputPaths } from "../../core/output/work-folder.js";
import { writeFileAtomic } from "../../io/files/atomic-file.js";
import { readWhole } from "../../io/files/read-file.js";
import { parseJson } from "../../text/parse-json.js";
import type { Shard } from "../../config/shard.js";

const MANIFEST_NAME = "shard.json";

const count = z.int().min(0);
const text = z.string().max(4096);
const hash = z.string().regex(/^[0-9a-f]{64}$/u);

const shardManifest = z.looseObject({
  version: z.literal(1),
  index: count.min(1),
  count: count.min(1),
  /** All shards that have pages of this chapter. */
  shards: z.array(count),
  cobraVersion: text,
  model: z.looseObject({ name: text, version: text, trained: z.boolean(), hash: text }),
  /** The pages of this shard. */
  pages: z.array(text),
  /** The references of all pages. */
  references: z.array(z.looseObject({ name: text, hash })),
  /** Of their pictures together, as fingerprints have it. */
  referencesHash: hash,
  /** Hashes of the contents of all files and folders that the settings name. */
  contents: z.record(text, z.string()),
});
/** What a shard was to do. */
export type ShardManifest = z.infer<typeof shardManifest>;

/** A shard of an output, as it lies on disk. */
export interface StoredShard extends Shard {
  readonly folder: string;
}

/** Folder of one shard. */
export function shardFolder(output: OutputPaths, { index, count: of }: Shard): string {
  return join(shardsFolder(output), `${index}-of-${of}`);
}

/** The shards that have a folder, in order. */
export async function storedShards(output: OutputPaths): Promise<StoredShard[]> {
  const folder = shardsFolder(output);
  const names = await readdir(folder).catch(() => []);
  return names
    .flatMap((name) => {
      const [, index, of] = /^(\d+)-of-(\d+)$/.exec(name) ?? [];
      return index === undefined ? [] : [{ index: Number(index), count: Number(of), folder: join(folder, name) }];
    })
    .toSorted((a, b) => a.count - b.count || a.index - b.index);
}

/** Rejects with `ERR_OUTPUT_WRITE`. */
export async function writeManifest(folder: string, manifest: ShardManifest): Promise<void> {
  const bytes = new TextEncoder().encode(`${JSON.stringify(manifest)}\n`);
  await writeFileAtomic(join(folder, MANIFEST_NAME), bytes, true);
}

/** Undefined where there is none, or one that cannot be read. */
export async function readManifest(folder: string): Promise<ShardManifest | undefined> {
  const found = await readWhole(join(folder, MANIFEST_NAME)).catch(() => undefined);
  try {
    return found === undefined ? undefined : shardManifest.safeParse(parseJson(new TextDecoder().decode(found))).data;
  } catch {
    return undefined;
  }
}
