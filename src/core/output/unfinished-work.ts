/**
 * Refuses an output archive whose work folder holds unfinished work of another chapter, which would be discarded: a
 * preview that waits, or pages that are in no archive yet.
 */
import { ResourceError } from "../../errors.js";
import { sha256 } from "../../platform/sha256.js";
import type { RunHistory } from "../journal/history.js";
import type { BatchPage } from "../pages/batch-page.js";

type PageHashes = (pages: Iterable<string>) => Promise<ReadonlyMap<string, string>>;

/**
 * Checks that nothing is lost where a run has another input than the one before. It is the same chapter, from another
 * place, if more than half of the pages that were done are in it.
 * @throws ResourceError `ERR_OUTPUT_UNFINISHED`
 */
export async function checkUnfinished(
  { unfinished, preview }: RunHistory,
  work: string,
  otherInput: string,
  pageHashes: PageHashes = async () => new Map(),
): Promise<void> {
  if (unfinished.size === 0) return;
  const now = await pageHashes(unfinished.keys());
  const same = [...unfinished].filter(([page, hash]) => hash !== "" && now.get(page) === hash);
  if (same.length * 2 > unfinished.size) return;
  const what = preview?.state === "waiting" ? "a preview that waits" : "pages that are in no archive yet";
  throw new ResourceError(
    "ERR_OUTPUT_UNFINISHED",
    `${work} holds unfinished work of another chapter, ${otherInput}: ${what}`,
    {
      remedy: "choose another output, finish that chapter first, or discard its work with --fresh",
    },
  );
}

/** Reads pages of an input by their names; those that it does not have and that cannot be read are left out. */
export function hashesOf(jobs: readonly Pick<BatchPage, "entry">[]): PageHashes {
  return async (pages) => {
    const wanted = new Set(pages);
    const hashes = new Map<string, string>();
    for (const { entry } of jobs) {
      if (!wanted.has(entry.name)) continue;
      const bytes = await entry.read().catch(() => undefined);
      if (bytes !== undefined) hashes.set(entry.name, await sha256(bytes));
    }
    return hashes;
  };
}
