/** The picture format of an output's name. */
import { extname } from "node:path";
import type { EncodeOptions } from "../io/image-codec.js";

const FORMATS: Readonly<Record<string, EncodeOptions["format"]>> = { ".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp", ".tif": "tiff", ".tiff": "tiff", ".avif": "avif" };

/** By the extension; PNG for one that is not written. */
export function outputFormat(name: string): EncodeOptions["format"] {
  return FORMATS[extname(name).toLowerCase()] ?? "png";
}
