/** Opens the files of a picture: the original, the result, its layers, and a preview's pictures. */
import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { ValidationError } from "../../../errors.js";
import { openStoredFiles } from "../../../io/archive/stored-files.js";
import { exists } from "../../../io/files/exists.js";
import { readHead } from "../../../io/files/read-file.js";
import { SNIFF_BYTES, sniffFormat } from "../../../io/image/headers/image-format.js";
import { isArchiveName } from "../../../io/names/entry-rules.js";
import { layersFolder } from "../../../io/names/output-names.js";
import type { PageSource, SourceEntry } from "../../../io/page-source.js";
import { picturesFolder, type OutputPaths } from "../../../core/output/work-folder.js";
import { openReference, referenceIn, type JobInput } from "./input.js";
import { previewFolder, type PageResult } from "./outcomes.js";
import type { SourceCache } from "./source-cache.js";
import type { JobPaths, StoredJob, StoredPicture } from "./stored.js";
import type { OpenedPicture } from "./types.js";

/** The picture as it came. */
export async function openOriginal(
  picture: StoredPicture,
  input: JobInput | undefined,
  paths: JobPaths,
  cache: SourceCache,
): Promise<OpenedPicture> {
  const { name, file, bytes } = picture;
  const version = [picture.id, bytes, ...(picture.version?.split(" ") ?? [])].join("-");
  if (file !== undefined) {
    const path = join(paths.references, file);
    if (name === file && !isArchiveName(file)) return openFile(path, basename(file));
    return cache.with(
      path,
      () => openReference(paths, file),
      (source) => opened(referenceIn(source, file, name), name, version),
    );
  }
  if (input === undefined) throw noFile(name);
  const path = "inputZip" in input.settings ? input.settings.inputZip : input.settings.inputDir;
  return cache.with(
    path,
    () => input.open(),
    (source) => read(source, name, version),
  );
}

/** The strokes of colour that were put. */
export function openHints({ id, name }: StoredPicture, paths: JobPaths): Promise<OpenedPicture> {
  return openFile(join(paths.hints, `${id}.png`), `hints of ${name}.png`);
}

/** The coloured picture, in the output or in the work folder. */
export function openResult(result: PageResult, output: OutputPaths, cache: SourceCache): Promise<OpenedPicture> {
  return openOutput(result.name, result.version, output, cache);
}

/** One of its layers. */
export function openLayer(
  result: PageResult,
  layer: string,
  output: OutputPaths,
  cache: SourceCache,
): Promise<OpenedPicture> {
  if (!result.layers.includes(layer)) throw noFile(layer);
  return openOutput(`${layersFolder(result.name)}/${layer}`, `${result.version}-${layer}`, output, cache);
}

/** A picture of a preview with several seeds. */
export async function openPreview(
  picture: StoredPicture,
  seed: number,
  preview: StoredJob["preview"],
  output: OutputPaths,
): Promise<OpenedPicture> {
  const shown = preview?.seeds?.find((one) => one.page === picture.id && one.seed === seed);
  if (shown === undefined) throw noFile(`${picture.name} with seed ${seed}`);
  return openFile(join(previewFolder(output), shown.file), shown.file);
}

async function openOutput(
  name: string,
  version: string,
  output: OutputPaths,
  cache: SourceCache,
): Promise<OpenedPicture> {
  const path = join(picturesFolder(output), name);
  if (output.outputZip === undefined || (await exists(path))) return openFile(path, basename(name), version);
  const { outputZip } = output;
  return cache.with(
    outputZip,
    () => openResults(outputZip),
    (source) => read(source, name, version),
  );
}

/** Not as an input: an archive of Photoshop documents holds no picture that could be one. */
async function openResults(path: string): Promise<PageSource> {
  const { files, close } = await openStoredFiles(path);
  return { path, faults: [], warnings: [], entries: () => files, close };
}

async function openFile(path: string, name: string, version?: string): Promise<OpenedPicture> {
  try {
    const { size, mtimeMs } = await stat(path);
    const type = typeOf(await readHead(path, SNIFF_BYTES));
    return { path, name, type, sizeBytes: size, version: version ?? `${Math.round(mtimeMs)}-${size}` };
  } catch (cause) {
    throw noFile(name, cause);
  }
}

async function read(source: PageSource, name: string, version: string): Promise<OpenedPicture> {
  // A Photoshop document is no picture that is read, and as such among the faults.
  const entry = [...source.entries(), ...source.faults.flatMap(({ file }) => file ?? [])].find(
    (one) => one.name === name,
  );
  return opened(entry, name, version);
}

async function opened(entry: SourceEntry | undefined, name: string, version: string): Promise<OpenedPicture> {
  if (entry === undefined) throw noFile(name);
  const bytes = await entry.read();
  return { bytes, name: basename(name), type: typeOf(bytes), sizeBytes: bytes.byteLength, version };
}

/** MIME types by content; a file that is none of these is sent as bytes, and is never shown. */
function typeOf(head: Uint8Array): string {
  const { format, description } = sniffFormat(head);
  if (format !== undefined && format !== "zip") return `image/${format}`;
  return description.includes("Photoshop") ? "image/vnd.adobe.photoshop" : "application/octet-stream";
}

/** There is no such file of a picture. */
export function noFile(what: string, cause?: unknown): ValidationError {
  return new ValidationError("ERR_JOB_NOT_FOUND", `there is no ${what}; list the job's pictures and name one of them`, {
    cause,
  });
}
