/** Opens an input as a page source, by its content. */
import { open, stat } from "node:fs/promises";
import { basename } from "node:path";
import { ValidationError } from "../errors.js";
import { archiveLimits } from "./archive/archive-limits.js";
import { openArchiveSource } from "./archive/archive-source.js";
import { readFully } from "./files/byte-source.js";
import { inputError } from "./files/file-errors.js";
import { fileEntry, openFolderSource } from "./files/folder-source.js";
import { sniffFormat } from "./image/image-format.js";
import { isArchiveName, kindOfName } from "./names/entry-rules.js";
import type { PageSource, PageSourceOptions } from "./page-source.js";

/**
 * Opens an input: a folder, a picture, or a ZIP/CBZ archive (told by content, not by its extension).
 * Rejects with `ERR_INPUT_NOT_FOUND` (no such path, not readable), `ERR_INPUT_EMPTY` (no picture in it, or something
 * else than a picture or archive), `ERR_ZIP_FORMAT` or `ERR_ZIP_LIMIT` (a bad archive). Call `close()` after the last
 * read.
 */
export async function openPageSource(path: string, options: PageSourceOptions = {}): Promise<PageSource> {
  const limits = archiveLimits(options.limits);
  const info = await stat(path).catch((cause: unknown) => Promise.reject(inputError(path, cause)));
  if (info.isDirectory()) return openFolderSource(path, options.recursive ?? false);
  if (!info.isFile())
    throw new ValidationError("ERR_INPUT_NOT_FOUND", `cannot read ${path}: it is neither a file nor a folder`);
  const { format, description } = sniffFormat(await readHead(path));
  if (format === "zip" || isArchiveName(path)) return openArchiveSource(path, limits);
  if (format === undefined && kindOfName(path) !== "image") {
    throw new ValidationError(
      "ERR_INPUT_EMPTY",
      `${path} is ${description}; a picture, a folder or a ZIP/CBZ archive is needed`,
    );
  }
  const entry = { ...fileEntry(path, basename(path), info.size), kind: "image" as const };
  return { path, entries: () => [entry], faults: [], close: async () => {} };
}

async function readHead(path: string): Promise<Uint8Array> {
  try {
    const file = await open(path, "r");
    try {
      const head = new Uint8Array(4096);
      return head.subarray(0, await readFully(file, head, 0));
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw inputError(path, cause);
  }
}
