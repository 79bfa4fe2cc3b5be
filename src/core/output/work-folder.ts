/**
 * The work folder: in an output folder, or beside an output archive. It holds the journal, the lease and, for an
 * archive, the finished pages until the archive is written.
 */
import { lstat, readdir, rename, rmdir } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import type { BatchConfig } from "../../config/batch-config.js";
import { systemCode } from "../../errors.js";
import { makeFolder } from "../../io/files/make-folder.js";
import { FAILURES_NAME } from "../../io/names/output-rules.js";
import { JOURNAL_NAME, LEASE_NAME } from "../journal/locked-journal.js";
import { getLogger } from "../../logging.js";
import { temporaryName } from "../../io/files/atomic-file.js";
import { fileBehindLink } from "../../io/files/real-path.js";
import { isOwnFile, ownFilePath } from "../../io/files/own-file.js";
import { makeFolders } from "../../platform/folders.js";
import { readJournal } from "../journal/journal.js";
import { layerPaths } from "./layer-records.js";
import { removeTree } from "../../io/files/remove-tree.js";

const log = getLogger("output");

/** Where a batch is written. */
export type OutputPaths = Pick<BatchConfig, "outputDir" | "outputZip">;

/** Name of the work folder in an output folder. For an archive it is added to the archive's name. */
export const WORK_NAME = ".cobra-batch";
const REMAINS = ".done";
const PAGES = ".pages";
const PREVIEW = "preview";
const SHARDS = "shards";

/** The folder of the results of shards, which are joined later. */
export function shardsFolder(paths: OutputPaths): string {
  return join(workFolder(paths), SHARDS);
}

/** The folder or archive that is written. */
export function outputPath({ outputDir, outputZip }: OutputPaths): string {
  return (outputDir ?? outputZip)!;
}

export function workFolder({ outputDir, outputZip }: OutputPaths): string {
  return outputZip === undefined ? join(outputDir!, WORK_NAME) : `${outputZip}${WORK_NAME}`;
}

/** The output that a work folder belongs to; undefined for another folder. */
export function outputOfWorkFolder(path: string): OutputPaths | undefined {
  if (basename(path) === WORK_NAME) return { outputDir: dirname(path) };
  return path.endsWith(WORK_NAME) ? { outputZip: path.slice(0, -WORK_NAME.length) } : undefined;
}

/** Where pictures are written. */
export function picturesFolder(paths: OutputPaths): string {
  return paths.outputDir ?? join(workFolder(paths), PAGES);
}

/**
 * The file that says which pages failed, why, and what to do: beside the pictures, for an archive in its work folder. A
 * user's file of that name is left alone.
 */
export async function failuresFile(paths: OutputPaths): Promise<string> {
  return ownFilePath(join(paths.outputDir ?? workFolder(await withoutLink(paths)), FAILURES_NAME));
}

/**
 * The same output, an archive that is named by a link under its own path: it is written there, with its work folder
 * beside it, and the link stays. Rejects as `fileBehindLink`.
 */
export async function withoutLink<Paths extends OutputPaths>(paths: Paths): Promise<Paths> {
  return paths.outputZip === undefined ? paths : { ...paths, outputZip: await fileBehindLink(paths.outputZip) };
}

/** What a run keeps in its work folder but for results of shards, and what a system keeps there of deleted files. */
const OWN_NAME =
  /^(?:journal\.ndjson(?:\.[0-9a-f]+)?|lease(?:\.[0-9a-f]+)?|crash-[0-9a-f]+\.ndjson|failures(?:_\d+)?\.json|archive\.tmp|\.pages|preview|\.cobra-.+\.tmp|\.nfs.+|\.fuse_hidden.+)$/u;
const FAILURES = /^failures(?:_\d+)?\.json$/u;
/** Files of no page's own, wherever they lie. */
const PASSING = /^(?:\.cobra-.+\.tmp|\.nfs.+|\.fuse_hidden.+)$/u;
/** The sheet of a grid of seeds, and its pictures. */
const PREVIEW_NAME = /^(?:sheet\.png|.+_seed\d+\.[a-z]+)$/u;

/**
 * Removes a work folder. A file that a user has put there keeps the folder; only what is the run's own goes.
 * @param letGo closes this process's files in the folder, once they have lost their names
 */
export async function removeWorkFolder(path: string, letGo?: () => Promise<void>): Promise<void> {
  const { own, folders, isAll } = await contentsOf(path);
  if (isAll) return removeFolder(path, letGo);
  const aside = await asideOf(path);
  await makeFolder(aside);
  // The journal first: without it nothing here counts. The lease last: whoever takes it next has the folder to itself.
  const others = own.filter((name) => name !== JOURNAL_NAME && name !== LEASE_NAME);
  for (const name of [JOURNAL_NAME, ...others]) await moveTo(aside, path, name);
  for (const folder of folders) await rmdir(join(path, folder)).catch(() => {}); // one with a user's file stays
  await moveTo(aside, path, LEASE_NAME);
  await letGo?.();
  await removeAside(aside);
}

/** Removes the pictures of a work folder, but for what a user has put beside them. */
export async function removePictures(paths: OutputPaths): Promise<void> {
  const work = workFolder(paths);
  const { own, folders, isAll } = await contentsOf(work);
  const within = (name: string): boolean => name === PAGES || name.startsWith(`${PAGES}/`);
  if (isAll) return removeTree(picturesFolder(paths));
  for (const name of own.filter(within)) await removeTree(join(work, name));
  for (const folder of folders.filter(within)) await rmdir(join(work, folder)).catch(() => {});
}

async function moveTo(aside: string, path: string, name: string): Promise<void> {
  await makeFolders(dirname(join(aside, name)));
  await rename(join(path, name), join(aside, name)).catch(ifMissing);
}

interface Contents {
  /** The run's own files and folders, relative to the work folder. */
  readonly own: string[];
  /** Folders that hold pictures, the innermost first. */
  readonly folders: string[];
  /** Nothing else is there. */
  readonly isAll: boolean;
}

async function contentsOf(path: string): Promise<Contents> {
  const pictures = await picturesOf(path);
  const own: string[] = [];
  const folders: string[] = [];
  let isAll = true;
  const add = (name: string, isOwn: boolean): void => void (isOwn ? own.push(name) : (isAll = false));
  for (const name of await readdir(path)) {
    if (name !== PAGES && name !== PREVIEW) {
      add(name, OWN_NAME.test(name) && (!FAILURES.test(name) || (await isOwnFile(join(path, name)))));
      continue;
    }
    const found = await readdir(join(path, name), { recursive: true, withFileTypes: true }).catch(() => []);
    folders.push(name);
    for (const entry of found) {
      const file = relative(path, join(entry.parentPath, entry.name)).replaceAll("\\", "/");
      if (PASSING.test(entry.name)) add(file, true);
      else if (entry.isDirectory()) folders.push(file);
      else add(file, name === PAGES ? pictures.has(file) : PREVIEW_NAME.test(entry.name));
    }
  }
  return { own, folders: folders.toSorted((a, b) => b.length - a.length), isAll };
}

/** All pictures and layers that the journal knows, or one that was to be the journal when a kill came. */
async function picturesOf(path: string): Promise<Set<string>> {
  const pictures = new Set<string>();
  for (const file of (await readdir(path)).filter((name) => name.startsWith(JOURNAL_NAME))) {
    const journal = await readJournal(join(path, file)).catch(() => undefined);
    for (const entry of journal?.entries ?? [])
      if (entry.type === "page")
        for (const name of [entry.outputName, ...layerPaths(entry.outputName, entry.layers ?? [])])
          pictures.add(`${PAGES}/${name}`);
  }
  return pictures;
}

/**
 * Removes a folder. It loses its name in one step, so that a kill leaves all of it or nothing under that name. What a
 * system does not let go then is removed by the next run.
 * @param letGo closes this process's files in the folder, once it has lost its name
 */
export async function removeFolder(path: string, letGo?: () => Promise<void>): Promise<void> {
  const aside = await asideOf(path);
  await rename(path, aside);
  await letGo?.();
  await removeAside(aside);
}

/** A free name for what is to be removed: a user's folder that has it already is left alone. */
async function asideOf(path: string): Promise<string> {
  const aside = `${path}${REMAINS}`;
  await removeOwn(aside);
  const isFree = await lstat(aside).then(
    () => false,
    (error: unknown) => systemCode(error) === "ENOENT",
  );
  return isFree ? aside : join(dirname(path), temporaryName());
}

async function removeAside(path: string): Promise<void> {
  await removeTree(path).catch((err: unknown) => log.warn({ err, path }, "not all of a folder was removed"));
}

function ifMissing(error: unknown): void {
  if (systemCode(error) !== "ENOENT") throw error;
}

/** Removes what is left of a work folder whose removal was interrupted. */
export async function removeRemains(paths: OutputPaths): Promise<void> {
  await removeOwn(`${workFolder(paths)}${REMAINS}`);
}

/** Removes a folder that holds nothing but what a run keeps in a work folder. */
async function removeOwn(path: string): Promise<void> {
  const info = await lstat(path).catch(() => undefined);
  if (info?.isDirectory() !== true) return;
  const names = await readdir(path).catch(() => undefined); // another run may be removing it
  if (names?.every((name) => OWN_NAME.test(name)) === true) await removeAside(path);
}
