/** The hash that identifies a picture by its pixels: 32 hex digits of the SHA-256 of size and pixels. */
import { createHash } from "node:crypto";
import type { RasterImage } from "../../binding/raster.js";
import { sha256 } from "../../platform/sha256.js";

const DIGITS = 32;

/** A few milliseconds a megapixel: in a worker, not on the main thread. */
export function imageHash(image: RasterImage): string {
  return createHash("sha256").update(sizeOf(image)).update(image.data).digest("hex").slice(0, DIGITS);
}

/** The same, computed beside the event loop; it takes a copy of the pixels. */
export async function imageHashAside(image: RasterImage): Promise<string> {
  return (await sha256(Buffer.concat([Buffer.from(sizeOf(image)), image.data]))).slice(0, DIGITS);
}

function sizeOf({ width, height, channels }: RasterImage): string {
  return `${width}x${height}x${channels}`;
}
