// Picture files written byte by byte, in forms that encoders seldom give: PNGs of every depth and colour type, bilevel
// TIFFs, profiles.
import { crc32, deflateSync } from "node:zlib";

/** A PNG as told; samples are 0..2^depth - 1, interleaved, row by row. */
export interface PngForm {
  width: number;
  height: number;
  depth: 1 | 2 | 4 | 8 | 16;
  /** 0 gray, 2 RGB, 3 palette, 4 gray and alpha, 6 RGBA. */
  colourType: 0 | 2 | 3 | 4 | 6;
  samples: ArrayLike<number>;
  /** RGB triples. */
  palette?: readonly number[];
  /** The tRNS chunk. */
  transparency?: readonly number[];
  /** The sBIT chunk, a value for each channel. */
  significantBits?: readonly number[];
  pixelsPerMetre?: number;
}

const CHANNELS = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 } as const;

export function pngFile(form: PngForm): Buffer {
  const { width, height, depth, colourType, samples } = form;
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, colourType, 0, 0, 0], 8);
  const perRow = width * CHANNELS[colourType];
  const rowBytes = Math.ceil((perRow * depth) / 8);
  const rows = Buffer.alloc((rowBytes + 1) * height);
  for (let y = 0; y < height; y++)
    packRow(rows.subarray(y * (rowBytes + 1) + 1, (y + 1) * (rowBytes + 1)), samples, y * perRow, perRow, depth);
  const chunks = [chunk("IHDR", header)];
  if (form.pixelsPerMetre !== undefined) {
    const physical = Buffer.alloc(9, 1);
    physical.writeUInt32BE(form.pixelsPerMetre, 0);
    physical.writeUInt32BE(form.pixelsPerMetre, 4);
    chunks.push(chunk("pHYs", physical));
  }
  if (form.significantBits !== undefined) chunks.push(chunk("sBIT", Buffer.from(form.significantBits)));
  if (form.palette !== undefined) chunks.push(chunk("PLTE", Buffer.from(form.palette)));
  if (form.transparency !== undefined) chunks.push(chunk("tRNS", Buffer.from(form.transparency)));
  return Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    ...chunks,
    chunk("IDAT", deflateSync(rows)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function packRow(target: Buffer, samples: ArrayLike<number>, from: number, count: number, depth: number): void {
  for (let i = 0; i < count; i++) {
    const value = samples[from + i]!;
    if (depth === 16) target.writeUInt16BE(value, 2 * i);
    else target[(i * depth) >> 3]! |= value << (8 - depth - ((i * depth) & 7));
  }
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const bytes = Buffer.alloc(body.byteLength + 8);
  bytes.writeUInt32BE(data.byteLength, 0);
  bytes.set(body, 4);
  bytes.writeUInt32BE(crc32(body), body.byteLength + 4);
  return bytes;
}

/**
 * A bilevel TIFF as scanners write it: one strip, uncompressed, 300 dots an inch. `bits`: 1 where the page is black.
 */
export function bilevelTiff(width: number, height: number, bits: ArrayLike<number>, whiteIsZero: boolean): Buffer {
  const rowBytes = Math.ceil(width / 8);
  const strip = Buffer.alloc(rowBytes * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if ((bits[y * width + x] === 1) === whiteIsZero) strip[y * rowBytes + (x >> 3)]! |= 0x80 >> (x & 7);
    }
  }
  return tiffFile(width, height, strip, [
    [258, SHORT, 1, 1],
    [262, SHORT, 1, whiteIsZero ? 0 : 1],
    [277, SHORT, 1, 1],
    [282, RATIO, 1, 8],
    [283, RATIO, 1, 8],
    [296, SHORT, 1, 2],
  ]);
}

/** A TIFF of CMYK without a profile; samples interleaved, 255 is full ink. */
export function cmykTiff(width: number, height: number, samples: Uint8Array): Buffer {
  return tiffFile(width, height, samples, [
    [258, SHORT, 4, 16],
    [262, SHORT, 1, 5],
    [277, SHORT, 1, 4],
    [332, SHORT, 1, 1],
  ]);
}

/** What a TIFF of any form says of itself. Numbers of tags as in TIFF 6.0. */
export interface TiffForm {
  width: number;
  height: number;
  /** The strip's bytes, little-endian. */
  strip: Uint8Array;
  bits: number;
  /** 1 black is zero, 2 RGB, 8 Lab. */
  photometric: number;
  channels: number;
  /** 1 unsigned, 2 signed, 3 floating point; one of all channels, or of each. Default 1. */
  sampleFormat?: number | readonly number[];
  /** 0 unspecified, 1 and 2 opacity. */
  extraSample?: number;
  isPlanar?: boolean;
  /** Of YCbCr, across and down. */
  subsampling?: readonly [number, number];
  /** Default 1, none. */
  compression?: number;
  /** More tags of one SHORT. */
  tags?: Readonly<Record<number, number>>;
}

export function anyTiff(form: TiffForm): Buffer {
  const { width, height, strip, bits, photometric, channels, sampleFormat = 1, extraSample, compression = 1 } = form;
  // Three and more values do not fit into a tag: they stand behind the pixels.
  const perChannel = (value: number): TiffTag[3] =>
    channels < 3 ? value * (channels === 1 ? 1 : 65_537) : Array<number>(channels).fill(value);
  return tiffFile(
    width,
    height,
    strip,
    [
      [258, SHORT, channels, perChannel(bits)],
      [262, SHORT, 1, photometric],
      [277, SHORT, 1, channels],
      [284, SHORT, 1, form.isPlanar === true ? 2 : 1],
      ...(extraSample === undefined ? [] : [[338, SHORT, 1, extraSample] as const]),
      [339, SHORT, channels, typeof sampleFormat === "number" ? perChannel(sampleFormat) : sampleFormat],
      ...Object.entries(form.tags ?? {}).map(([tag, value]) => [Number(tag), SHORT, 1, value] as const),
      ...(form.subsampling === undefined
        ? []
        : [[530, SHORT, 2, form.subsampling[0] + 65_536 * form.subsampling[1]] as const]),
    ],
    { compression, planes: form.isPlanar === true ? channels : 1 },
  );
}

const [SHORT, LONG, RATIO] = [3, 4, 5];
type TiffTag = readonly [tag: number, type: number, count: number, value: number | readonly number[]];

/** One strip a plane. Tags may point to 300/1 at 8 and to four times 8 at 16; lists of SHORT go behind the strip. */
function tiffFile(
  width: number,
  height: number,
  strip: Uint8Array,
  more: readonly TiffTag[],
  { compression = 1, planes = 1 } = {},
): Buffer {
  const head = Buffer.alloc(24);
  const plane = strip.byteLength / planes;
  const lists: Buffer[] = [Buffer.alloc(strip.byteLength % 2)];
  let end = head.byteLength + strip.byteLength + lists[0]!.byteLength;
  const list = (values: readonly number[], bytes: 2 | 4): number => {
    const data = Buffer.alloc(values.length * bytes);
    values.forEach((value, i) => data.writeUIntLE(value, i * bytes, bytes));
    lists.push(data);
    end += data.byteLength;
    return end - data.byteLength;
  };
  const starts = Array.from({ length: planes }, (_, i) => head.byteLength + i * plane);
  const tags: TiffTag[] = [
    [256, LONG, 1, width],
    [257, LONG, 1, height],
    [259, SHORT, 1, compression],
    [273, LONG, planes, planes === 1 ? starts[0]! : list(starts, 4)],
    [278, LONG, 1, height],
    [279, LONG, planes, planes === 1 ? plane : list(Array<number>(planes).fill(plane), 4)],
    ...more,
  ];
  tags.sort(([a], [b]) => a - b);
  const numbers = tags.map(([, , , value]) => (typeof value === "number" ? value : list(value, 2)));
  head.write("II*\0", 0, "latin1");
  head.writeUInt32LE(end, 4);
  head.writeUInt32LE(300, 8);
  head.writeUInt32LE(1, 12);
  for (let i = 0; i < 4; i++) head.writeUInt16LE(8, 16 + 2 * i);
  const directory = Buffer.alloc(2 + 12 * tags.length + 4);
  directory.writeUInt16LE(tags.length, 0);
  tags.forEach(([tag, type, count], index) => {
    const at = 2 + 12 * index;
    directory.writeUInt16LE(tag, at);
    directory.writeUInt16LE(type, at + 2);
    directory.writeUInt32LE(count, at + 4);
    directory.writeUInt32LE(numbers[index]!, at + 8);
  });
  return Buffer.concat([head, strip, ...lists, directory]);
}

/** A profile for gray pictures whose light is the value to the power of `gamma` (ICC.1 version 2). */
export function grayProfile(gamma: number): Buffer {
  const tag = (type: string, body: Buffer): Buffer =>
    Buffer.concat([Buffer.from(`${type}\0\0\0\0`, "latin1"), body, Buffer.alloc((4 - (body.byteLength & 3)) & 3)]);
  const description = Buffer.alloc(4 + 5 + 78);
  description.writeUInt32BE(5, 0);
  description.write("gray", 4, "latin1");
  const white = Buffer.alloc(12);
  [0.9642, 1, 0.8249].forEach((value, i) => white.writeInt32BE(Math.round(value * 65536), 4 * i));
  const curve = Buffer.alloc(6);
  curve.writeUInt32BE(1, 0);
  curve.writeUInt16BE(Math.round(gamma * 256), 4);
  const parts: [string, Buffer][] = [
    ["desc", tag("desc", description)],
    ["wtpt", tag("XYZ ", white)],
    ["kTRC", tag("curv", curve)],
    ["cprt", tag("text", Buffer.from("none\0", "latin1"))],
  ];
  const table = Buffer.alloc(4 + 12 * parts.length);
  table.writeUInt32BE(parts.length, 0);
  let offset = 128 + table.byteLength;
  parts.forEach(([name, body], index) => {
    table.write(name, 4 + 12 * index, "latin1");
    table.writeUInt32BE(offset, 8 + 12 * index);
    table.writeUInt32BE(body.byteLength, 12 + 12 * index);
    offset += body.byteLength;
  });
  const header = Buffer.alloc(128);
  header.writeUInt32BE(offset, 0);
  header.writeUInt32BE(0x02400000, 8);
  header.write("mntrGRAYXYZ ", 12, "latin1");
  header.writeUInt16BE(2026, 24);
  header.writeUInt16BE(1, 26);
  header.writeUInt16BE(1, 28);
  header.write("acsp", 36, "latin1");
  [0.9642, 1, 0.8249].forEach((value, i) => header.writeInt32BE(Math.round(value * 65536), 68 + 4 * i));
  return Buffer.concat([header, table, ...parts.map(([, body]) => body)]);
}
