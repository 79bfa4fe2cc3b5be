/**
 * Classifies by a file's header alone: a picture that can only be gray is line art, by either decision, without being
 * decoded.
 */
import { isFrameHeader, jpegSegments } from "../io/image/headers/jpeg-segments.js";
import { pngChunks } from "../io/image/headers/png-chunks.js";
import { readTiffHeader } from "../io/image/headers/tiff-header.js";

const PNG_COLOUR = { gray: 0, rgb: 2, palette: 3, grayAlpha: 4 } as const;

/** True for PNG, JPEG and TIFF whose header leaves no room for colour. False says nothing. Never throws. */
export function isGrayByHeader(bytes: Uint8Array): boolean {
  return isGrayPng(bytes) || isGrayJpeg(bytes) || isGrayTiff(bytes);
}

/**
 * True for a PNG of 8-bit RGB without transparency, colour profile and EXIF: one whose pixels are what its data say,
 * for the classifier as for the engine. False says nothing. Never throws.
 */
export function isPlainPng(bytes: Uint8Array): boolean {
  let hasPixels = false;
  for (const { type, at } of pngChunks(bytes)) {
    if (type === "IHDR" && (bytes[at + 8] !== 8 || bytes[at + 9] !== PNG_COLOUR.rgb)) return false;
    if (type === "tRNS" || type === "iCCP" || type === "eXIf") return false;
    hasPixels ||= type === "IDAT"; // an orientation may stand behind them
  }
  return hasPixels;
}

/** Colour type gray or gray and alpha, or a palette of grays alone. */
function isGrayPng(bytes: Uint8Array): boolean {
  for (const { type, at, length } of pngChunks(bytes)) {
    const colour = type === "IHDR" ? bytes[at + 9] : undefined;
    if (colour === PNG_COLOUR.gray || colour === PNG_COLOUR.grayAlpha) return true;
    if (colour === PNG_COLOUR.rgb) return false;
    if (type === "PLTE") return isGrayPalette(bytes.subarray(at, at + length));
    if (type === "IDAT") return false;
  }
  return false;
}

function isGrayPalette(colours: Uint8Array): boolean {
  for (let i = 0; i + 2 < colours.length; i += 3)
    if (colours[i] !== colours[i + 1] || colours[i] !== colours[i + 2]) return false;
  return colours.length > 0;
}

/** One component in the frame header. */
function isGrayJpeg(bytes: Uint8Array): boolean {
  for (const { marker, at } of jpegSegments(bytes)) if (isFrameHeader(marker)) return bytes[at + 5] === 1;
  return false;
}

/** White or black is zero, in the first directory. */
function isGrayTiff(bytes: Uint8Array): boolean {
  const header = readTiffHeader(bytes);
  return header !== undefined && header.photometric <= 1;
}
