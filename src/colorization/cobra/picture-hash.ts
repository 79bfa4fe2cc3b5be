/** The hash that identifies a picture by its pixels. */
import { createHash } from "node:crypto";
import type { RasterImage } from "../../binding/raster.js";

/** 32 hex digits of the SHA-256 of size and pixels. A few milliseconds a megapixel: in a worker, not on the main thread. */
export function pictureHash({ width, height, channels, data }: RasterImage): string {
  return createHash("sha256").update(`${width}x${height}x${channels}`).update(data).digest("hex").slice(0, 32);
}
