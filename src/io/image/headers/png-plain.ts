/** A PNG with the same pixels, put as libpng reads it. */
import { crc32 } from "../../../binding/checksum.js";
import { pngChunks } from "./png-chunks.js";

/** Bytes of a chunk before its data (length, type) and behind them (checksum). */
const [BEFORE, BEHIND] = [8, 4];
/** zlib's header (RFC 1950): the method, the largest window, a preset dictionary, the level. */
const [DEFLATE, LARGEST_WINDOW, DICTIONARY, LEVEL] = [8, 0x78, 0x20, 0xc0];

/**
 * A copy whose pixels are unpacked with the largest window, where the file states a smaller one: some old programs
 * stated one that is too small, and libpng keeps to it. An orientation that is stated behind the pixels goes before
 * them. Undefined where neither is needed. Never throws.
 */
export function withPlainChunks(bytes: Uint8Array): Uint8Array | undefined {
  let pixels: Uint8Array | undefined;
  let exif: Uint8Array | undefined;
  for (const { type, at, length } of pngChunks(bytes)) {
    const end = at + length + BEHIND;
    if (end > bytes.byteLength) break; // cut off: for the decoder to say
    if (type === "IDAT" && length >= 2) pixels ??= bytes.subarray(at - BEFORE, end);
    if (type === "eXIf") exif ??= bytes.subarray(at - BEFORE, end);
  }
  if (pixels === undefined) return undefined;
  const moved = exif !== undefined && exif.byteOffset > pixels.byteOffset && isWhole(exif) ? exif : undefined;
  const unpacked = withLargestWindow(pixels);
  if (moved === undefined && unpacked === undefined) return undefined;
  const offset = (part: Uint8Array): number => part.byteOffset - bytes.byteOffset;
  const rest = offset(pixels) + pixels.byteLength;
  const behind =
    moved === undefined
      ? [bytes.subarray(rest)]
      : [bytes.subarray(rest, offset(moved)), bytes.subarray(offset(moved) + moved.byteLength)];
  const parts = [bytes.subarray(0, offset(pixels)), moved ?? new Uint8Array(), unpacked ?? pixels, ...behind];
  return new Uint8Array(Buffer.concat(parts));
}

/** Whether the checksum of a chunk is right: what is damaged is not repaired. */
function isWhole(chunk: Uint8Array): boolean {
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  return crc32(chunk.subarray(4, -BEHIND)) === view.getUint32(chunk.byteLength - BEHIND);
}

/** The first chunk of pixels; undefined where it states the largest window, is no zlib stream, or is damaged. */
function withLargestWindow(chunk: Uint8Array): Uint8Array | undefined {
  const [method, flags] = [chunk[BEFORE]!, chunk[BEFORE + 1]!];
  const isZlib = (method & 15) === DEFLATE && (method * 256 + flags) % 31 === 0 && (flags & DICTIONARY) === 0;
  if (!isZlib || method >= LARGEST_WINDOW || !isWhole(chunk)) return undefined;
  const copy = new Uint8Array(chunk);
  const level = flags & LEVEL;
  copy[BEFORE] = LARGEST_WINDOW;
  copy[BEFORE + 1] = level + ((31 - ((LARGEST_WINDOW * 256 + level) % 31)) % 31);
  new DataView(copy.buffer).setUint32(copy.byteLength - BEHIND, crc32(copy.subarray(4, -BEHIND)));
  return copy;
}
