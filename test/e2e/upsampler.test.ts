/**
 * A package may leave its guided upsampler out of pictures with the page's own ink: their colours stay, Cobra's
 * costliest stage goes.
 */
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import type { RasterImage } from "../../src/binding/index.js";
import { Engine } from "../../src/colorization/engine.js";
import type { RasterResult } from "../../src/colorization/cobra/raster-request.js";
import type { Ink } from "../../src/config/batch-config.js";
import { decodeImage } from "../../src/io/image/image-codec.js";
import { embeddedModelDirectory } from "../../src/model/default-model.js";
import { colourPage, linePage } from "../support/chapter.js";

// The embedded model colours four pages here, on machines that may be busy.
vi.setConfig({ testTimeout: 240_000 });

let folder: string;
let page: RasterImage;
let reference: RasterImage;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cobra-upsampler-"));
  page = (await decodeImage(await linePage(1), "page")).image;
  reference = (await decodeImage(await colourPage(1), "ref")).image;
  await cp(embeddedModelDirectory(), join(folder, "without"), { recursive: true });
  const path = join(folder, "without/manifest.json");
  const manifest = JSON.parse(await readFile(path, "utf8")) as { upsampler: object };
  manifest.upsampler = { ...manifest.upsampler, pageInk: false };
  await writeFile(path, JSON.stringify(manifest));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function colour(model: string, ink: Ink): Promise<{ result: RasterResult; upsampled: number }> {
  await using engine = await Engine.open({ model });
  using references = engine.references([{ name: "ref", image: { ...reference, data: reference.data.slice() } }]);
  const result = await engine.colorize(references, {
    page: { ...page, data: page.data.slice() },
    style: "line + shadow",
    seed: 1,
    steps: 1,
    topK: 1,
    ink,
  });
  return { result, upsampled: engine.stats().runs.guided_upsampler?.runs ?? 0 };
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

it("keeps the picture's size and colours without the upsampler, with the embedded model", async () => {
  const [with_, without] = [
    await colour(embeddedModelDirectory(), "page"),
    await colour(join(folder, "without"), "page"),
  ];
  expect([with_.upsampled, without.upsampled]).toEqual([1, 0]);
  expect([without.result.image.width, without.result.image.height]).toEqual([page.width, page.height]);
  const found = differences(with_.result.image, without.result.image);
  // Measured: 6.0 of 255; what its upsampler adds is not only sharpness, and a wrong colour would be tens.
  expect(found.samples).toBeLessThan(10);
  expect(found.chroma).toBeLessThan(10);
});

it("still upsamples the model's own picture", async () => {
  const [whole, model] = [
    await colour(embeddedModelDirectory(), "model"),
    await colour(join(folder, "without"), "model"),
  ];
  expect(model.upsampled).toBe(1);
  expect(differences(whole.result.image, model.result.image).samples).toBe(0);
});
