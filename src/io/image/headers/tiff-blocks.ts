/** Finds the strips or tiles of a TIFF's first picture, and how many bytes each unpacks to (TIFF 6.0, BigTIFF). */
import { entriesAt, firstDirectory, guardedTiff, readTiffOffset, type TiffLayout } from "./tiff-directory.js";

/** One strip or tile. */
export interface TiffBlock {
  readonly data: Uint8Array;
  /** Bytes of the rows that the picture has in it. */
  readonly sizeBytes: number;
  /** Bytes of the rows that a whole one has: some programs write the last strip whole. */
  readonly wholeBytes: number;
}

/** The packed pixels of a picture. */
export interface TiffBlocks {
  /** Tag Compression. */
  readonly compression: number;
  /** The bits of each byte stand in the order of fax machines. */
  readonly isBitReversed: boolean;
  /** "strip" or "tile". */
  readonly kind: "strip" | "tile";
  /** Bytes of one row. */
  readonly rowBytes: number;
  readonly blocks: readonly TiffBlock[];
}

const TAG = {
  width: 256,
  height: 257,
  bits: 258,
  compression: 259,
  photometric: 262,
  fillOrder: 266,
  stripOffsets: 273,
  channels: 277,
  rowsPerStrip: 278,
  stripCounts: 279,
  planar: 284,
  tileWidth: 322,
  tileHeight: 323,
  tileOffsets: 324,
  tileCounts: 325,
  subsampling: 530,
} as const;
const TAGS = new Set<number>(Object.values(TAG));
/** Bytes of one value, by the type's number: BYTE, SHORT, LONG, LONG8. */
const VALUE_BYTES: Readonly<Record<number, 1 | 2 | 4 | 8>> = { 1: 1, 3: 2, 4: 4, 16: 8 };
const YCBCR = 6;

type Tags = ReadonlyMap<number, readonly number[]>;

/** Undefined for what is no TIFF, and where it does not say all this, or says it wrongly: for the decoder to tell. */
export function readTiffBlocks(bytes: Uint8Array): TiffBlocks | undefined {
  return guardedTiff(bytes, (view, layout) => {
    const tags = readTags(view, layout);
    const one = (tag: number, otherwise: number): number => tags.get(tag)?.[0] ?? otherwise;
    const [width, height] = [one(TAG.width, 0), one(TAG.height, 0)];
    const isTiled = tags.has(TAG.tileWidth);
    const across = isTiled ? one(TAG.tileWidth, 0) : width;
    const down = isTiled ? one(TAG.tileHeight, 0) : Math.min(one(TAG.rowsPerStrip, height), height);
    if (![width, height, across, down].every((side) => side > 0)) return undefined;
    const offsets = tags.get(isTiled ? TAG.tileOffsets : TAG.stripOffsets) ?? [];
    const counts = tags.get(isTiled ? TAG.tileCounts : TAG.stripCounts) ?? [];
    const planes = one(TAG.planar, 1) === 2 ? one(TAG.channels, 1) : 1;
    const rows = Math.ceil(height / down);
    const perPlane = rows * Math.ceil(width / across);
    if (offsets.length !== perPlane * planes || counts.length !== offsets.length) return undefined;
    const sizeOf = (lines: number): number => blockBytes(tags, across, lines, planes > 1);
    const wholeBytes = sizeOf(down);
    const lastBytes = isTiled ? wholeBytes : sizeOf(height - (rows - 1) * down);
    return {
      compression: one(TAG.compression, 1),
      isBitReversed: one(TAG.fillOrder, 1) === 2,
      kind: isTiled ? "tile" : "strip",
      rowBytes: sizeOf(1),
      blocks: offsets.map((at, i) => ({
        data: bytes.subarray(at, Math.min(at + counts[i]!, bytes.byteLength)),
        sizeBytes: (i + 1) % perPlane === 0 ? lastBytes : wholeBytes,
        wholeBytes,
      })),
    };
  });
}

/** Of YCbCr with fewer values of colour than of light, these lie together in units of several pixels. */
function blockBytes(tags: Tags, width: number, height: number, isPlanar: boolean): number {
  const bits = tags.get(TAG.bits)?.[0] ?? 1;
  const channels = isPlanar ? 1 : (tags.get(TAG.channels)?.[0] ?? 1);
  if (tags.get(TAG.photometric)?.[0] !== YCBCR || channels !== 3)
    return Math.ceil((width * channels * bits) / 8) * height;
  const [x = 2, y = 2] = tags.get(TAG.subsampling) ?? [];
  return Math.ceil((Math.ceil(width / x) * (x * y + 2) * bits) / 8) * Math.ceil(height / y);
}

function readTags(view: DataView, layout: TiffLayout): Tags {
  const tags = new Map<number, readonly number[]>();
  for (const at of entriesAt(view, layout, firstDirectory(view, layout))) {
    const tag = view.getUint16(at, layout.little);
    const size = VALUE_BYTES[view.getUint16(at + 2, layout.little)];
    if (!TAGS.has(tag) || tags.has(tag) || size === undefined) continue;
    const count = readTiffOffset(view, layout, at + 4);
    const field = at + 4 + layout.offsetBytes;
    const from = count * size <= layout.offsetBytes ? field : readTiffOffset(view, layout, field);
    if (from + count * size > view.byteLength) throw new RangeError("values beyond the file");
    tags.set(
      tag,
      Array.from({ length: count }, (_, i) => readValue(view, from + i * size, size, layout.little)),
    );
  }
  return tags;
}

function readValue(view: DataView, at: number, size: 1 | 2 | 4 | 8, little: boolean): number {
  if (size === 1) return view.getUint8(at);
  if (size === 2) return view.getUint16(at, little);
  return size === 4 ? view.getUint32(at, little) : Number(view.getBigUint64(at, little));
}
