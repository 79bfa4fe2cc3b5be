/** A page's layer files beside its picture, as the journal records them. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { LAYER_NAMES, layersFolder } from "../../io/names/output-names.js";
import { sha256 } from "../../platform/sha256.js";
import { readWhole } from "../../io/files/read-file.js";
import type { LayerRecord } from "../journal/entries.js";

/** @param files bytes in the order of `LAYER_NAMES`; none for a page without layers */
export async function layerRecords(files: readonly (Uint8Array | Promise<Uint8Array>)[]): Promise<LayerRecord[]> {
  const records: LayerRecord[] = [];
  for (const [index, file] of files.entries()) {
    const bytes = await file;
    records.push({ name: LAYER_NAMES[index]!, sha256: await sha256(bytes), sizeBytes: bytes.byteLength });
  }
  return records;
}

/** Where the layers of a picture are. */
export function layerPaths(picture: string, layers: readonly Pick<LayerRecord, "name">[]): string[] {
  return layers.map(({ name }) => `${layersFolder(picture)}/${name}`);
}

/** Whether all layers of a picture are there as they were written. */
export async function layersThere(picture: string, layers: readonly LayerRecord[] = []): Promise<boolean> {
  for (const [index, path] of layerPaths(picture, layers).entries()) {
    const bytes = await readWhole(path).catch(() => undefined);
    if (
      bytes === undefined ||
      bytes.byteLength !== layers[index]!.sizeBytes ||
      (await sha256(bytes)) !== layers[index]!.sha256
    )
      return false;
  }
  return true;
}

/**
 * Whether layers may be written beside a picture without replacing a file of somebody else.
 * @param earlier layers that this output has written for the page
 * @param next layers that are to be written
 */
export async function layersAreOwn(
  picture: string,
  earlier: readonly LayerRecord[],
  next: readonly LayerRecord[],
): Promise<boolean> {
  const folder = layersFolder(picture);
  const info = await stat(folder).catch(() => undefined);
  if (info === undefined) return true;
  if (!info.isDirectory()) return false;
  const names = await readdir(folder).catch(() => undefined);
  if (names === undefined) return false;
  const found = LAYER_NAMES.filter((name) => names.includes(name));
  if (found.length === 0) return earlier.length > 0;
  const known = new Set([...earlier, ...next].map((layer) => layer.sha256));
  for (const name of found) {
    const bytes = await readWhole(join(folder, name)).catch(() => undefined); // what cannot be read is not known
    if (bytes === undefined || !known.has(await sha256(bytes))) return false;
  }
  return true;
}
