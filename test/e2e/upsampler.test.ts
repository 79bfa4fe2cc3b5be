/**
 * A package may leave its guided upsampler out of pictures with the page's own ink: their colours stay, Cobra's
 * costliest stage goes.
 */
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { RasterImage } from "../../src/binding/index.js";
import { Engine } from "../../src/colorization/engine.js";
import type { RasterResult } from "../../src/colorization/cobra/raster-request.js";
import type { Ink } from "../../src/config/batch-config.js";
import { decodeImage } from "../../src/io/image/image-codec.js";
import { embeddedModelDirectory } from "../../src/model/default-model.js";
import { colourPage, linePage } from "../support/chapter.js";
import { ONE_THREAD } from "../support/shared-models.js";

let folder: string;
let page: RasterImage;
let reference: RasterImage;
let whole: Record<Ink, Coloured>;
let without: Record<Ink, Coloured>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cobra-upsampler-"));
  page = (await decodeImage(await linePage(1), "page")).image;
  reference = (await decodeImage(await colourPage(1), "ref")).image;
  await cp(embeddedModelDirectory(), join(folder, "without"), { recursive: true });
  const path = join(folder, "without/manifest.json");
  const manifest = JSON.parse(await readFile(path, "utf8")) as { upsampler: object };
  manifest.upsampler = { ...manifest.upsampler, pageInk: false };
  await writeFile(path, JSON.stringify(manifest));
  whole = await colour(embeddedModelDirectory());
  without = await colour(join(folder, "without"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Coloured {
  readonly result: RasterResult;
  /** Runs of the upsampler. */
  readonly upsampled: number;
}

/** The page with the model in a folder, with its own ink and with the model's. */
async function colour(model: string): Promise<Record<Ink, Coloured>> {
  await using engine = await Engine.open({ model, session: ONE_THREAD });
  using references = engine.references([{ name: "ref", image: { ...reference, data: reference.data.slice() } }]);
  const runs = (): number => engine.stats().runs.guided_upsampler?.runs ?? 0;
  const inked = async (ink: Ink): Promise<Coloured> => {
    const before = runs();
    const data = page.data.slice();
    const request = { page: { ...page, data }, style: "line + shadow", seed: 1, steps: 1, topK: 1, ink } as const;
    const result = await engine.colorize(references, request);
    return { result, upsampled: runs() - before };
  };
  return { page: await inked("page"), model: await inked("model") };
}

/** Mean difference of the samples, and of the two colour differences R - G and B - G. */
function differences(a: RasterImage, b: RasterImage): { samples: number; chroma: number } {
  let [samples, chroma] = [0, 0];
  for (let at = 0; at < a.data.length; at += 3) {
    const delta = [0, 1, 2].map((c) => a.data[at + c]! - b.data[at + c]!) as [number, number, number];
    samples += Math.abs(delta[0]) + Math.abs(delta[1]) + Math.abs(delta[2]);
    chroma += Math.abs(delta[0] - delta[1]) + Math.abs(delta[2] - delta[1]);
  }
  return { samples: samples / a.data.length, chroma: chroma / ((a.data.length / 3) * 2) };
}

it("keeps the picture's size and colours without the upsampler, with the embedded model", () => {
  expect([whole.page.upsampled, without.page.upsampled]).toEqual([1, 0]);
  const { image } = without.page.result;
  expect([image.width, image.height]).toEqual([page.width, page.height]);
  const found = differences(whole.page.result.image, image);
  // Measured: 7.5 and 10.4 of 255; what its upsampler adds is not only sharpness, and a wrong colour would be tens.
  expect(found.samples).toBeLessThan(10);
  expect(found.chroma).toBeLessThan(15);
});

it("still upsamples the model's own picture", () => {
  expect(without.model.upsampled).toBe(1);
  expect(differences(whole.model.result.image, without.model.result.image).samples).toBe(0);
});
