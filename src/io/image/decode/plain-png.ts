/**
 * PNG of 8-bit RGB read without sharp, for the classifier: half the time. What is read here has the pixels that sharp
 * gives. Whatever is unusual or wrong in a file is left to sharp, which also says what is wrong.
 */
import { promisify } from "node:util";
import { inflate, type Inflate, type InputType, type ZlibOptions } from "node:zlib";
import { crc32 } from "../../../binding/checksum.js";
import { unfilterRgb, type PixelImage } from "../../../binding/pixels/pixels.js";
import { pngChunks } from "../headers/png-chunks.js";

const HEADER_BYTES = 13;
/** Depth, colour type, compression, filter method and interlacing of 8-bit RGB in rows. */
const RGB_IN_ROWS = [8, 2, 0, 0, 0] as const;
/** Chunks that say nothing about the pixels. */
const HARMLESS = new Set(["pHYs", "gAMA", "cHRM", "sRGB", "tEXt", "zTXt", "iTXt", "tIME"]);

/** The part of a PNG that is read here. */
interface PlainPng {
  readonly width: number;
  readonly height: number;
  /** The pieces of its compressed data. */
  readonly pieces: readonly Uint8Array[];
}

/** Pixels of a PNG, or undefined for a file that another decoder must read. Never rejects. */
export async function decodePlainPng(bytes: Uint8Array, maxPixels: number): Promise<PixelImage<3> | undefined> {
  const png = plainPng(bytes);
  if (png === undefined || png.width * png.height > maxPixels) return undefined;
  try {
    const data = await inflated(png.pieces, png.height * (png.width * 3 + 1));
    return data && unfilterRgb(data, png.width, png.height);
  } catch {
    return undefined;
  }
}

/** The file's parts, where each is as it should be. */
function plainPng(bytes: Uint8Array): PlainPng | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const pieces: Uint8Array[] = [];
  let size: { readonly width: number; readonly height: number } | undefined;
  let last = "";
  for (const { type, at, length } of pngChunks(bytes)) {
    const end = at + length;
    if (end + 4 > bytes.byteLength || crc32(bytes.subarray(at - 4, end)) !== view.getUint32(end)) return undefined;
    if (type === "IDAT") {
      if (size === undefined || (pieces.length > 0 && last !== "IDAT")) return undefined;
      pieces.push(bytes.subarray(at, end));
    } else if (type === "IHDR") {
      if (last !== "" || length !== HEADER_BYTES) return undefined;
      if (RGB_IN_ROWS.some((value, index) => bytes[at + 8 + index] !== value)) return undefined;
      size = { width: view.getUint32(at), height: view.getUint32(at + 4) };
    } else if (type === "IEND") {
      return size && length === 0 && pieces.length > 0 ? { ...size, pieces } : undefined;
    } else if (!HARMLESS.has(type)) return undefined;
    last = type;
  }
  return undefined;
}

/** As `inflate` with `info`, which the types do not have. */
const inflateWithInfo = promisify(inflate) as unknown as (
  data: InputType,
  options: ZlibOptions,
) => Promise<{ readonly buffer: Buffer; readonly engine: Inflate }>;

/** The decompressed data, if they have exactly this size and nothing follows them. Rejects for damaged data. */
async function inflated(pieces: readonly Uint8Array[], sizeBytes: number): Promise<Buffer | undefined> {
  const compressed = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
  // One byte more than is needed: a buffer that is filled to its end would be followed by another.
  const room = sizeBytes + 1;
  const options = { chunkSize: Math.max(room, 64), maxOutputLength: room, info: true };
  const { buffer, engine } = await inflateWithInfo(compressed, options);
  return buffer.length === sizeBytes && engine.bytesWritten === compressed.length ? buffer : undefined;
}
