/** Opens an input as a page source, by its content. */
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { BatchProcessingError, ValidationError } from "../errors.js";
import { checkFlag, checkNames, checkObject, checkText } from "../errors/arguments.js";
import { archiveLimits } from "./archive/archive-limits.js";
import { notAnArchive, openArchiveSource } from "./archive/archive-source.js";
import { contentKind } from "./content-kind.js";
import { inputError } from "./files/file-errors.js";
import { fileVersion } from "./files/file-version.js";
import { openFolderSource } from "./files/folder-source.js";
import { fileChunks, readHead, readWhole } from "./files/read-file.js";
import { sniffBytes, sniffFormat } from "./image/headers/image-format.js";
import { isArchiveName } from "./names/entry-rules.js";
import type { PageSource, PageSourceOptions } from "./page-source.js";

const SOURCE_OPTIONS: Readonly<Record<keyof PageSourceOptions, true>> = { recursive: true, within: true, limits: true };

/**
 * Opens an input: a folder, a picture, or a ZIP/CBZ archive (told by content, not by its extension).
 * Rejects with `ERR_INPUT_NOT_FOUND` (no such path, not readable), `ERR_INPUT_EMPTY` (no picture in it, or something
 * else than a picture or archive), `ERR_ZIP_FORMAT` or `ERR_ZIP_LIMIT` (a bad archive). Call `close()` after the last
 * read.
 */
export async function openPageSource(path: string, options: PageSourceOptions = {}): Promise<PageSource> {
  checkText("the path", path);
  checkObject("the options of openPageSource", options);
  checkNames<PageSourceOptions>("the options of openPageSource", options, SOURCE_OPTIONS);
  checkFlag("recursive", options.recursive);
  if (options.within !== undefined) checkText("within", options.within);
  if (options.limits !== undefined) checkObject("limits", options.limits);
  const limits = archiveLimits(options.limits);
  const info = await stat(path, { bigint: true }).catch((cause: unknown) => Promise.reject(inputError(path, cause)));
  if (info.isDirectory()) return openFolderSource(path, options.recursive ?? false, options.within);
  if (!info.isFile())
    throw new ValidationError("ERR_INPUT_NOT_FOUND", `cannot read ${path}: it is neither a file nor a folder`);
  const sizeBytes = Number(info.size);
  const head = await readHead(path, sniffBytes(path));
  const sniffed = sniffFormat(head, { name: path, sizeBytes });
  const { format, description, remedy } = sniffed;
  if (format === "zip") return openArchiveSource(path, limits);
  if (isArchiveName(path)) {
    const source = await openArchiveSource(path, limits).catch((error: unknown) => {
      if (!(error instanceof BatchProcessingError) || error.code !== "ERR_ZIP_FORMAT") throw error;
      if (format === undefined) throw notAnArchive(path, sniffed, error);
    });
    if (source !== undefined) return source;
  }
  const content = contentKind({ name: path, sizeBytes }, head);
  if (!("kind" in content) || content.kind === "other") {
    throw new ValidationError(
      "ERR_INPUT_EMPTY",
      `${path} is ${description}; a picture, a folder or a ZIP/CBZ archive is needed`,
      { remedy },
    );
  }
  const entry = {
    name: basename(path).normalize("NFC"),
    kind: content.kind,
    format: content.format,
    sizeBytes,
    version: fileVersion(info),
    read: () => readWhole(path),
    chunks: () => fileChunks(path),
  };
  return { path, entries: () => [entry], faults: [], close: async () => {} };
}
