/**
 * Guards files that do not belong to an output. It must never replace one that the run reads, or follow a link out of
 * its folder.
 */
import { constants } from "node:fs";
import { lstat, open, readdir, realpath } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import type { BatchConfig, PageConfig } from "../../config/batch-config.js";
import { ConfigurationError, ResourceError } from "../../errors.js";
import type { RunRecord } from "../journal/entries.js";
import { unsafeOutput } from "../journal/entry-schema.js";
import { identity, isSame, liesWithin } from "../../io/files/real-path.js";
import { sniffFormat } from "../../io/image/headers/image-format.js";

/**
 * Fails at the start, and not after hours, if an archive's name is that of a folder or of a file that the run reads,
 * in any spelling and through any link.
 * @throws ConfigurationError `ERR_CONFIG`; ResourceError `ERR_OUTPUT_WRITE`
 */
export async function checkArchiveTarget(
  path: string,
  record: Pick<RunRecord, "config" | "pageConfigs" | "added">,
): Promise<void> {
  const target = await identity(path);
  if (target === undefined) return;
  if (target.isDirectory())
    throw new ResourceError("ERR_OUTPUT_WRITE", `cannot write ${path}: a folder is in the way`, {
      remedy: "choose another name or remove it",
    });
  if (!target.isFile())
    throw new ResourceError(
      "ERR_OUTPUT_WRITE",
      `cannot write ${path}: it is a device, a pipe or a socket, and no file`,
      {
        remedy: "choose another name",
      },
    );
  for (const [read, what] of filesRead(record)) {
    const info = await identity(read);
    if (isSame(info, target))
      throw new ConfigurationError(
        "ERR_CONFIG",
        `the output archive ${path} is the ${what} ${read} itself, which would be lost`,
        { remedy: "choose another name" },
      );
    if (info?.isDirectory() === true && (await liesWithin(path, read)) && !(await isArchiveFile(path)))
      throw new ConfigurationError(
        "ERR_CONFIG",
        `the output archive ${path} is a file of the ${what} folder ${read}, which would be lost`,
        { remedy: "choose another name" },
      );
  }
}

/** Whether a file begins as an archive does: what a run may have written beside the pictures that it reads. */
async function isArchiveFile(path: string): Promise<boolean> {
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const { buffer } = await file.read({ buffer: Buffer.alloc(4), position: 0 });
  return sniffFormat(buffer).format === "zip";
}

/**
 * Whether a file of an output folder is a reference of the run, or lies in a folder of references: an earlier result
 * may be one. Folders in those folders do not count: an output is often made there.
 */
export async function isReference(
  path: string,
  record: Pick<RunRecord, "config" | "pageConfigs" | "added">,
): Promise<boolean> {
  const target = await identity(path);
  if (target === undefined) return false;
  const folder = await identity(dirname(path));
  for (const [read, what] of filesRead(record)) {
    if (what === "input") continue;
    const info = await identity(read);
    if ([target, folder].some((one) => isSame(one, info))) return true;
  }
  return false;
}

/** Paths that a run was given to read, and what they are. */
function filesRead({
  config,
  pageConfigs,
  added = [],
}: Pick<RunRecord, "config" | "pageConfigs" | "added">): [string, string][] {
  const own = ({ referenceImages = [], colorHints }: PageConfig): [string, string][] => [
    ...referenceImages.map((path): [string, string] => [path, "reference"]),
    ...(typeof colorHints === "string" ? [[colorHints, "picture of colour hints"] as [string, string]] : []),
  ];
  const { inputZip, inputDir }: BatchConfig = config;
  const input = inputZip ?? inputDir;
  return [
    ...(input === undefined ? [] : [[input, "input"] as [string, string]]),
    ...[config, ...Object.values(pageConfigs), ...added.map((one) => one.config ?? {})].flatMap(own),
  ];
}

/**
 * A work folder has folders and files and nothing else. A link in it would have files elsewhere written.
 * @throws ValidationError `ERR_OUTPUT_UNSAFE`
 */
export async function checkWorkFolder(path: string): Promise<void> {
  const info = await lstat(path);
  if (info.isSymbolicLink()) throw unsafeOutput(path, "it is a link to another place");
  for (const entry of await readdir(path, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() && !entry.isDirectory())
      throw unsafeOutput(join(entry.parentPath, entry.name), "it is a link to another place, or no file");
  }
}

/**
 * A folder of results lies in its output also after all links are followed.
 * @throws ValidationError `ERR_OUTPUT_UNSAFE`
 */
export async function checkInside(root: string, folder: string): Promise<void> {
  const from = await realpath(root).catch(() => undefined);
  let above = folder;
  let to = await realpath(above).catch(() => undefined);
  for (; to === undefined && dirname(above) !== above; to = await realpath(above).catch(() => undefined))
    above = dirname(above); // what is not there yet is made in what is there
  if (from === undefined || to === undefined || relative(root, above).startsWith("..")) return;
  const inside = relative(from, to);
  if (inside === ".." || inside.startsWith(`..${sep}`))
    throw unsafeOutput(folder, `it is a link to ${to}, outside the output`);
}
