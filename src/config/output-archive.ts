/** The name of an output archive when only its folder is given: `<folder>_colorized.zip`, or `zipOutputName`. */
import { basename, extname, join, normalize, resolve } from "node:path";
import { isFolderNow } from "../platform/folders.js";

/** A file name: no folder, not only dots. */
export const ARCHIVE_NAME = /^(?!\.+$)[^/\\\0]+$/u;

interface OutputSettings {
  outputDir?: string | undefined;
  outputZip?: string | undefined;
  zipOutputName?: string | undefined;
}

/**
 * Settings in which `outputZip` is the archive itself, and no output has "..": the record of a run knows it so, and a
 * folder that is not there, or a link, makes it no other place. A folder as `outputZip` (it exists, or ends in a slash)
 * and a folder as `outputDir` beside `zipOutputName` are folders for the archive.
 * @param warn told when `zipOutputName` has nothing to name
 */
export function resolveOutput<T extends OutputSettings>(given: T, warn: (text: string) => void): T {
  const settings = {
    ...given,
    ...(given.outputDir === undefined ? {} : { outputDir: withoutParents(given.outputDir) }),
    ...(given.outputZip === undefined ? {} : { outputZip: withoutParents(given.outputZip) }),
  };
  const { outputDir, outputZip, zipOutputName } = settings;
  if (outputZip !== undefined && !isFolderForArchive(outputZip)) {
    if (zipOutputName !== undefined)
      warn(`zipOutputName "${zipOutputName}" is not used, because outputZip names the archive itself: ${outputZip}`);
    return settings;
  }
  if (outputZip === undefined && zipOutputName === undefined) return settings;
  const folder = (outputZip ?? outputDir)!;
  const { outputDir: _folder, ...rest } = settings;
  return {
    ...rest,
    outputZip: join(folder, archiveName(zipOutputName ?? `${withoutZip(basename(resolve(folder)))}_colorized`)),
  } as T;
}

function withoutParents(path: string): string {
  return /(?:^|[/\\])\.\.(?:[/\\]|$)/u.test(path) ? normalize(path) : path;
}

/** One `.zip` at the end, however many there were; a `.cbz` stays. */
export function archiveName(name: string): string {
  return extname(name).toLowerCase() === ".cbz" ? name : `${withoutZip(name)}.zip`;
}

function withoutZip(name: string): string {
  return name.replace(/(?<=.)(?:\.zip)+$/i, "");
}

/** A folder of the name `x.zip` is in an archive's way, and not a folder for one. */
function isFolderForArchive(path: string): boolean {
  if (/[/\\]$/.test(path)) return true;
  return !/\.(?:zip|cbz)$/i.test(path) && isFolderNow(path);
}
