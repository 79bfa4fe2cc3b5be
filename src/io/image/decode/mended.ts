/** Files with faults that do not concern their pixels, as the decoder reads them. */
import type { ImageFormat } from "../headers/image-format.js";
import { withPlainHeaders } from "../headers/jpeg-header.js";
import { withJpegEnd } from "../headers/jpeg-segments.js";
import { lacksPngEnd } from "../headers/png-chunks.js";
import { withPlainChunks } from "../headers/png-plain.js";
import { tiffPages, withPixelTagsAlone } from "../headers/tiff-directory.js";

/** What is decoded in place of a file. */
export interface MendedFile {
  readonly file: Uint8Array;
  /** What is wrong with the file, as the end of a sentence that begins with its name. */
  readonly warnings: readonly string[];
  /** Pages of the file, where they are not those of what is decoded. */
  readonly pages?: number;
}

/** Also of a GIF. */
export const NO_END = "lacks its end-of-file marker; the picture is complete";
const HEADER_FAULTS = "has faults in its headers that do not concern the picture, which is complete";
const TAG_FAULTS = "has faults in tags that do not concern the picture, which is complete";

/** A file that lacks nothing but its end mark gets it; headers of JPEG and PNG are put as their decoders take them. */
export function mended(bytes: Uint8Array, format: ImageFormat): MendedFile {
  if (format === "png") return { file: withPlainChunks(bytes) ?? bytes, warnings: lacksPngEnd(bytes) ? [NO_END] : [] };
  if (format !== "jpeg") return { file: bytes, warnings: [] };
  const plain = withPlainHeaders(bytes);
  const whole = withJpegEnd(plain ?? bytes);
  const warnings = [...(plain === undefined ? [] : [HEADER_FAULTS]), ...(whole === undefined ? [] : [NO_END])];
  return { file: whole ?? plain ?? bytes, warnings };
}

/**
 * For a TIFF that the decoder refuses: it takes a fault in any tag, such as a date of a wrong length, for damage. Where
 * this copy is decoded, only such tags were at fault. Undefined for another file.
 */
export function withoutTagFaults(bytes: Uint8Array, format: ImageFormat): MendedFile | undefined {
  const file = format === "tiff" ? withPixelTagsAlone(bytes) : undefined;
  return file && { file, warnings: [TAG_FAULTS], pages: tiffPages(bytes) };
}
