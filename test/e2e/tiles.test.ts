// Strips and spreads through the engine: coloured in tiles, whole again afterwards, with the page's own ink.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RasterImage } from "../../src/binding/index.js";
import { Engine } from "../../src/colorization/engine.js";
import type { RasterRequest } from "../../src/colorization/cobra/raster-request.js";
import { decodeImage } from "../../src/io/image/image-codec.js";
import { colourPage } from "../support/chapter.js";
import { drawn, type Picture } from "../support/drawn-page.js";
import { ONE_THREAD, TINY_MODEL } from "../support/shared-models.js";

let engine: Engine;
let reference: RasterImage;
/** The strip as the first test has coloured it. */
let plain: RasterImage;

beforeAll(async () => {
  reference = (await decodeImage(await colourPage(1), "ref")).image; // drawn before an engine is open: afterwards sharp reads no SVG
  engine = await Engine.open({ model: TINY_MODEL, session: ONE_THREAD });
});

afterAll(() => engine.close());

/** Framed panels of hatching with gutters of 12 pixels, every 110. */
const isInk = (x: number, y: number): boolean =>
  y % 110 >= 12 && (x < 3 || x > 116 || y % 110 < 15 || y % 110 > 106 || (x + y) % 11 < 2);
const strip = (): Picture => drawn(120, 1500, (x, y) => (isInk(x, y) ? 0 : 255));
const request = (page: Picture, more: Partial<RasterRequest> = {}): RasterRequest => ({
  page,
  style: "line",
  seed: 1,
  steps: 2,
  topK: 1,
  ...more,
});

async function colorize(
  more: Partial<RasterRequest> = {},
  page = strip(),
): Promise<Awaited<ReturnType<Engine["colorize"]>>> {
  using references = engine.references([{ name: "ref", image: reference }]);
  return await engine.colorize(references, request(page, more));
}

describe("a strip", () => {
  it("is coloured in tiles, has its own size and ink, and tells steps over all tiles", async () => {
    const steps: [number, number][] = [];
    const { image, tiles, references } = await colorize({
      onStage: (stage, step, of) => void (stage === "denoise" && steps.push([step!, of!])),
    });
    plain = image;
    expect(tiles).toBeGreaterThan(6);
    expect([image.width, image.height]).toEqual([120, 1500]);
    expect(steps).toEqual(Array.from({ length: tiles * 2 }, (_, i) => [i + 1, tiles * 2]));
    expect(references).toHaveLength(tiles * 4);
    const lost = Array.from({ length: 120 * 1500 }, (_, i) => i).filter(
      (i) => isInk(i % 120, Math.floor(i / 120)) && image.data[3 * i]! > 0,
    );
    expect(lost).toEqual([]);
  });

  it('gives the model\'s own picture of the whole strip with ink "model"', async () => {
    const { image } = await colorize({ ink: "model", steps: 1 });
    expect(image.height / image.width).toBeCloseTo(1500 / 120, 1);
  });

  it("is the same to the bit again, and another with a hint in its last tile only there", async () => {
    expect(Buffer.compare((await colorize()).image.data, plain.data)).toBe(0);
    const hinted = await colorize({ hints: [{ x: 48, y: 125, color: [255, 0, 0] }] });
    const half = 120 * 750 * 3;
    expect(Buffer.compare(hinted.image.data.subarray(0, half), plain.data.subarray(0, half))).toBe(0);
    expect(Buffer.compare(hinted.image.data, plain.data)).not.toBe(0);
  }, 240_000);

  it("can be cancelled between tiles", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    await expect(
      colorize({
        signal: controller.signal,
        onStage: (stage, step) => void (stage === "denoise" && step === 5 && controller.abort(reason)),
      }),
    ).rejects.toBe(reason);
  });
});

describe("a spread", () => {
  it("with a gutter is two tiles, without one a page", async () => {
    const spread = (gutter: boolean): Picture =>
      drawn(420, 300, (x, y) => (gutter && x > 200 && x < 216 ? 255 : (x + y) % 13 < 3 ? 0 : 255));
    expect((await colorize({ steps: 1 }, spread(true))).tiles).toBe(2);
    expect((await colorize({ steps: 1 }, spread(false))).tiles).toBe(1);
  });
});
