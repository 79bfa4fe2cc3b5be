/** Layered documents, read back by the format's specification. */
import { describe, expect, it } from "vitest";
import { composeInkLayers } from "../../../../../src/binding/pixels/ink.js";
import { encodePsd } from "../../../../../src/io/image/layers/psd.js";
import { drawn, noise, type Picture } from "../../../../support/drawn-page.js";

/** What a reader sees of a PSD of three 8-bit channels. */
function readPsd(file: Uint8Array): {
  width: number;
  height: number;
  image: Uint8Array;
  layers: { name: string; blend: string; hidden: boolean; data: Uint8Array }[];
  resources: number[];
} {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const text = (at: number, length: number): string => Buffer.from(file.subarray(at, at + length)).toString("latin1");
  expect([text(0, 4), view.getUint16(4), view.getUint16(12), view.getUint16(22), view.getUint16(24)]).toEqual([
    "8BPS",
    1,
    3,
    8,
    3,
  ]);
  const [height, width] = [view.getUint32(14), view.getUint32(18)];
  let at = 30;
  const resourcesEnd = at + 4 + view.getUint32(at);
  const resources: number[] = [];
  for (at += 4; at < resourcesEnd;) {
    expect(text(at, 4)).toBe("8BIM");
    resources.push(view.getUint16(at + 4));
    at += 12 + view.getUint32(at + 8) + (view.getUint32(at + 8) & 1);
  }
  const layersEnd = at + 4 + view.getUint32(at);
  at += 8;
  const count = view.getUint16(at);
  at += 2;
  const records = Array.from({ length: count }, () => {
    expect([0, 4, 8, 12].map((offset) => view.getUint32(at + offset))).toEqual([0, 0, height, width]);
    const channels = Array.from({ length: view.getUint16(at + 16) }, (_, i) => view.getUint32(at + 20 + 6 * i));
    const blendAt = at + 18 + 6 * channels.length;
    const nameAt = blendAt + 24;
    const record = {
      blend: text(blendAt + 4, 4),
      hidden: (file[blendAt + 10]! & 2) !== 0,
      name: text(nameAt + 1, file[nameAt]!),
      channels,
    };
    at = blendAt + 16 + view.getUint32(blendAt + 12);
    return record;
  });
  const unpack = (start: number, counts: number[]): Uint8Array => {
    const plane = new Uint8Array(width * height);
    let from = start;
    counts.forEach((length, y) => {
      let to = y * width;
      for (const end = from + length; from < end;) {
        const head = view.getInt8(from++);
        if (head >= 0) for (let i = 0; i <= head; i++) plane[to++] = file[from++]!;
        else {
          plane.fill(file[from]!, to, to + 1 - head);
          to += 1 - head;
          from++;
        }
      }
      expect(to).toBe((y + 1) * width);
    });
    return plane;
  };
  const interleave = (planes: Uint8Array[]): Uint8Array =>
    Uint8Array.from({ length: width * height * 3 }, (_, i) => planes[i % 3]![Math.floor(i / 3)]!);
  const rows = (start: number): number[] => Array.from({ length: height }, (_, y) => view.getUint16(start + 2 * y));
  const layers = records.map(({ channels, ...record }) => {
    const planes = channels.map((length) => {
      expect(view.getUint16(at)).toBe(1);
      const plane = unpack(at + 2 + 2 * height, rows(at + 2));
      at += length;
      return plane;
    });
    return { ...record, data: interleave(planes) };
  });
  expect(layersEnd - at).toBeLessThan(6);
  at = layersEnd;
  expect(view.getUint16(at)).toBe(1);
  let from = at + 2 + 6 * height;
  const planes = [0, 1, 2].map((channel) => {
    const counts = rows(at + 2 + 2 * height * channel);
    const plane = unpack(from, counts);
    from += counts.reduce((sum, length) => sum + length, 0);
    return plane;
  });
  expect(from).toBe(file.byteLength);
  return { width, height, image: interleave(planes), layers, resources };
}

const random = (seed: number, runs: boolean): Picture => {
  const values = noise(seed);
  let last = 0;
  return drawn(301, 40, () =>
    runs && values.next().value < 0.9 ? last : (last = Math.floor(values.next().value * 256)),
  );
};

describe("encodePsd", () => {
  it("gives layers and picture back to the byte, whatever they hold: runs, noise, one pixel", () => {
    for (const [image, other] of [
      [random(1, true), random(2, false)],
      [drawn(1, 1, () => 9), drawn(1, 1, () => 200)],
      [drawn(1000, 3, () => 255), drawn(1000, 3, (x) => x % 2)],
    ] as const) {
      const file = encodePsd({
        image,
        layers: [
          { name: "Original", image: other, blend: "normal" },
          { name: "Tinte é", image, blend: "multiply", visible: false },
        ],
        density: 300,
        icc: new Uint8Array(7),
      });
      const read = readPsd(file);
      expect([read.width, read.height, read.resources]).toEqual([image.width, image.height, [0x03ed, 0x040f]]);
      expect(Buffer.compare(read.image, image.data)).toBe(0);
      expect(read.layers.map(({ name, blend, hidden }) => [name, blend, hidden])).toEqual([
        ["Original", "norm", false],
        ["Tinte é", "mul ", true],
      ]);
      expect(Buffer.compare(read.layers[0]!.data, other.data)).toBe(0);
      expect(Buffer.compare(read.layers[1]!.data, image.data)).toBe(0);
    }
  });

  it("refuses a side above 30,000", () => {
    expect(() => encodePsd({ image: drawn(30_001, 1, () => 0), layers: [] }, "long")).toThrow(
      expect.objectContaining({ code: "ERR_IMAGE_ENCODE", imagePath: "long" }),
    );
  });
});

describe("composeInkLayers", () => {
  it("ink times colour is the coloured page, but for levels in its black", () => {
    const page = drawn(240, 320, (x, y) =>
      x % 60 < 3 || y % 80 < 3 ? [8, 6, 4] : (x + y) % 40 < 2 ? [120, 110, 90] : [248, 240, 220],
    );
    const model = drawn(120, 160, (x, y) => (x < 60 ? [220, 120, 90] : y < 80 ? [90, 140, 210] : [255, 255, 255]));
    const { image, color, ink } = composeInkLayers(page, model);
    let worst = 0;
    image.data.forEach((value, i) => {
      const product = (color.data[i]! * ink.data[i]!) / 255;
      if (page.data[i]! > 60) worst = Math.max(worst, Math.abs(product - value));
      else expect(Math.abs(product - value)).toBeLessThan(24);
    });
    expect(worst).toBeLessThanOrEqual(3);
  });
});
