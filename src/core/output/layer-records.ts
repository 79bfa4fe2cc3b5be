/** The files of a page's layers as a journal knows them, beside the page's picture. */
import { readFile } from "node:fs/promises";
import { LAYER_NAMES, layersFolder } from "../../io/names/output-names.js";
import { sha256 } from "../../platform/sha256.js";
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
    const bytes = await readFile(path).catch(() => undefined);
    if (
      bytes === undefined ||
      bytes.byteLength !== layers[index]!.sizeBytes ||
      (await sha256(bytes)) !== layers[index]!.sha256
    )
      return false;
  }
  return true;
}
