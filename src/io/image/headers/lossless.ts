/** Detects from the header whether a WebP or AVIF file is lossless. */
import type { ImageFormat } from "./image-format.js";

/**
 * True for WebP of VP8L pictures and for AVIF in RGB (matrix 0), which encoders write for nothing else. False says
 * nothing. Never throws.
 */
export function isLossless(bytes: Uint8Array, format: ImageFormat): boolean {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (format === "webp") return firstPicture(view, 12) === "VP8L";
  if (format !== "avif") return false;
  // ISO 23000-22: the colour box of the picture's properties, before the pixels: primaries, transfer and matrix, two
  // bytes each.
  const box = view.subarray(0, 4096).indexOf("colrnclx", 0, "latin1");
  return box >= 0 && box + 14 <= view.length && view.readUInt16BE(box + 12) === 0;
}

/** The first chunk of a RIFF container that holds a picture, from `at` on; of an animation that of its first frame. */
function firstPicture(view: Buffer, at: number): string | undefined {
  for (; at + 8 <= view.length; at += 8 + view.readUInt32LE(at + 4) + (view.readUInt32LE(at + 4) % 2)) {
    const name = view.toString("latin1", at, at + 4);
    if (name === "VP8L" || name === "VP8 ") return name;
    if (name === "ANMF") return firstPicture(view, at + 24);
  }
  return undefined;
}
