/** The hash that identifies a picture by its pixels: 32 hex digits of the SHA-256 of size and pixels. */
import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import type { RasterImage } from "../../binding/raster.js";

const DIGITS = 32;

/** A few milliseconds a megapixel: in a worker, not on the main thread. */
export function imageHash(image: RasterImage): string {
  return createHash("sha256").update(sizeOf(image)).update(image.data).digest("hex").slice(0, DIGITS);
}

/** Hashed at a stretch: a millisecond or two. */
const PIECE_BYTES = 2 ** 20;

/** The same on the main thread, which does other work between the pieces. Nothing is copied. */
export async function imageHashInPieces(image: RasterImage): Promise<string> {
  const hash = createHash("sha256").update(sizeOf(image));
  for (let start = 0; start < image.data.byteLength; start += PIECE_BYTES) {
    if (start > 0) await setImmediate();
    hash.update(image.data.subarray(start, start + PIECE_BYTES));
  }
  return hash.digest("hex").slice(0, DIGITS);
}

function sizeOf({ width, height, channels }: RasterImage): string {
  return `${width}x${height}x${channels}`;
}
