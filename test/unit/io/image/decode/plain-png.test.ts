/** PNG of RGB read without sharp: the pixels that sharp gives, or nothing. */
import { crc32, deflateSync } from "node:zlib";
import * as fc from "fast-check";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { decodePlainPng } from "../../../../../src/io/image/decode/plain-png.js";

const LIMIT = 1_000_000;
type Chunk = readonly [type: string, data: Uint8Array];

function file(chunks: readonly Chunk[]): Uint8Array {
  const parts = chunks.flatMap(([type, data]) => {
    const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(body));
    return [length, body, sum];
  });
  return new Uint8Array(Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), ...parts]));
}

function header(width: number, height: number, last: readonly number[] = [8, 2, 0, 0, 0]): Chunk {
  const data = Buffer.alloc(13);
  data.writeUInt32BE(width);
  data.writeUInt32BE(height, 4);
  data.set(last, 8);
  return ["IHDR", data];
}

const END: Chunk = ["IEND", new Uint8Array(0)];
const DENSITY: Chunk = ["pHYs", Buffer.from([0, 0, 0x2e, 0x23, 0, 0, 0x2e, 0x23, 1])];

/** Rows with the numbers of their filters. The bytes are what any filter may have given. */
function rowsOf(width: number, filters: readonly number[], seed: number): Uint8Array {
  let state = seed;
  return Uint8Array.from(
    filters.flatMap((filter) => [
      filter,
      ...Array.from({ length: width * 3 }, () => {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
        // Values far apart and near each other: the predictor's ties are among them.
        return (state >>> 28) % 3 === 0 ? state >>> 24 : (state >>> 24) & 3;
      }),
    ]),
  );
}

/** Compressed data in chunks of `pieceBytes`. */
function pieces(rows: Uint8Array, pieceBytes = Infinity): Chunk[] {
  const data = deflateSync(rows);
  if (pieceBytes === Infinity) return [["IDAT", data]];
  return Array.from({ length: Math.ceil(data.length / pieceBytes) }, (_, i) => [
    "IDAT",
    data.subarray(i * pieceBytes, (i + 1) * pieceBytes),
  ]);
}

async function bySharp(
  bytes: Uint8Array,
): Promise<{ width: number; height: number; channels: number; data: number[] }> {
  const { data, info } = await sharp(bytes, { ignoreIcc: true, failOn: "warning" })
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, channels: info.channels, data: [...data] };
}

async function here(bytes: Uint8Array): Promise<unknown> {
  const image = await decodePlainPng(bytes, LIMIT);
  return image && { ...image, data: [...image.data] };
}

describe("a PNG of RGB", () => {
  it("has sharp's pixels, whatever the filters, the width and the pieces of its data", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 40 }),
        fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 30 }),
        fc.nat(),
        fc.constantFrom(1, 7, 100, Infinity),
        async (width, filters, seed, pieceBytes) => {
          const idat = pieces(rowsOf(width, filters, seed), pieceBytes);
          const bytes = file([header(width, filters.length), DENSITY, ...idat, END]);
          expect(await here(bytes)).toEqual(await bySharp(bytes));
        },
      ),
      { numRuns: 150 },
    );
  });

  it("is read where sharp reads it, when a byte is wrong or the end is missing; with sharp's pixels", async () => {
    const rows = rowsOf(5, [4, 3, 2, 1, 0], 1);
    const chunks = [header(5, 5), DENSITY, ...pieces(rows, 40), END];
    const bytes = file(chunks);
    expect(await here(bytes)).toBeDefined();
    for (let length = 0; length < bytes.length; length++)
      expect(await decodePlainPng(bytes.subarray(0, length), LIMIT)).toBeUndefined();
    const changed = function* (): Generator<Uint8Array> {
      for (let at = 0; at < bytes.length; at++)
        yield bytes.map((value, index) => (index === at ? value ^ 0x24 : value));
      // With the checksum of the chunk made to fit.
      for (const [number, [type, data]] of chunks.entries())
        for (let at = 0; at < data.length; at++)
          for (const bit of [1, 0x10, 0x80])
            yield file(chunks.with(number, [type, data.map((value, index) => (index === at ? value ^ bit : value))]));
    };
    let read = 0;
    for (const damaged of changed()) {
      const image = await here(damaged);
      if (image === undefined) continue;
      read += 1;
      expect(image).toEqual(await bySharp(damaged));
    }
    expect(read).toBeGreaterThan(0); // another density
  });

  const rows = rowsOf(6, [0, 4, 4], 3);
  const idat = pieces(rows);
  const compressed = idat[0]![1];
  it.each<readonly [string, readonly Chunk[]]>([
    ["with another depth", [header(3, 3, [16, 2, 0, 0, 0]), ...idat, END]],
    ["of gray", [header(18, 3, [8, 0, 0, 0, 0]), ...idat, END]],
    ["interlaced", [header(6, 3, [8, 2, 0, 0, 1]), ...idat, END]],
    ["with a transparent colour", [header(6, 3), ["tRNS", new Uint8Array(6)], ...idat, END]],
    ["with a palette", [header(6, 3), ["PLTE", new Uint8Array(6)], ...idat, END]],
    ["with a chunk that nobody knows", [header(6, 3), ["abCd", new Uint8Array(6)], ...idat, END]],
    ["with a second header", [header(6, 3), header(6, 3), ...idat, END]],
    ["without a header", [...idat, END]],
    ["without data", [header(6, 3), END]],
    ["with something between its data", [header(6, 3), ...pieces(rows, 9).toSpliced(1, 0, DENSITY), END]],
    ["with a row too few", [header(6, 4), ...idat, END]],
    ["with a row too many", [header(6, 2), ...idat, END]],
    ["with bytes after its data", [header(6, 3), ["IDAT", Buffer.concat([compressed, Buffer.from("x")])], END]],
    ["with a filter that there is not", [header(6, 3), ...pieces(rowsOf(6, [0, 5, 0], 3)), END]],
    ["of no size", [header(0, 3), ...idat, END]],
    ["of a size that no memory holds", [header(0x7fffffff, 0x7fffffff), ...idat, END]],
  ])("%s is left to sharp", async (_, chunks) => {
    expect(await decodePlainPng(file(chunks), LIMIT)).toBeUndefined();
  });

  it("of more pixels than the limit is left to sharp", async () => {
    const bytes = file([header(6, 3), ...idat, END]);
    expect(await decodePlainPng(bytes, 18)).toBeDefined();
    expect(await decodePlainPng(bytes, 17)).toBeUndefined();
  });
});
