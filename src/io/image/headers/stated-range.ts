/** The greatest sample that a file says it has, where that is less than its samples can hold: 12 bits stored in 16. */
import type { ImageFormat } from "./image-format.js";
import { pngChunks } from "./png-chunks.js";
import { readTiffHeader } from "./tiff-header.js";

/**
 * 2^n - 1 by the chunk sBIT of a PNG, or by MaxSampleValue or SMaxSampleValue of a TIFF. Undefined where nothing is
 * stated, where it is the full range, and where a TIFF's value is no power of two less one: then it is a statistic,
 * which changes nothing of how the picture looks.
 */
export function statedMaximum(bytes: Uint8Array, format: ImageFormat): number | undefined {
  if (format === "png") return pngMaximum(bytes);
  const header = format === "tiff" ? readTiffHeader(bytes) : undefined;
  if (header?.maxSample === undefined || (header.bits !== 8 && header.bits !== 16)) return undefined;
  const { maxSample, bits } = header;
  const isPower = maxSample > 0 && (maxSample & (maxSample + 1)) === 0;
  return isPower && maxSample < 2 ** bits - 1 ? maxSample : undefined;
}

/** The header's depth and the deepest channel of sBIT; palettes have neither. */
function pngMaximum(bytes: Uint8Array): number | undefined {
  let depth = 0;
  for (const { type, at, length } of pngChunks(bytes)) {
    const data = bytes.subarray(at, at + length);
    if (type === "IHDR") depth = data[9] === 3 ? 0 : (data[8] ?? 0);
    if (type === "sBIT" && depth >= 8) {
      const significant = Math.max(0, ...data.subarray(0, 4));
      return significant > 0 && significant < depth ? 2 ** significant - 1 : undefined;
    }
    if (type === "IDAT") return undefined;
  }
  return undefined;
}
