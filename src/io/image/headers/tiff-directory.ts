/** The first directory of a TIFF without the tags that say nothing about its pixels (TIFF 6.0, BigTIFF included). */

/** How the two kinds of TIFF lay out a directory. */
export interface TiffLayout {
  readonly little: boolean;
  readonly isBig: boolean;
  /** Where the offset of the first directory stands. */
  readonly firstAt: number;
  /** Bytes of the number of entries, of an entry, and of an offset. */
  readonly countBytes: 2 | 8;
  readonly entryBytes: 12 | 20;
  readonly offsetBytes: 4 | 8;
}

/** What pixels are made of: size, samples, where they lie, compression, colour. */
const PIXEL_TAGS = new Set([
  256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 280, 281, 284, 292, 293, 317, 320, 322, 323, 324, 325, 332, 338,
  339, 340, 341, 347, 529, 530, 531, 532,
]);
const ORIENTATION = 274;
/** Of the same type and number in every file: resolution across and down, its unit, the colour profile. */
const KEPT_TYPES: Readonly<Record<number, number>> = { 282: 5, 283: 5, 296: 3, 34675: 7 };
const PROFILE = 34675;
const TYPE_BYTES: Readonly<Record<number, number>> = { 3: 2, 5: 8, 7: 1 };
const SHORT = 3;
const LONG = 4;
const STRIP_OFFSETS = 273;
const STRIP_BYTE_COUNTS = 279;
const ORIENTATIONS = 8;
/** More directories than any file has that is a comic's page. */
const MOST_DIRECTORIES = 10_000;

/**
 * A copy whose only directory has the tags of its pixels alone, each once and in order, and the orientation, resolution
 * and profile where they are well formed. Undefined for what is no TIFF or ends within its directory. Never throws.
 */
export function withPixelTagsAlone(bytes: Uint8Array): Uint8Array | undefined {
  return guardedTiff(bytes, (view, layout) => {
    const entries = new Map<number, Uint8Array>();
    for (const at of entriesAt(view, layout, firstDirectory(view, layout))) {
      const tag = view.getUint16(at, layout.little);
      if (!entries.has(tag) && isKept(view, layout, at, tag))
        entries.set(tag, bytes.subarray(at, at + layout.entryBytes));
    }
    countSingleStrip(entries, view, layout);
    return withDirectory(
      bytes,
      layout,
      [...entries].sort(([a], [b]) => a - b).map(([, entry]) => entry),
    );
  });
}

/** A single strip that is said to have no bytes has all that follow in the file, as libtiff takes it. */
function countSingleStrip(entries: Map<number, Uint8Array>, { byteLength }: DataView, layout: TiffLayout): void {
  const [offsets, counts] = [entries.get(STRIP_OFFSETS), entries.get(STRIP_BYTE_COUNTS)];
  if (offsets === undefined || counts === undefined) return;
  const [from, size] = [singleValue(offsets, layout), singleValue(counts, layout)];
  if (from === undefined || size !== 0 || from >= byteLength) return;
  const { little, offsetBytes } = layout;
  const counted = new Uint8Array(counts);
  const view = new DataView(counted.buffer);
  view.setUint16(2, LONG, little);
  view.setUint32(4 + offsetBytes, byteLength - from, little);
  entries.set(STRIP_BYTE_COUNTS, counted);
}

/** The value of a SHORT or LONG entry that has one; undefined for any other. */
function singleValue(entry: Uint8Array, layout: TiffLayout): number | undefined {
  const { little, offsetBytes } = layout;
  const view = new DataView(entry.buffer, entry.byteOffset, entry.byteLength);
  if (readTiffOffset(view, layout, 4) !== 1) return undefined;
  const type = view.getUint16(2, little);
  if (type === SHORT) return view.getUint16(4 + offsetBytes, little);
  return type === LONG ? view.getUint32(4 + offsetBytes, little) : undefined;
}

/** The directories that follow one another in a TIFF, each counted once; 1 for what cannot be followed. */
export function tiffPages(bytes: Uint8Array): number {
  const seen = new Set<number>();
  guardedTiff(bytes, (view, layout) => {
    let at = firstDirectory(view, layout);
    while (at > 0 && at < view.byteLength && !seen.has(at) && seen.size < MOST_DIRECTORIES) {
      const entries = entriesAt(view, layout, at);
      const next = at + layout.countBytes + entries.length * layout.entryBytes;
      if (entries.length === 0 || next + layout.offsetBytes > view.byteLength) break;
      seen.add(at);
      at = readTiffOffset(view, layout, next);
    }
  });
  return Math.max(1, seen.size);
}

/** The result of a reader; undefined for what is no TIFF, or where an offset leads out of the file. */
export function guardedTiff<T>(bytes: Uint8Array, read: (view: DataView, layout: TiffLayout) => T): T | undefined {
  try {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const order = view.getUint16(0);
    if (order !== 0x4949 && order !== 0x4d4d) return undefined;
    const little = order === 0x4949;
    const version = view.getUint16(2, little);
    if (version !== 42 && version !== 43) return undefined;
    return read(
      view,
      version === 43
        ? { little, isBig: true, firstAt: 8, countBytes: 8, entryBytes: 20, offsetBytes: 8 }
        : { little, isBig: false, firstAt: 4, countBytes: 2, entryBytes: 12, offsetBytes: 4 },
    );
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

export function firstDirectory(view: DataView, layout: TiffLayout): number {
  return readTiffOffset(view, layout, layout.firstAt);
}

export function readTiffOffset(view: DataView, { isBig, little }: TiffLayout, at: number): number {
  return isBig ? Number(view.getBigUint64(at, little)) : view.getUint32(at, little);
}

/** Where the entries of the directory at `from` begin. Throws a RangeError if they reach beyond the file. */
export function entriesAt(
  view: DataView,
  { little, isBig, countBytes, entryBytes }: TiffLayout,
  from: number,
): number[] {
  const count = isBig ? Number(view.getBigUint64(from, little)) : view.getUint16(from, little);
  if (from + countBytes + count * entryBytes > view.byteLength) throw new RangeError("a directory beyond its file");
  return Array.from({ length: count }, (_, i) => from + countBytes + i * entryBytes);
}

function isKept(view: DataView, layout: TiffLayout, at: number, tag: number): boolean {
  if (PIXEL_TAGS.has(tag)) return true;
  const type = view.getUint16(at + 2, layout.little);
  const count = readTiffOffset(view, layout, at + 4);
  const valueAt = at + 4 + layout.offsetBytes;
  if (tag === ORIENTATION) {
    const value = view.getUint16(valueAt, layout.little);
    return type === SHORT && count === 1 && value >= 1 && value <= ORIENTATIONS;
  }
  if (KEPT_TYPES[tag] !== type || count === 0 || (tag !== PROFILE && count !== 1)) return false;
  const size = count * TYPE_BYTES[type]!;
  return size <= layout.offsetBytes || readTiffOffset(view, layout, valueAt) + size <= view.byteLength;
}

/** The file with a directory at its end that it begins with, and none behind that. */
function withDirectory(bytes: Uint8Array, layout: TiffLayout, entries: readonly Uint8Array[]): Uint8Array {
  const { little, isBig, firstAt, countBytes, entryBytes, offsetBytes } = layout;
  const from = Math.ceil(bytes.byteLength / 8) * 8;
  const file = new Uint8Array(from + countBytes + entries.length * entryBytes + offsetBytes);
  file.set(bytes);
  entries.forEach((entry, i) => file.set(entry, from + countBytes + i * entryBytes));
  const view = new DataView(file.buffer);
  if (isBig) {
    view.setBigUint64(firstAt, BigInt(from), little);
    view.setBigUint64(from, BigInt(entries.length), little);
  } else {
    view.setUint32(firstAt, from, little);
    view.setUint16(from, entries.length, little);
  }
  return file;
}
