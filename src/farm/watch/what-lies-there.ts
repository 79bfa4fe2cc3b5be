/** Tells what something in a hot folder is: a chapter of some kind, or what could be taken for one. */
import { readdir, readlink, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { BatchProcessingError, messageOf, systemCode } from "../../errors.js";
import { contentKind } from "../../io/content-kind.js";
import { readHead, specialFile } from "../../io/files/read-file.js";
import { SNIFF_BYTES, sniffFormat } from "../../io/image/headers/image-format.js";
import { promisesPicture } from "../../io/names/entry-rules.js";

export type ChapterKind = "folder" | "archive" | "picture";

/**
 * What a path is that leads to neither a file nor a folder, or to one that cannot be read.
 * @param fault what kept it from being looked at
 */
export async function noFile(path: string, fault: unknown): Promise<string | undefined> {
  try {
    const info = await stat(path);
    if (!info.isFile() && !info.isDirectory()) return `is ${specialFile(info)}`;
    if (fault === undefined && info.isFile() && info.size === 0) return "is empty";
    if (fault === undefined && info.isDirectory()) return await withoutFiles(path);
    return fault === undefined || isGone(fault) ? undefined : unreadable(fault);
  } catch (error) {
    const target = await readlink(path).catch(() => undefined);
    return target === undefined ? undefined : `is a link to ${target}, which cannot be read: ${messageOf(error)}`;
  }
}

/** What a folder is that holds no file. */
async function withoutFiles(folder: string): Promise<string | undefined> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const other = entries.find((entry) => !entry.isDirectory());
  if (other === undefined) return "is an empty folder";
  const info = await stat(join(other.parentPath, other.name));
  return info.isFile() ? undefined : `is a folder without files: it holds ${specialFile(info)}`;
}

/** What lay there has gone meanwhile. */
export function isGone(error: unknown): boolean {
  return systemCode(ofSystem(error)) === "ENOENT";
}

export function unreadable(error: unknown): string {
  return `cannot be read: ${messageOf(ofSystem(error))}`;
}

function ofSystem(error: unknown): unknown {
  return error instanceof BatchProcessingError ? error.cause : error;
}

/** By content. Other files, such as notes, are left alone; for what may be or hold pages, what it is. */
export async function kindOf(path: string): Promise<ChapterKind | { readonly what: string } | undefined> {
  const info = await stat(path);
  if (info.isDirectory()) return "folder";
  if (/\.(?:zip|cbz)$/i.test(path)) return "archive";
  const file = { name: basename(path), sizeBytes: info.size };
  const head = await readHead(path, SNIFF_BYTES);
  const found = contentKind(file, head);
  if ("junk" in found) return undefined;
  if ("kind" in found && found.kind === "image") return "picture";
  const { format, description, isPicture, mayHoldPages, remedy } = sniffFormat(head, file);
  if (format === "zip") return { what: "is a ZIP archive without the extension .zip or .cbz; rename it" };
  if (!isPicture && mayHoldPages !== true && !promisesPicture(file.name)) return undefined;
  return { what: `is ${[description, remedy].filter((part) => part !== undefined).join("; ")}` };
}
