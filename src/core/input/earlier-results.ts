/**
 * Finds what is in an input folder but is not a page: results of earlier runs, and references that are named by path.
 */
import { join, sep } from "node:path";
import { isThere } from "../../io/files/exists.js";
import { realPathOf } from "../../io/files/real-path.js";
import { FAILURES_NAME, MAX_METADATA_BYTES, METADATA_NAME } from "../../io/names/output-rules.js";
import type { PageSource, SourceEntry } from "../../io/page-source.js";
import { isArchiveName } from "../../io/names/entry-rules.js";
import { JOURNAL_NAME } from "../journal/locked-journal.js";
import { readArchiveMetadata } from "../output/archive-metadata.js";
import { WORK_NAME } from "../output/work-folder.js";
import { isFolder } from "../../platform/folders.js";
import { turn } from "../../concurrency/take-turns.js";
import { parseJson } from "../../text/parse-json.js";
import { shownNames } from "../../text/shown.js";

/** What a run writes beside pictures: nobody misses it. */
const OWN_FILES: ReadonlySet<string> = new Set([METADATA_NAME, FAILURES_NAME]);

/** Results of earlier runs among an input's files. */
export interface EarlierResults {
  /** Whether a file lies in a folder that a run has written or writes, or is an archive that one has written. */
  isInside(name: string): boolean;
  readonly warnings: string[];
}

/**
 * Finds the folders of earlier runs: by their metadata, and in a folder on disk by their journal, and their archives in
 * a folder on disk. The input itself is never one: who names it means it. The folder that holds all of an archive is
 * the input itself too: a folder that was packed.
 */
export async function findResults(source: PageSource, inputDir: string | undefined): Promise<EarlierResults> {
  const entries = source.entries();
  const folders = new Set<string>();
  const metadata = new Map<string, SourceEntry>();
  for (const entry of entries) {
    await turn();
    const folder = parentOf(entry.name);
    for (let above = folder; above !== "" && !folders.has(above); above = parentOf(above)) folders.add(above);
    if (folder !== "" && entry.name === `${folder}/${METADATA_NAME}`) metadata.set(folder, entry);
  }
  const itself = inputDir === undefined ? `${await folderOfAll(entries)}/` : "/";
  const results = new Set<string>();
  for (const folder of folders) {
    await turn();
    if (itself.startsWith(`${folder}/`)) continue;
    const described = metadata.get(folder);
    const isResult =
      (described !== undefined && (await isOwnMetadata(described))) ||
      (inputDir !== undefined && (await hasJournal(join(inputDir, folder))));
    if (isResult) results.add(folder);
  }
  const archives = await archivesOfRuns(entries, inputDir);
  const isInside = (name: string): boolean => {
    if (archives.has(name)) return true;
    if (results.size === 0) return false;
    for (let above = parentOf(name); above !== ""; above = parentOf(above)) if (results.has(above)) return true;
    return false;
  };
  let pictures = source.faults.filter(({ name }) => isInside(name)).length;
  let others = 0;
  for (const { name, kind } of entries) {
    await turn();
    if (archives.has(name) || !isInside(name)) continue;
    if (kind === "image") pictures++;
    else if (!OWN_FILES.has(name.slice(name.lastIndexOf("/") + 1))) others++;
  }
  const warnings: string[] = [];
  if (pictures + others > 0) {
    const left = [counted(pictures, "picture"), counted(others, pictures > 0 ? "other file" : "file")].filter(Boolean);
    const verb = pictures + others === 1 ? "was" : "were";
    warnings.push(`${listed(results)} the output of an earlier run; ${left.join(" and ")} there ${verb} ignored`);
  }
  if (archives.size > 0) warnings.push(`${listed(archives)} the output of an earlier run, and not copied`);
  return { isInside, warnings };
}

/** Whether a folder is a run's output or, beside an archive of any name, its work folder. */
async function hasJournal(folder: string): Promise<boolean> {
  return (
    (await isFolder(join(folder, WORK_NAME))) || (folder.endsWith(WORK_NAME) && isThere(join(folder, JOURNAL_NAME)))
  );
}

function counted(count: number, what: string): string {
  return count === 0 ? "" : `${count} ${what}${count === 1 ? "" : "s"}`;
}

function listed(names: ReadonlySet<string>): string {
  return `${shownNames([...names])} ${names.size === 1 ? "is" : "are"}`;
}

/** Archives that this program has written, by their metadata; those whose metadata name other files are not. */
async function archivesOfRuns(entries: readonly SourceEntry[], inputDir: string | undefined): Promise<Set<string>> {
  const archives = new Set<string>();
  if (inputDir === undefined) return archives;
  for (const { name, kind } of entries) {
    await turn();
    if (kind !== "other" || !isArchiveName(name)) continue;
    const metadata = await readArchiveMetadata(join(inputDir, name)).catch(() => undefined);
    if (metadata !== undefined) archives.add(name);
  }
  return archives;
}

/** The innermost folder that all files are in; empty where there is none. */
async function folderOfAll([first, ...others]: readonly SourceEntry[]): Promise<string> {
  let folder = parentOf(first?.name ?? "");
  for (const { name } of others) {
    await turn();
    while (folder !== "" && !name.startsWith(`${folder}/`)) folder = parentOf(folder);
    if (folder === "") break;
  }
  return folder;
}

/** `a/b/c.png` → `a/b` → `a` → `` */
function parentOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf("/")));
}

async function isOwnMetadata(entry: SourceEntry): Promise<boolean> {
  if (entry.sizeBytes > MAX_METADATA_BYTES) return false;
  try {
    const text = new TextDecoder().decode(await entry.read());
    const metadata = parseJson(text, { maxLength: MAX_METADATA_BYTES }) as Record<string, unknown> | null;
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
