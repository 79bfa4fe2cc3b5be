/** The resolution that a picture's file states. Numbers without a unit give a pixel's shape, not a resolution. */
import type { Metadata } from "sharp";
import { exifDensity } from "./exif.js";
import type { ImageFormat } from "./image-format.js";
import { pngChunks } from "./png-chunks.js";

const METRE = 1;

/** Pixels per inch; undefined where the file has none. `metadata` is what sharp read of `bytes`. */
export function statedDensity(metadata: Metadata, format: ImageFormat, bytes: Uint8Array): number | undefined {
  // sharp takes a number without a unit for pixels per millimetre in TIFF, PNG and EXIF, and a PNG without any for 72
  // pixels per inch.
  const hasUnit =
    format === "tiff"
      ? metadata.resolutionUnit !== undefined
      : format === "png"
        ? isPerMetre(bytes)
        : metadata.density !== undefined;
  if (hasUnit && metadata.density !== undefined) return metadata.density;
  return metadata.exif === undefined ? undefined : exifDensity(metadata.exif);
}

/** Whether a PNG has a `pHYs` chunk that counts in metres, before its pixels. */
function isPerMetre(bytes: Uint8Array): boolean {
  for (const { type, at } of pngChunks(bytes)) {
    if (type === "pHYs") return bytes[at + 8] === METRE;
    if (type === "IDAT") return false;
  }
  return false;
}
