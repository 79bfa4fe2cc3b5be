/** Finds a page's files of earlier settings that a new picture leaves beside it: another format's, or layers. */
import { readdir } from "node:fs/promises";
import { LAYER_NAMES, layersFolder } from "../../io/names/output-names.js";
import type { PageEntry } from "../journal/entries.js";
import type { OutputFiles } from "./output-files.js";

/** A picture that was just written. */
export interface NewPicture {
  readonly path: string;
  readonly outputName: string;
  /** It has layers of its own in a folder beside it. */
  readonly hasLayers: boolean;
}

/**
 * @param earlier what the output has written for the page before
 * @returns paths of pictures as they were written, and of folders with layers
 */
export async function outdatedFiles(
  files: OutputFiles,
  earlier: readonly PageEntry[],
  { path, outputName, hasLayers }: NewPicture,
): Promise<string[]> {
  const found = new Set<string>();
  const own = layersFolder(path);
  for (const entry of earlier) {
    const layered = (entry.layers ?? []).length > 0;
    if (entry.outputName === outputName) {
      if (layered && !hasLayers && (await holdsLayers(own))) found.add(own);
      continue;
    }
    const number = await files.find(entry.outputName, entry);
    if (number === undefined) continue;
    const picture = files.path(entry.outputName, number);
    found.add(picture);
    const beside = layersFolder(picture);
    if (layered && (beside !== own || !hasLayers) && (await holdsLayers(beside))) found.add(beside);
  }
  return [...found];
}

async function holdsLayers(folder: string): Promise<boolean> {
  const names: readonly string[] = await readdir(folder).catch(() => []);
  return LAYER_NAMES.some((name) => names.includes(name));
}
