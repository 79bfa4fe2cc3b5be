/** The null model: Cobra's page sizes, networks that do nothing, and still a whole page. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Engine } from "../../../src/colorization/engine.js";
import { buildNullPackage } from "../../../src/convert/null-model.js";
import { PRESETS } from "../../../src/convert/presets.js";

let folder: string;
let engine: Engine;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cobra-null-"));
  await buildNullPackage(join(folder, "null"));
  engine = await Engine.open({ model: join(folder, "null"), workers: 1, session: { intraOpThreads: 1 } });
});

afterAll(async () => {
  await engine?.close();
  await rm(folder, { recursive: true, force: true });
});

it("has Cobra's page sizes and both styles, and says that it is untrained", () => {
  const { manifest } = engine.model;
  expect(manifest.buckets).toEqual(PRESETS.full.buckets);
  expect(engine.styles).toEqual(["line", "line + shadow"]);
  expect(manifest.trained).toBe(false);
});

it("colours a page through every network", async () => {
  const raster = (width: number, height: number) =>
    ({ width, height, channels: 3, data: new Uint8Array(width * height * 3).fill(200) }) as const;
  const references = engine.references([{ name: "one", image: raster(300, 400) }]);
  const { image } = await engine.colorize(references, {
    page: raster(330, 470),
    style: "line",
    seed: 1,
    steps: 2,
    topK: 1,
    ink: "model", // as in Cobra, the upsampler has no part in pictures with the page's own ink
  });
  expect(image.width * image.height).toBeGreaterThan(0);
  const { runs } = engine.stats();
  expect(Object.keys(runs).sort()).toEqual([
    "denoiser",
    "guided_upsampler",
    "image_encoder",
    "line_extractor",
    "reference_encoder",
    "vae_decoder",
    "vae_encoder",
  ]);
});
