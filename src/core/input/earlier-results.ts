/**
 * Finds what is in an input folder but is not a page: results of earlier runs, and references that are named by path.
 */
import { join, sep } from "node:path";
import { realPathOf } from "../../io/files/real-path.js";
import { METADATA_NAME } from "../../io/names/output-rules.js";
import type { PageSource, SourceEntry } from "../../io/page-source.js";
import { WORK_NAME } from "../output/work-folder.js";
import { isFolder } from "../../platform/folders.js";

/** Results of earlier runs among an input's files. */
export interface EarlierResults {
  /** Whether a file lies in a folder that a run has written or writes. */
  isInside(name: string): boolean;
  readonly warnings: string[];
}

/**
 * Finds the folders of earlier runs: by their metadata, and in a folder on disk by their journal. The input itself is
 * never one: who names it means it.
 */
export async function findResults(source: PageSource, inputDir: string | undefined): Promise<EarlierResults> {
  const entries = source.entries();
  const folders = new Set(entries.flatMap(({ name }) => parents(name)));
  const results: string[] = [];
  for (const folder of folders) {
    const metadata = entries.find(({ name }) => name === `${folder}/${METADATA_NAME}`);
    const isResult =
      (metadata !== undefined && (await isOwnMetadata(metadata))) ||
      (inputDir !== undefined && (await isFolder(join(inputDir, folder, WORK_NAME))));
    if (isResult) results.push(folder);
  }
  const isInside = (name: string): boolean => results.some((folder) => name.startsWith(`${folder}/`));
  const left = entries.filter(({ name, kind }) => kind === "image" && isInside(name)).length;
  const warnings =
    left === 0
      ? []
      : [
          `${results.join(", ")} ${results.length === 1 ? "is" : "are"} the output of an earlier run; ${left} ${left === 1 ? "picture there was" : "pictures there were"} ignored`,
        ];
  return { isInside, warnings };
}

/** `a/b/c.png` → `a`, `a/b`. */
function parents(name: string): string[] {
  const parts = name.split("/").slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}

async function isOwnMetadata(entry: SourceEntry): Promise<boolean> {
  try {
    const metadata = JSON.parse(new TextDecoder().decode(await entry.read())) as Record<string, unknown> | null;
    return metadata !== null && typeof metadata["cobra_version"] === "string" && Array.isArray(metadata["pages"]);
  } catch {
    return false;
  }
}

/** Tells which files of an input folder lie at or below some paths, whatever links lead to either. */
export async function insideOf(
  inputDir: string | undefined,
  paths: readonly string[],
): Promise<(name: string) => Promise<boolean>> {
  if (inputDir === undefined) return async () => false;
  const root = await realPathOf(inputDir);
  const places = await Promise.all(paths.map(realPathOf));
  const below = places.filter((place) => place.startsWith(`${root}${sep}`));
  if (below.length === 0) return async () => false;
  return async (name) => {
    const place = await realPathOf(join(inputDir, name));
    return below.some((one) => place === one || place.startsWith(`${one}${sep}`));
  };
}
