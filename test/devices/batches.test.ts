// Pages that are denoised together: the picture of each is the one that it has alone.
import { beforeAll, describe, expect, it } from "vitest";
import { InferenceSession, liveCounts, type RasterImage } from "../../src/binding/index.js";
import { Engine, type EngineParts } from "../../src/colorization/engine.js";
import type { EngineOptions } from "../../src/colorization/engine-options.js";
import type { RasterRequest, RasterResult } from "../../src/colorization/cobra/raster-request.js";
import type { ReferenceImage } from "../../src/colorization/cobra/references.js";
import { ResourceError } from "../../src/errors.js";
import { decodeImage } from "../../src/io/image/image-codec.js";
import { colourPage, linePage } from "../support/chapter.js";
import { TINY_MODEL } from "../support/shared-models.js";

const PAGES = 5;
let pages: RasterImage[];
let references: ReferenceImage[];
let alone: Awaited<ReturnType<typeof colour>>;

const hex = ({ image }: RasterResult): string => Buffer.from(image.data).toString("base64");

/** Pages with steps of their own, so that they join and leave at different steps. */
const request = (index: number, more: Partial<RasterRequest> = {}): RasterRequest => ({
  page: { ...pages[index]!, data: pages[index]!.data.slice() },
  style: "line",
  seed: index,
  steps: 2 + (index % 3),
  topK: 1,
  ...more,
});

async function colour(
  options: EngineOptions,
  parts?: EngineParts,
  more: (index: number) => Partial<RasterRequest> = () => ({}),
) {
  await using engine = await Engine.openWith({ model: TINY_MODEL, ...options }, parts);
  using set = engine.references(references);
  const results = await Promise.allSettled(
    pages.map(async (_page, index) => hex(await engine.colorize(set, request(index, more(index))))),
  );
  return { results };
}

/** A denoiser that fails for some batches, and the batches that it was given. */
function watched(fail: (batch: number) => Error | undefined): EngineParts & { readonly batches: number[] } {
  const batches: number[] = [];
  return {
    batches,
    openNetwork: async (graph, model, options) => {
      const session = await InferenceSession.create(model, options);
      if (graph !== "denoiser") return session;
      const bind = session.bind.bind(session);
      session.bind = (inputs, outputs) => {
        const batch = inputs["latent"]!.dims[0]!;
        batches.push(batch);
        const error = fail(batch);
        if (error !== undefined) throw error;
        return bind(inputs, outputs);
      };
      return session;
    },
  };
}

beforeAll(async () => {
  pages = await Promise.all(
    Array.from({ length: PAGES }, async (_, index) => (await decodeImage(await linePage(index), "page")).image),
  );
  references = [{ name: "ref", image: (await decodeImage(await colourPage(1), "ref")).image }];
  alone = await colour({});
});

describe("batches", () => {
  it.each([1, 2, PAGES])("of up to %i give the pictures that pages have alone", async (maxBatch) => {
    const { batches, ...parts } = watched(() => undefined);
    const { results } = await colour({ maxBatch }, parts);
    expect(results).toEqual(alone.results);
    const most = Math.max(...batches);
    expect(most).toBeLessThanOrEqual(maxBatch);
    expect(most > 1).toBe(maxBatch > 1);
  });

  it("go on when a page in them is cancelled", async () => {
    const stop = new AbortController();
    const more = (index: number): Partial<RasterRequest> =>
      index === 1
        ? { signal: stop.signal, onStage: (_stage, step) => void (step === 2 && stop.abort(new Error("not wanted"))) }
        : {};
    const { results } = await colour({ maxBatch: PAGES }, undefined, more);
    expect(results[1]).toMatchObject({ status: "rejected", reason: { message: "not wanted" } });
    expect(results.filter((_, index) => index !== 1)).toEqual(alone.results.filter((_, index) => index !== 1));
  });

  it("are halved when memory runs out, and the pictures stay", async () => {
    const { batches, ...parts } = watched((batch) =>
      batch > 1 ? new ResourceError("ERR_OUT_OF_MEMORY", "the device is full") : undefined,
    );
    const { results } = await colour({ maxBatch: PAGES, devices: ["cpu:1"], deviceMemoryBytes: 2 ** 31 }, parts);
    expect(results).toEqual(alone.results);
    expect(Math.max(...batches)).toBeGreaterThan(1);
    expect(batches.at(-1)).toBe(1);
  });

  it("leave nothing behind", async () => {
    await expect.poll(() => liveCounts()).toMatchObject({ sessions: 0, tensors: 0, runs: 0 });
  });
});
