/** Reads what a TIFF's first directory says about its pixels (TIFF 6.0, BigTIFF included). */

/** The form of a TIFF's first picture. */
export interface TiffHeader {
  /** Bits of one sample; of the deepest channel where they differ. */
  readonly bits: number;
  /** Whether all channels have as many bits. */
  readonly evenBits: boolean;
  /** Tag SampleFormat of the first channel: 1 unsigned, 2 signed, 3 floating point, 5 and 6 complex. */
  readonly sampleFormat: number;
  /** Whether all channels have the same sample format. */
  readonly evenFormat: boolean;
  /** Channels of the file, those beside the colour included. */
  readonly channels: number;
  /** Tag PhotometricInterpretation: 0 white is zero, 1 black is zero, 2 RGB, 3 palette, 5 CMYK, 6 YCbCr, 8 Lab, … */
  readonly photometric: number;
  /** Tag Compression: 1 none, 5 LZW, 7 JPEG, 8 deflate, … */
  readonly compression: number;
  /** LZW with its codes the other way round, as programs wrote it before TIFF 6.0. */
  readonly isOldLzw: boolean;
  /** Each channel lies in a plane of its own. */
  readonly isPlanar: boolean;
  /** The picture lies in tiles, not in strips of rows. */
  readonly isTiled: boolean;
  /** Of YCbCr: one value of colour for several pixels. */
  readonly isSubsampled: boolean;
  /** Tag ExtraSamples, a value for each channel beside the colour: 0 unspecified, 1 and 2 opacity. */
  readonly extraSamples: readonly number[];
  readonly hasProfile: boolean;
  /** A smaller copy of a picture that the file holds too. */
  readonly isThumbnail: boolean;
  /** Slices of a solid; 1 of a picture. */
  readonly slices: number;
  /** Tags SMaxSampleValue and MaxSampleValue: the greatest sample. */
  readonly maxSample: number | undefined;
}

const TAG = {
  newSubfileType: 254,
  subfileType: 255,
  bitsPerSample: 258,
  compression: 259,
  photometric: 262,
  stripOffsets: 273,
  samplesPerPixel: 277,
  maxSample: 281,
  planarConfiguration: 284,
  tileWidth: 322,
  subDirectories: 330,
  extraSamples: 338,
  sampleFormat: 339,
  greatestSample: 341,
  subsampling: 530,
  imageDepth: 32997,
  profile: 34675,
} as const;

/** Bytes of one value, by the type's number: BYTE, SHORT, LONG and LONG8; others hold nothing that is read here. */
const VALUE_BYTES: Readonly<Record<number, 1 | 2 | 4 | 8>> = { 1: 1, 3: 2, 4: 4, 16: 8 };
/** Of NewSubfileType, the bit of a smaller copy; of the older SubfileType, its number. */
const [REDUCED, OLD_REDUCED] = [1, 2];
/** Of Compression. */
const LZW = 5;
/** More channels than any picture has. */
const MOST_VALUES = 64;

/** Undefined for what is no TIFF or ends within its directory. Never throws. */
export function readTiffHeader(bytes: Uint8Array): TiffHeader | undefined {
  try {
    return parse(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (error) {
    if (error instanceof RangeError) return undefined; // cut off: for the decoder to say
    throw error;
  }
}

/** Whether the least sample of a TIFF is white; libvips turns it round. False for what is no TIFF. */
export function isWhiteZero(bytes: Uint8Array): boolean {
  return readTiffHeader(bytes)?.photometric === 0;
}

function parse(view: DataView): TiffHeader | undefined {
  const order = view.getUint16(0);
  if (order !== 0x4949 && order !== 0x4d4d) return undefined;
  const little = order === 0x4949;
  const version = view.getUint16(2, little);
  if (version !== 42 && version !== 43) return undefined;
  const { tags, hasNext } = version === 43 ? bigDirectory(view, little) : directory(view, little);
  const first = (tag: number, otherwise: number): number => tags.get(tag)?.[0] ?? otherwise;
  const bits = tags.get(TAG.bitsPerSample) ?? [1];
  return {
    bits: Math.max(...bits),
    evenBits: new Set(bits).size === 1,
    evenFormat: new Set(tags.get(TAG.sampleFormat)).size <= 1,
    sampleFormat: first(TAG.sampleFormat, 1),
    channels: first(TAG.samplesPerPixel, 1),
    photometric: first(TAG.photometric, 1),
    compression: first(TAG.compression, 1),
    isOldLzw: first(TAG.compression, 1) === LZW && startsWithOldCode(view, first(TAG.stripOffsets, 0)),
    isPlanar: first(TAG.planarConfiguration, 1) === 2,
    isTiled: tags.has(TAG.tileWidth),
    isSubsampled: (tags.get(TAG.subsampling) ?? [2, 2]).some((factor) => factor > 1),
    extraSamples: tags.get(TAG.extraSamples) ?? [],
    hasProfile: tags.has(TAG.profile),
    isThumbnail:
      (hasNext || tags.has(TAG.subDirectories)) &&
      ((first(TAG.newSubfileType, 0) & REDUCED) !== 0 || first(TAG.subfileType, 1) === OLD_REDUCED),
    slices: first(TAG.imageDepth, 1),
    maxSample: (tags.get(TAG.greatestSample) ?? tags.get(TAG.maxSample))?.[0],
  };
}

/** The clear code of nine bits, which begins each strip, from its low bits on. */
function startsWithOldCode(view: DataView, at: number): boolean {
  return at + 2 <= view.byteLength && view.getUint8(at) === 0 && (view.getUint8(at + 1) & 1) === 1;
}

type Tags = Map<number, number[]>;

/** The tags of the first directory, and whether another one follows. */
interface Directory {
  readonly tags: Tags;
  readonly hasNext: boolean;
}

function directory(view: DataView, little: boolean): Directory {
  const at = view.getUint32(4, little);
  const tags: Tags = new Map();
  const count = view.getUint16(at, little);
  for (let i = 0; i < count; i++) {
    const entry = at + 2 + 12 * i;
    readEntry(tags, view, little, entry, view.getUint32(entry + 4, little), entry + 8, 4);
  }
  const next = at + 2 + 12 * count;
  return { tags, hasNext: next + 4 <= view.byteLength && view.getUint32(next, little) !== 0 };
}

function bigDirectory(view: DataView, little: boolean): Directory {
  const at = Number(view.getBigUint64(8, little));
  const count = Math.min(Number(view.getBigUint64(at, little)), 4096);
  const tags: Tags = new Map();
  for (let i = 0; i < count; i++) {
    const entry = at + 8 + 20 * i;
    readEntry(tags, view, little, entry, Number(view.getBigUint64(entry + 4, little)), entry + 12, 8);
  }
  const next = at + 8 + 20 * count;
  return { tags, hasNext: next + 8 <= view.byteLength && view.getBigUint64(next, little) !== 0n };
}

/** Values stand in the entry where they fit there, otherwise where it points to. */
function readEntry(
  tags: Tags,
  view: DataView,
  little: boolean,
  entry: number,
  count: number,
  field: number,
  fieldBytes: 4 | 8,
): void {
  const tag = view.getUint16(entry, little);
  if (!Object.values<number>(TAG).includes(tag)) return;
  const size = VALUE_BYTES[view.getUint16(entry + 2, little)];
  if (tag === TAG.profile || size === undefined) {
    tags.set(tag, []);
    return;
  }
  const pointed = fieldBytes === 4 ? view.getUint32(field, little) : Number(view.getBigUint64(field, little));
  const start = count * size <= fieldBytes ? field : pointed;
  tags.set(
    tag,
    Array.from({ length: Math.min(count, MOST_VALUES) }, (_, i) => readValue(view, start + i * size, size, little)),
  );
}

function readValue(view: DataView, at: number, size: 1 | 2 | 4 | 8, little: boolean): number {
  if (size === 1) return view.getUint8(at);
  if (size === 2) return view.getUint16(at, little);
  return size === 4 ? view.getUint32(at, little) : Number(view.getBigUint64(at, little));
}
