/** Reads the golden data under test/golden/data: tensors of safetensors files and 8-bit pictures. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { expect } from "vitest";
import type { PixelImage } from "../../src/binding/pixels/pixels.js";

/** Path of a golden file. */
export function goldenPath(name: string): string {
  return fileURLToPath(new URL(`../golden/data/${name}`, import.meta.url));
}

/** The tensors of one safetensors file. */
export interface GoldenTensors {
  /** An F32 tensor. */
  floats(key: string): Float32Array;
  /** An I32 or I64 tensor. */
  integers(key: string): number[];
}

interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

export function readTensors(name: string): GoldenTensors {
  const bytes = readFileSync(goldenPath(name));
  const headerEnd = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString("utf8", 8, headerEnd)) as Record<string, Entry>;
  const part = (key: string, dtypes: readonly string[]): { dtype: string; buffer: ArrayBuffer } => {
    const entry = header[key];
    if (!entry || !dtypes.includes(entry.dtype)) throw new Error(`${name} has no ${dtypes.join(" or ")} tensor ${key}`);
    const [start, end] = entry.data_offsets;
    return { dtype: entry.dtype, buffer: new Uint8Array(bytes.subarray(headerEnd + start, headerEnd + end)).buffer };
  };
  return {
    floats: (key) => new Float32Array(part(key, ["F32"]).buffer),
    integers: (key) => {
      const { dtype, buffer } = part(key, ["I32", "I64"]);
      return dtype === "I32" ? Array.from(new Int32Array(buffer)) : Array.from(new BigInt64Array(buffer), Number);
    },
  };
}

/** A golden PNG in three channels. */
export async function readRgb(name: string): Promise<PixelImage<3>> {
  const { data, info } = await sharp(goldenPath(name))
    .toColourspace("srgb")
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, channels: 3, data: new Uint8Array(data) };
}

/** A golden PNG in one channel. */
export async function readGray(name: string): Promise<PixelImage<1>> {
  const { data, info } = await sharp(goldenPath(name)).toColourspace("b-w").raw().toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, channels: 1, data: new Uint8Array(data) };
}

/** Cuts a PNG of `count` pictures on top of each other. */
export function unstack<C extends 1 | 3>(stacked: PixelImage<C>, count: number): PixelImage<C>[] {
  const height = stacked.height / count;
  const bytes = stacked.width * height * stacked.channels;
  return Array.from({ length: count }, (_, i) => ({
    ...stacked,
    height,
    data: stacked.data.slice(i * bytes, (i + 1) * bytes),
  }));
}

/** Largest absolute difference of two arrays of the same length. */
export function maxDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let worst = 0;
  for (let i = 0; i < a.length; i++) worst = Math.max(worst, Math.abs(a[i]! - b[i]!));
  return worst;
}

/**
 * Asserts that two pictures, or two lists of pictures, are the same to the bit. Much faster than `toEqual` on pixels.
 */
export function expectSamePictures(
  actual: PixelImage | readonly PixelImage[],
  wanted: PixelImage | readonly PixelImage[],
): void {
  const [a, b] = [[actual].flat(), [wanted].flat()] as [PixelImage[], PixelImage[]];
  const shape = ({ width, height, channels }: PixelImage): string => `${width} x ${height} x ${channels}`;
  expect(a.map(shape)).toEqual(b.map(shape));
  a.forEach((picture, i) =>
    expect({ picture: i, worst: maxDifference(picture.data, b[i]!.data) }).toEqual({ picture: i, worst: 0 }),
  );
}
