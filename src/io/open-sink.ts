/** Opens the place where results go: a folder or an archive. */
import { checkArgument, checkBytes, checkFlag, checkNames, checkObject, checkText } from "../errors/arguments.js";
import { ArchiveSink } from "./archive/archive-sink.js";
import { FolderSink } from "./files/folder-sink.js";
import type { PageSink, PageSinkOptions } from "./page-sink.js";

/** The length of an archive's comment has two bytes. */
const MAX_COMMENT_BYTES = 65_535;

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
  checkNames<PageSinkOptions>("the options of a sink", options, { overwrite: true, comment: true });
  checkFlag("overwrite", options.overwrite);
  const { comment } = options;
  if (comment === undefined) return;
  checkBytes("comment", comment);
  checkArgument(comment.byteLength <= MAX_COMMENT_BYTES, "comment", comment, `at most ${MAX_COMMENT_BYTES} bytes`);
}
