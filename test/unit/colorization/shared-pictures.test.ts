/** Pictures in memory that threads share: decoded and inked into it, the same bytes as in memory of their own. */
import sharp from "sharp";
import { expect, test } from "vitest";
import type { RasterImage } from "../../../src/binding/raster.js";
import { toRgb } from "../../../src/binding/pixels/pixels.js";
import { imageHash, imageHashInPieces } from "../../../src/colorization/cobra/image-hash.js";
import { SharedPlanes } from "../../../src/colorization/networks/staging.js";
import { composeInk } from "../../../src/colorization/tasks/compose-ink.js";
import { decodedPicture } from "../../../src/colorization/tasks/prepare-decoded.js";
import { fingerprintOnce } from "../../../src/core/pages/fingerprint.js";
import { decodeImage, imageSize } from "../../../src/io/image/image-codec.js";

const [WIDTH, HEIGHT] = [90, 130];

function shared(count: number): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(count)).fill(7);
}

/** Lines on paper. */
function page(): RasterImage {
  const data = Uint8Array.from({ length: WIDTH * HEIGHT }, (_, i) => (i % 17 < 2 || i % 23 === 0 ? 20 : 250));
  return { width: WIDTH, height: HEIGHT, channels: 1, data };
}

function png({ width, height, channels, data }: RasterImage): Promise<Buffer> {
  const raw = { width, height, channels };
  return sharp(data, { raw })
    .toColourspace(channels === 1 ? "b-w" : "srgb")
    .png()
    .toBuffer();
}

const how = { keepGray: true, reduceGray: true } as const;

test("a page is decoded into memory that is large enough for it, and into its own where it is not", async () => {
  const colored = toRgb(page());
  colored.data[3 * 5000]! ^= 255;
  for (const picture of [page(), colored]) {
    const file = await png(picture);
    const into = shared(3 * WIDTH * HEIGHT + 5);
    const { image } = await decodeImage(file, "page", { ...how, into });
    expect(image.data.buffer).toBe(into.buffer);
    expect(image.channels).toBe(picture.channels);
    expect(Buffer.compare(image.data, picture.data)).toBe(0);
    expect(into.subarray(picture.data.length).every((value) => value === 7)).toBe(true);
    const small = shared(8);
    const own = (await decodeImage(file, "page", { ...how, into: small })).image;
    expect(own.data.buffer).toBeInstanceOf(ArrayBuffer);
    expect(Buffer.compare(own.data, picture.data)).toBe(0);
    expect(small.every((value) => value === 7)).toBe(true);
  }
});

test("of three channels that are equal one is kept, where that is asked for", async () => {
  const file = await png(toRgb(page()));
  const into = shared(3 * WIDTH * HEIGHT);
  const { image } = await decodeImage(file, "page", { ...how, into });
  expect(image).toMatchObject({ width: WIDTH, height: HEIGHT, channels: 1 });
  expect(Buffer.compare(image.data, page().data)).toBe(0);
  expect((await decodeImage(file, "page", { keepGray: true, into })).image.channels).toBe(3);
  expect((await decodeImage(file, "page", { keepGray: true })).image.channels).toBe(3);
});

test("ink takes the decoder's planes as it takes the picture of them, one channel as three, and writes where it is told", () => {
  const [width, height] = [72, 104];
  const planes = Float32Array.from({ length: 3 * width * height }, (_, i) => Math.sin(i / 300) * 1.1);
  const decoded = { planes, width, height };
  for (const fill of ["model", "flat"] as const) {
    const expected = composeInk({ page: toRgb(page()), picture: decodedPicture(decoded), fill });
    const into = shared(3 * WIDTH * HEIGHT);
    const out = composeInk({ page: page(), picture: decoded, fill, into });
    expect(out.data).toBe(into);
    expect(Buffer.compare(out.data, expected.data)).toBe(0);
    const again = composeInk({ page: page(), picture: decoded, fill, into: shared(8) });
    expect(again.data.buffer).toBeInstanceOf(ArrayBuffer);
    expect(Buffer.compare(again.data, expected.data)).toBe(0);
  }
});

test("the size of a PNG is the one that its decoder finds", async () => {
  const file = await png(page());
  expect(await imageSize(file)).toEqual([WIDTH, HEIGHT]);
  const turned = await sharp(file).withMetadata({ orientation: 6 }).png().toBuffer();
  expect(await imageSize(turned)).toEqual([HEIGHT, WIDTH]);
  expect(await imageSize(file.subarray(0, 20))).toEqual([0, 0]);
  const huge = Buffer.from(file);
  huge.writeUInt32BE(2 ** 30, 16);
  expect(await imageSize(huge)).toEqual([0, 0]);
});

test("a picture hashed in pieces has the hash of the whole", async () => {
  const data = Uint8Array.from({ length: 3 * 800 * 900 }, (_, i) => (i * i) & 255);
  const image = { width: 800, height: 900, channels: 3, data } as const;
  expect(await imageHashInPieces(image)).toBe(imageHash(image));
});

test("the fingerprint of the same settings is made once", () => {
  const asked: unknown[] = [];
  const fingerprint = fingerprintOnce((settings) => `${asked.push(settings)}`);
  const [first, second] = [{ seed: 1 }, { seed: 1 }] as never[];
  expect([first, second, first, second].map((one) => fingerprint(one!))).toEqual(["1", "2", "1", "2"]);
});

test("memory that is given back twice serves one page at a time", () => {
  const planes = new SharedPlanes();
  const once = planes.takeBytes(5000)!;
  planes.giveBack(once, once);
  planes.giveBack(once);
  const [first, second] = [planes.takeBytes(5000)!, planes.takeBytes(5000)!];
  expect(first.buffer).toBe(once.buffer);
  expect(second.buffer).not.toBe(once.buffer);
});
