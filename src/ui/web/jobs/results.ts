/** A job's results as one archive: the archive that was written, or its folder as one. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { picturesFolder } from "../../../core/output/work-folder.js";
import { BatchProcessingError } from "../../../errors.js";
import type { JobEntry } from "./job-entry.js";
import { outputOf } from "./outcomes.js";
import { FolderArchive } from "./result-archive.js";
import type { OpenedResult } from "./types.js";
import { resultName } from "./views.js";

/** @throws BatchProcessingError `ERR_STATE` where there is none yet */
export async function openResults(entry: JobEntry): Promise<OpenedResult> {
  const archive = await findResults(entry);
  if (archive === undefined)
    throw new BatchProcessingError("ERR_STATE", "the job has no result yet; its first page must be done");
  const name = resultName(entry.stored);
  const type = name.endsWith(".cbz") ? "application/vnd.comicbook+zip" : "application/zip";
  return { name, type, ...archive };
}

/** What a job has made so far; undefined where that is nothing. */
export async function findResults(entry: JobEntry): Promise<Omit<OpenedResult, "name" | "type"> | undefined> {
  const { output } = entry.stored;
  if (output === undefined) return undefined;
  const paths = outputOf(entry.paths.folder, output);
  return (
    (paths.outputZip === undefined ? undefined : await fileOf(paths.outputZip)) ??
    (await folderOf(entry, picturesFolder(paths)))
  );
}

async function fileOf(path: string): Promise<Omit<OpenedResult, "name" | "type"> | undefined> {
  const info = await stat(path).catch(() => undefined);
  if (info === undefined) return undefined;
  return {
    path,
    sizeBytes: info.size,
    version: `${Math.round(info.mtimeMs)}-${info.size}`,
    chunks: ({ start = 0, end = info.size } = {}) =>
      end <= start ? nothing() : createReadStream(path, { start, end: end - 1 }),
  };
}

async function folderOf(entry: JobEntry, folder: string): Promise<Omit<OpenedResult, "name" | "type"> | undefined> {
  const fresh = await FolderArchive.of(folder);
  if (fresh === undefined) return undefined;
  if (entry.archive?.version !== fresh.version) entry.archive = fresh;
  const { archive } = entry;
  return {
    sizeBytes: archive.sizeBytes,
    version: archive.version,
    chunks: ({ start, end } = {}) => archive.chunks(start, end),
  };
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
