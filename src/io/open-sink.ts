/** Opens the place where results go: a folder or an archive. */
import { checkFlag, checkObject, checkText } from "../errors/arguments.js";
import { ArchiveSink } from "./archive/archive-sink.js";
import { FolderSink } from "./files/folder-sink.js";
import type { PageSink, PageSinkOptions } from "./page-sink.js";

/** A sink that writes files below a folder, which is made when it is missing. Rejects with `ERR_OUTPUT_WRITE`. */
export async function openFolderSink(path: string, options: PageSinkOptions = {}): Promise<PageSink> {
  checkArguments(path, options);
  return FolderSink.open(path, options.overwrite ?? false);
}

/**
 * A sink that writes one ZIP or CBZ archive, which appears under its name at `finish`. Rejects with `ERR_OUTPUT_WRITE`.
 */
export async function openArchiveSink(path: string, options: PageSinkOptions = {}): Promise<PageSink> {
  checkArguments(path, options);
  return ArchiveSink.open(path, options);
}

function checkArguments(path: string, options: PageSinkOptions): void {
  checkText("the path", path);
  checkObject("the options", options);
  checkFlag("overwrite", options.overwrite);
}
