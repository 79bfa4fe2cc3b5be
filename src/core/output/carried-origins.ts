/**
 * Notices changes of what an archive was made from beside the pages that were coloured: files that were carried over,
 * among them pages in colour already, and the input's comment. The archive knows them by hash.
 */
import { openStoredFiles } from "../../io/archive/stored-files.js";
import { METADATA_NAME } from "../../io/names/output-rules.js";
import { numberedName } from "../../io/names/output-names.js";
import { portableName } from "../../io/names/portable-names.js";
import { chunksOf, type SourceEntry } from "../../io/page-source.js";
import { sha256, sha256OfChunks } from "../../platform/sha256.js";
import type { PageSuccess } from "../events.js";
import type { CarriedOrigins } from "../journal/entries.js";

/** Reads all files once. One that cannot be read has an empty hash. */
export async function carriedOrigins(
  files: readonly SourceEntry[],
  comment: Uint8Array | undefined,
): Promise<CarriedOrigins> {
  const origins: { name: string; sha256: string }[] = [];
  for (const entry of files) origins.push({ name: entry.name, sha256: await hashOf(entry) });
  return {
    files: origins,
    ...(comment === undefined || comment.byteLength === 0 ? {} : { comment: await sha256(comment) }),
  };
}

/** Whether nothing was changed, added or removed. */
export function isSameCarried(a: CarriedOrigins, b: CarriedOrigins): boolean {
  const lines = ({ files }: CarriedOrigins): string =>
    JSON.stringify(files.map(({ name, sha256: hash }) => `${hash} ${name}`).toSorted());
  return a.comment === b.comment && lines(a) === lines(b);
}

/**
 * Whether an archive holds nothing but its pages, their layers and what was carried over, as its metadata know it.
 * False if somebody has put something else into it, or has changed it.
 */
export async function holdsOwnFilesOnly(
  path: string,
  { pages, carried }: { readonly pages: readonly PageSuccess[]; readonly carried?: CarriedOrigins | undefined },
): Promise<boolean> {
  if (carried === undefined) return false;
  const made = new Set([METADATA_NAME, ...pages.flatMap(({ output, layers = [] }) => [output, ...layers])]);
  const copies = copiesByName(carried.files);
  const source = await openStoredFiles(path);
  try {
    const { comment } = await carriedOrigins([], source.comment);
    if (comment !== carried.comment || source.uncopied.length > 0) return false;
    for (const entry of source.files)
      if (!made.has(entry.name) && copies.get(entry.name)?.has(await hashOf(entry)) !== true) return false;
    return true;
  } finally {
    await source.close();
  }
}

/** Up to which number a copy's name is looked for: one whose name a page or the metadata have got is numbered. */
const MOST_NUMBER = 9;

/** The names that a copy of another file may have in an archive. */
export function namesOfCopy(name: string): string[] {
  return Array.from({ length: MOST_NUMBER + 1 }, (_, number) => numberedName(portableName(name), number));
}

/** By each name that a copy may have, the hashes of what may be copied there; none for files that could not be read. */
export function copiesByName(files: CarriedOrigins["files"]): Map<string, Set<string>> {
  const copies = new Map<string, Set<string>>();
  for (const { name, sha256: hash } of files)
    if (hash !== "") for (const one of namesOfCopy(name)) copies.set(one, (copies.get(one) ?? new Set()).add(hash));
  return copies;
}

async function hashOf(entry: SourceEntry): Promise<string> {
  return sha256OfChunks(chunksOf(entry)).then(
    ({ sha256: hash }) => hash,
    () => "",
  );
}
