/** Opens the place where results go: a folder or an archive. */
import { ArchiveSink } from "./archive/archive-sink.js";
import { FolderSink } from "./files/folder-sink.js";
import type { PageSink, PageSinkOptions } from "./page-sink.js";

/** A sink that writes files below a folder, which is made when it is missing. Rejects with `ERR_OUTPUT_WRITE`. */
export async function openFolderSink(path: string, options: PageSinkOptions = {}): Promise<PageSink> {
  return FolderSink.open(path, options.overwrite ?? false);
}

/**
 * A sink that writes one ZIP or CBZ archive, which appears under its name at `finish`. Rejects with `ERR_OUTPUT_WRITE`.
 */
export async function openArchiveSink(path: string, options: PageSinkOptions = {}): Promise<PageSink> {
  return ArchiveSink.open(path, options);
}
