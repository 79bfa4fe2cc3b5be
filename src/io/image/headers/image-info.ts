/** Reads a picture's metadata: everything besides its pixels. */
import type { Metadata } from "sharp";
import { statedDensity } from "./density.js";
import type { ImageFormat } from "./image-format.js";
import { isLossless } from "./lossless.js";
import { pngFrames } from "./png-chunks.js";

/** What is known of a picture's file besides its pixels. */
export interface ImageInfo {
  readonly format: ImageFormat;
  /** Pixels across and down, after the EXIF orientation was applied: those of the decoded picture. */
  readonly width: number;
  readonly height: number;
  /** Channels in the file, alpha included: 1 gray, 2 gray and alpha, 3 RGB, 4 RGBA or CMYK. */
  readonly channels: number;
  /** Colour space of the file as libvips names it: `b-w`, `srgb`, `cmyk`, `rgb16`, `grey16`, … */
  readonly space: string;
  /** Bits of one sample in the file: 1, 2, 4, 8, 16 or 32. */
  readonly depth: number;
  readonly hasAlpha: boolean;
  readonly isPalette: boolean;
  /** Of WebP and AVIF: written without loss. */
  readonly isLossless: boolean;
  /** EXIF orientation of the file, 1 to 8; 1 when it had none. It is already applied. */
  readonly orientation: number;
  /** Pages or frames in the file; the first is decoded. */
  readonly pages: number;
  /** Pixels per inch; undefined when the file does not say. */
  readonly density?: number;
  /** What is wrong with a file that could still be read, as the end of a sentence that begins with its name. */
  readonly warnings: readonly string[];
  /** The embedded ICC profile, of any colour space. The pixels are already converted to sRGB by it. */
  readonly icc?: Uint8Array;
}

const DEPTH_BITS: Record<string, number> = {
  uchar: 8,
  char: 8,
  ushort: 16,
  short: 16,
  uint: 32,
  int: 32,
  float: 32,
  double: 64,
};

/** From what sharp read of the header of `bytes`. `warnings`: what is known to be amiss with the file already. */
export function toInfo(
  metadata: Metadata,
  format: ImageFormat,
  bytes: Uint8Array,
  warnings: readonly string[] = [],
): ImageInfo {
  const density = statedDensity(metadata, format, bytes);
  const pages = format === "png" ? pngFrames(bytes) : (metadata.pages ?? 1);
  const several = `holds ${pages} ${format === "tiff" ? "pages" : "frames"}; only the first is coloured, save the others as files of their own`;
  return {
    format,
    width: metadata.autoOrient.width,
    height: metadata.autoOrient.height,
    channels: metadata.channels,
    space: metadata.space,
    depth: metadata.bitsPerSample ?? DEPTH_BITS[metadata.depth] ?? 8,
    hasAlpha: metadata.hasAlpha,
    isPalette: metadata.isPalette,
    isLossless: isLossless(bytes, format),
    orientation: metadata.orientation ?? 1,
    pages,
    warnings: pages > 1 ? [...warnings, several] : warnings,
    ...(density === undefined ? {} : { density }),
    ...(metadata.icc === undefined ? {} : { icc: new Uint8Array(metadata.icc) }),
  };
}
