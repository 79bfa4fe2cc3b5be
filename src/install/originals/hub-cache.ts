/**
 * The cache that the hub's own tools keep on disk: `models--OWNER--NAME/snapshots/COMMIT/PATH`, links to
 * `blobs/HASH`, and `refs/NAME` with the commit of a branch. It is read and never written.
 */
import { readFile, realpath } from "node:fs/promises";
import { basename, join } from "node:path";
import type { CatalogueSource } from "../catalogue/catalogue-schema.js";
import { hubHome, UNKNOWN } from "../fetch/remote.js";
import { checkedFile, type OnCheck, type OriginalFile, type WantedFile } from "./original-file.js";

const COMMIT = /^[0-9a-f]{40}$/u;

/** The folder of the cache, by the variables of the hub's tools. */
export function hubCacheFolder(env: Readonly<Record<string, string | undefined>>): string {
  return env["HF_HUB_CACHE"] || env["HUGGINGFACE_HUB_CACHE"] || join(hubHome(env), "hub");
}

/** The name of a repository's folder in a cache. */
export function cacheName(repository: string): string {
  return `models--${repository.replace("/", "--")}`;
}

/**
 * A file of a source in the cache; undefined where it is not there or is not the one that is wanted.
 * @param revision a commit, so that all files are of one; a branch or tag means what the cache last saw
 */
export async function findInHubCache(
  cache: string,
  source: CatalogueSource,
  revision: string,
  file: WantedFile,
  onCheck?: OnCheck,
): Promise<OriginalFile | undefined> {
  if (!("hub" in source)) return undefined;
  const folder = join(cache, cacheName(source.hub));
  const commit = await commitOf(folder, revision);
  if (commit === undefined) return undefined;
  const path = join(folder, "snapshots", commit, file.path);
  const blob = await realpath(path).catch(() => undefined);
  if (blob === undefined) return undefined;
  const found = await checkedFile(file, path, commit, { tag: basename(blob), onCheck });
  return typeof found === "object" ? found : undefined;
}

/** The commit of a revision, as the cache last saw it. */
async function commitOf(folder: string, revision: string): Promise<string | undefined> {
  if (COMMIT.test(revision)) return revision;
  const name = revision === UNKNOWN ? "main" : revision;
  const text = await readFile(join(folder, "refs", name), "utf8").catch(() => "");
  return COMMIT.test(text.trim()) ? text.trim() : undefined;
}
