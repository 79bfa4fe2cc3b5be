/** The chunks of a PNG (PNG 3rd edition, chapter 5). */

/** One chunk: where its data lie in the file. */
interface PngChunk {
  /** Four letters, such as "IDAT". */
  readonly type: string;
  /** First byte of the data. */
  readonly at: number;
  /** Bytes of data, as the chunk states them; they may reach beyond the end of a file that is cut off. */
  readonly length: number;
}

const SIGNATURE = [0x89504e47, 0x0d0a1a0a] as const;
const SIGNATURE_BYTES = 8;
/** Length and type before the data, checksum behind them. */
const FRAME_BYTES = 12;

/** The chunks in order, as far as the file goes; none for what is no PNG. Never throws. */
export function* pngChunks(bytes: Uint8Array): Generator<PngChunk, void, undefined> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.byteLength < SIGNATURE_BYTES || view.getUint32(0) !== SIGNATURE[0] || view.getUint32(4) !== SIGNATURE[1])
    return;
  for (let at = SIGNATURE_BYTES; at + 8 <= view.byteLength;) {
    const length = view.getUint32(at);
    yield { type: String.fromCodePoint(...bytes.subarray(at + 4, at + 8)), at: at + 8, length };
    at += length + FRAME_BYTES;
  }
}

/** Whether the chunk that ends a PNG is missing, though there are pixels. */
export function lacksPngEnd(bytes: Uint8Array): boolean {
  let last: string | undefined;
  let hasPixels = false;
  for (const { type } of pngChunks(bytes)) {
    last = type;
    hasPixels ||= type === "IDAT";
    if (type === "IEND") return false;
  }
  return last !== undefined && hasPixels;
}

/** Frames of an animated PNG; 1 for any other. */
export function pngFrames(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const { type, at, length } of pngChunks(bytes)) {
    if (type === "acTL" && length === 8 && at + 4 <= view.byteLength) return Math.max(1, view.getUint32(at));
    if (type === "IDAT") return 1; // what says so comes before the pixels
  }
  return 1;
}

/** The size that a PNG states; undefined for one that may be turned (an eXIf chunk) or has no good header. */
export function pngSize(bytes: Uint8Array): readonly [width: number, height: number] | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let size: readonly [number, number] | undefined;
  for (const { type, at, length } of pngChunks(bytes)) {
    if (type === "IHDR" && length === 13 && at + 8 <= view.byteLength)
      size = [view.getUint32(at), view.getUint32(at + 4)];
    if (type === "eXIf" || size === undefined) return undefined;
  }
  return size !== undefined && size[0] > 0 && size[1] > 0 ? size : undefined;
}
