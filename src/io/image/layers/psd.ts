/**
 * Writes layered pictures as PSD (Adobe Photoshop File Formats Specification), version 1, RGB of 8 bits, PackBits. What
 * painting programs need and nothing more: layers with name, blend mode and visibility, the flattened picture,
 * resolution and profile.
 */
import type { RasterImage } from "../../../binding/raster.js";
import { ImageProcessingError } from "../../../errors.js";

/** How a layer lies on those below it. */
type BlendMode = "normal" | "multiply";

interface PsdLayer {
  readonly name: string;
  /** RGB or gray, of the document's size. */
  readonly image: RasterImage;
  readonly blend: BlendMode;
  readonly visible?: boolean;
}

export interface PsdDocument {
  /** The flattened picture: what programs show that read no layers. */
  readonly image: RasterImage;
  /** From the bottom up. */
  readonly layers: readonly PsdLayer[];
  /** Pixels per inch. */
  readonly density?: number | undefined;
  /** Embedded; the pixels are already in it. */
  readonly icc?: Uint8Array | undefined;
}

const BLEND_KEYS: Readonly<Record<BlendMode, string>> = { normal: "norm", multiply: "mul " };
/** The format's greatest side in pixels. */
const LONGEST_SIDE = 30_000;
const LARGEST_BYTES = 2 ** 31 - 1;

/** The file's bytes. `name` is what messages call it. Throws `ERR_IMAGE_ENCODE` for what the format cannot hold. */
export function encodePsd({ image, layers, density, icc }: PsdDocument, name = "picture"): Uint8Array<ArrayBuffer> {
  const { width, height } = image;
  if (Math.max(width, height) > LONGEST_SIDE) {
    throw new ImageProcessingError(
      "ERR_IMAGE_ENCODE",
      `${name} (${width}x${height}) cannot be encoded as psd, which has at most ${LONGEST_SIDE} pixels a side`,
      { imagePath: name, remedy: "choose png" },
    );
  }
  const header = bytes("8BPS", u16(1), new Uint8Array(6), u16(3), u32(height), u32(width), u16(8), u16(3), u32(0));
  const resources = bytes(
    ...(density === undefined
      ? []
      : [
          resource(
            0x03ed,
            bytes(u32(Math.round(density * 65536)), u16(1), u16(2), u32(Math.round(density * 65536)), u16(1), u16(2)),
          ),
        ]),
    ...(icc === undefined ? [] : [resource(0x040f, icc)]),
  );
  const packed = layers.map((layer) => ({
    layer,
    channels: [0, 1, 2].map((channel) => packChannel(layer.image, channel)),
  }));
  const records = bytes(
    u16(layers.length),
    ...packed.map(({ layer, channels }) => layerRecord(layer, channels)),
    ...packed.flatMap(({ channels }) => channels.flatMap(({ counts, data }) => [u16(1), counts, data])),
  );
  const even = bytes(records, new Uint8Array(records.byteLength & 1));
  const merged = [0, 1, 2].map((channel) => packChannel(image, channel));
  const parts = [
    header,
    u32(resources.byteLength),
    resources,
    u32(even.byteLength + 8),
    u32(even.byteLength),
    even,
    u32(0),
    u16(1),
    ...merged.map(({ counts }) => counts),
    ...merged.map(({ data }) => data),
  ];
  const size = parts.reduce((sum, part) => sum + part.byteLength, 0);
  if (size > LARGEST_BYTES)
    throw new ImageProcessingError(
      "ERR_IMAGE_ENCODE",
      `${name} (${width}x${height}) would be ${size} bytes as psd, which has at most ${LARGEST_BYTES}`,
      { imagePath: name, remedy: "choose png" },
    );
  return bytes(...parts);
}

function layerRecord({ name, image, blend, visible = true }: PsdLayer, channels: readonly PackedChannel[]): Uint8Array {
  const latin = Buffer.from(name, "latin1").subarray(0, 255);
  const label = bytes(Uint8Array.of(latin.byteLength), latin, new Uint8Array((4 - ((latin.byteLength + 1) & 3)) & 3));
  const unicode = Buffer.from(name, "utf16le").swap16();
  const title = bytes(
    "8BIMluni",
    u32(4 + unicode.byteLength + (unicode.byteLength & 2)),
    u32(name.length),
    unicode,
    new Uint8Array(unicode.byteLength & 2),
  );
  const extra = bytes(u32(0), u32(0), label, title);
  return bytes(
    ...[0, 0, image.height, image.width].map(u32),
    u16(3),
    ...channels.flatMap(({ counts, data }, channel) => [u16(channel), u32(2 + counts.byteLength + data.byteLength)]),
    "8BIM",
    BLEND_KEYS[blend],
    Uint8Array.of(255, 0, visible ? 8 : 10, 0),
    u32(extra.byteLength),
    extra,
  );
}

function resource(id: number, data: Uint8Array): Uint8Array {
  return bytes("8BIM", u16(id), u16(0), u32(data.byteLength), data, new Uint8Array(data.byteLength & 1));
}

interface PackedChannel {
  /** Packed bytes of each row, 16 bits each. */
  readonly counts: Uint8Array;
  readonly data: Uint8Array;
}

/** One channel, row by row in PackBits: runs of three and more as count and value, the rest as they are. */
function packChannel({ width, height, channels, data }: RasterImage, wanted: number): PackedChannel {
  const channel = Math.min(wanted, channels - 1);
  const counts = new Uint8Array(2 * height);
  let out = new Uint8Array(Math.max(1024, Math.ceil(width * height * 0.5)));
  let to = 0;
  const row = new Uint8Array(width);
  for (let y = 0; y < height; y++) {
    for (let x = 0, from = y * width * channels + channel; x < width; x++, from += channels) row[x] = data[from]!;
    if (to + 2 * width + 2 > out.byteLength) {
      const larger = new Uint8Array(Math.max(out.byteLength * 2, to + 2 * width + 2));
      larger.set(out.subarray(0, to));
      out = larger;
    }
    const start = to;
    to = packRow(row, out, to);
    counts[2 * y] = (to - start) >> 8;
    counts[2 * y + 1] = (to - start) & 255;
  }
  return { counts, data: out.subarray(0, to) };
}

function packRow(row: Uint8Array, out: Uint8Array, start: number): number {
  let to = start;
  let literal = -1;
  for (let x = 0; x < row.length;) {
    let end = x + 1;
    while (end < row.length && end - x < 128 && row[end] === row[x]) end++;
    if (end - x >= 3) {
      out[to++] = 257 - (end - x);
      out[to++] = row[x]!;
      literal = -1;
      x = end;
      continue;
    }
    if (literal < 0 || out[literal] === 127) {
      literal = to++;
      out[literal] = 255; // one less than the first byte makes it
    }
    out[literal] = (out[literal]! + 1) & 255;
    out[to++] = row[x++]!;
  }
  return to;
}

function u16(value: number): Uint8Array {
  return Uint8Array.of((value >> 8) & 255, value & 255);
}

function u32(value: number): Uint8Array {
  return Uint8Array.of((value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
}

/** All parts in a row; text as Latin-1. */
function bytes(...parts: readonly (Uint8Array | string)[]): Uint8Array<ArrayBuffer> {
  const arrays = parts.map((part) => (typeof part === "string" ? Buffer.from(part, "latin1") : part));
  const all = new Uint8Array(arrays.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of arrays) {
    all.set(part, at);
    at += part.byteLength;
  }
  return all;
}
