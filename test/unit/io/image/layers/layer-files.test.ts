/** A page's layers as files: what a painting program makes of them is the coloured page. */
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { composeInkLayers } from "../../../../../src/binding/pixels/ink.js";
import { encodeLayers, inkOnNothing } from "../../../../../src/io/image/layers/layer-files.js";
import { layersFolder, planOutputNames } from "../../../../../src/io/names/output-names.js";
import { drawn } from "../../../../support/drawn-page.js";

const page = drawn(240, 320, (x, y) => (x % 60 < 3 || y % 80 < 3 ? 6 : (x + y) % 40 < 2 ? 120 : 255));
const model = drawn(120, 160, (x, y) => (x < 60 ? [220, 120, 90] : y < 80 ? [90, 140, 210] : [255, 255, 255]));

describe("encodeLayers", () => {
  it("gives three files that, laid over one another, are the coloured page but for levels in its black", async () => {
    const { image, color, ink } = composeInkLayers(page, model);
    const [original, colour, lines] = await encodeLayers(
      { page, color, ink },
      { compressionLevel: 1, density: 300, tagged: true },
      "a",
    );
    const composed = await sharp(original)
      .composite([{ input: Buffer.from(colour!) }, { input: Buffer.from(lines!) }])
      .removeAlpha()
      .raw()
      .toBuffer();
    const worst = { black: 0, other: 0 };
    image.data.forEach((value, i) => {
      const where = page.data[i]! <= 24 ? "black" : "other";
      worst[where] = Math.max(worst[where], Math.abs(composed[i]! - value));
    });
    expect(worst.black).toBeLessThanOrEqual(24);
    expect(worst.other).toBeLessThanOrEqual(3);
    for (const file of [original, colour, lines])
      expect(await sharp(file).metadata()).toMatchObject({
        format: "png",
        width: 240,
        height: 320,
        density: 300,
        hasProfile: true,
      });
    expect((await sharp(lines).metadata()).hasAlpha).toBe(true);
    expect((await sharp(colour).metadata()).hasAlpha).toBe(false);
  });
});

describe("inkOnNothing", () => {
  it("is black of varying opacity where the ink is gray, in two channels", () => {
    const { channels, data } = inkOnNothing(drawn(4, 1, (x) => [0, 100, 254, 255][x]!));
    expect([channels, [...data]]).toEqual([2, [0, 255, 0, 155, 0, 1, 0, 0]]);
  });

  it("looks over white as the ink is, also where it has colour", () => {
    const ink = drawn(64, 64, (x, y) => [x * 4, y * 4, (x + y) * 2]);
    const { channels, data } = inkOnNothing(ink);
    expect(channels).toBe(4);
    let worst = 0;
    for (let i = 0; i < 64 * 64; i++)
      for (let c = 0; c < 3; c++)
        worst = Math.max(
          worst,
          Math.abs(255 + (data[4 * i + 3]! * (data[4 * i + c]! - 255)) / 255 - ink.data[3 * i + c]!),
        );
    expect(worst).toBeLessThanOrEqual(1);
  });
});

describe("folders of layers", () => {
  it("are never the same for two pages", async () => {
    const names = ["a/001.png", "a/001.jpg", "001.png", "A/001.PNG"];
    const planned = await planOutputNames(names, { layerFolders: true });
    expect(planned).toEqual([
      "a/001_colorized.png",
      "a/001_colorized_1.jpg",
      "001_colorized.png",
      "A/001_colorized_2.PNG",
    ]);
    expect(new Set(planned.map((name) => layersFolder(name).toLowerCase())).size).toBe(4);
    expect(await planOutputNames(names)).toEqual([
      "a/001_colorized.png",
      "a/001_colorized.jpg",
      "001_colorized.png",
      "A/001_colorized_1.PNG",
    ]);
  });
});
