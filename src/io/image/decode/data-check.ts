/**
 * Looks for damage in packed pixels that their decoder does not tell: a wrong checksum, codes that nothing has defined,
 * rows that are missing. PNG and JPEG need none of this: their decoders tell.
 */
import type { ImageFormat } from "../headers/image-format.js";
import type { DataFaults } from "./data-faults.js";
import { checkGifData } from "./gif-data.js";
import { checkTiffData } from "./tiff-data.js";

/** Reads all of the first picture's data; its own time limit counts from here. */
export async function checkData(bytes: Uint8Array, format: ImageFormat, seconds: number): Promise<DataFaults> {
  if (format === "tiff") return checkTiffData(bytes, seconds);
  return format === "gif" ? checkGifData(bytes) : {};
}
