// The page pipeline with 8-bit weights against the original's values (golden case pipeline_tiny/0). The tiny network's
// matrices are far below the size that the command quantizes, so the limit is lowered here.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Engine } from "../../../src/colorization/engine.js";
import { quantizePackage } from "../../../src/convert/quantize/quantize-package.js";
import {
  buildPipelinePackage,
  expectLatents,
  expectLines,
  expectPatches,
  expectPictures,
  runPipeline,
  type PipelineRun,
  type PipelineTolerance,
} from "../../support/golden-pipeline.js";

/**
 * Measured in half precision: 0.72 (of latents up to 71), 25, 60 and 3.0; the picture is 0.5 of 255 off on average. In
 * full precision 1.2, 31, 79 and 3.5.
 */
const TOLERANCE: PipelineTolerance = { line: 1, latents: 1.5, picture: 50, imageMax: 120, imageMean: 5 };

describe("the page pipeline with int8 weights in a half precision package", () => {
  let folder: string;
  let engine: Engine;
  let run: PipelineRun;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "cobra-quantized-"));
    const source = await buildPipelinePackage(join(folder, "model"), {
      precision: "float16",
      externalDataAboveBytes: 0,
    });
    const directory = join(folder, "quantized");
    await quantizePackage({ source, directory, minElements: 24 * 24 });
    engine = await Engine.open({ model: directory });
    run = await runPipeline(engine);
  });

  afterAll(async () => {
    await engine?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it("extracts the line picture", () => expectLines(run, TOLERANCE));
  it("chooses the same patches in the same order", () => expectPatches(run));
  it("gives the latents of every step", () => expectLatents(run, TOLERANCE));
  it("gives the pipeline's picture and the upsampled one", () => expectPictures(run, TOLERANCE));
  it("says so in the manifest", () =>
    expect(engine.model.manifest).toMatchObject({ formatVersion: 3, quantization: { scheme: "int8" } }));
});
