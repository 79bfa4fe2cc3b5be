// The whole page pipeline against the original's values in between and at the end (golden case pipeline_tiny/0),
// through a real package on disk, real sessions and the real worker pool, in both precisions.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Engine } from "../../../src/colorization/engine.js";
import {
  buildPipelinePackage,
  expectLatents,
  expectLines,
  expectPatches,
  expectPictures,
  FLOAT32,
  runPipeline,
  type PipelineRun,
  type PipelineTolerance,
} from "../../support/golden-pipeline.js";

/**
 * Half precision, measured 0.13 (of latents up to 71), 3, 41 and 1.4; the line network stays float32. The random
 * upsampler makes much of the three levels that its input is off; on exact input it holds 1 percent
 * (golden/networks/half).
 */
const FLOAT16: PipelineTolerance = { line: 1, latents: 0.25, picture: 6, imageMax: 80, imageMean: 3 };

describe.each([
  ["float32", FLOAT32],
  ["float16", FLOAT16],
] as const)("the page pipeline, pipeline_tiny/0, in %s", (precision, tolerance) => {
  let folder: string;
  let engine: Engine;
  let run: PipelineRun;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "cobra-pipeline-"));
    await buildPipelinePackage(join(folder, "model"), { precision });
    engine = await Engine.open({ model: join(folder, "model") });
    run = await runPipeline(engine);
  });

  afterAll(async () => {
    await engine?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it("extracts the line picture", () => expectLines(run, tolerance));
  it("chooses the same patches in the same order, with the same pixels", () => expectPatches(run));
  it("gives the latents of every step", () => expectLatents(run, tolerance));
  it("gives the pipeline's picture and the upsampled one", () => expectPictures(run, tolerance));
  it("is of that precision", () => expect(engine.model.manifest.precision).toBe(precision));
});
