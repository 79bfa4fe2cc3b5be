// The engine as another program holds it: the reference cache, cancelling, closing, hints, clamping.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { liveCounts, type RasterImage } from "../../src/binding/index.js";
import { Engine } from "../../src/colorization/engine.js";
import type { RasterRequest } from "../../src/colorization/cobra/raster-request.js";
import type { ReferenceImage } from "../../src/colorization/cobra/references.js";
import { decodeImage } from "../../src/io/image/image-codec.js";
import { buildModelPackage } from "../../src/convert/build-package.js";
import { PRESETS, presetWeights } from "../../src/convert/presets.js";
import { colourPage, linePage } from "../support/chapter.js";
import { ONE_THREAD, TINY_MODEL } from "../support/shared-models.js";

let folder: string;
let page: RasterImage;
let references: ReferenceImage[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cobra-engine-"));
  page = (await decodeImage(await linePage(1), "page")).image;
  references = await Promise.all(
    [1, 2].map(async (seed) => ({
      name: `ref_${seed}`,
      image: (await decodeImage(await colourPage(seed), "ref")).image,
    })),
  );
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const request = (more: Partial<RasterRequest> = {}): RasterRequest => ({
  page: { ...page, data: page.data.slice() },
  style: "line + shadow",
  seed: 3,
  steps: 2,
  topK: 2,
  ...more,
});

describe("Engine", () => {
  it("gives the same picture to the bit with the reference cache, without it, and again from it", async () => {
    const pictures: Uint8Array[] = [];
    for (const referenceCacheBytes of [2 ** 30, 0]) {
      await using engine = await Engine.open({ model: TINY_MODEL, referenceCacheBytes, session: ONE_THREAD });
      using set = engine.references(references);
      for (let round = 0; round < 2; round++) pictures.push((await engine.colorize(set, request())).image.data);
      const stats = set.stats();
      if (referenceCacheBytes > 0) expect(stats).toMatchObject({ hits: 1, misses: 9, evictions: 0 });
      else expect(stats).toMatchObject({ hits: 0, heldBytes: 0 });
    }
    for (const picture of pictures.slice(1)) expect(Buffer.compare(picture, pictures[0]!)).toBe(0);
  });

  it("computes keys and values once for pages in flight at the same time", async () => {
    await using engine = await Engine.open({ model: TINY_MODEL, session: ONE_THREAD });
    using set = engine.references(references);
    const results = await Promise.all([1, 2, 3].map((seed) => engine.colorize(set, request({ seed }))));
    expect(set.stats().misses).toBe(9);
    expect(new Set(results.map(({ image }) => Buffer.from(image.data).toString("base64"))).size).toBe(3);
  });

  it("clamps top-k to the patches there are, and colours without any reference", async () => {
    await using engine = await Engine.open({ model: TINY_MODEL, session: ONE_THREAD });
    using one = engine.references(references.slice(0, 1));
    expect((await engine.colorize(one, request({ topK: 99 }))).references).toHaveLength(20);
    using none = engine.references([]);
    expect((await engine.colorize(none, request())).references).toHaveLength(0);
  });

  it("takes no more steps than the model is made for", async () => {
    const quick = join(folder, "one-step");
    await buildModelPackage({
      directory: quick,
      config: { ...PRESETS.tiny, prediction: "sample", scheduler: { ...PRESETS.tiny.scheduler, maxSteps: 1 } },
      weights: presetWeights(PRESETS.tiny, 1),
      info: { name: "one-step", version: "1", licence: "CC0-1.0", trained: false },
    });
    await using engine = await Engine.open({ model: quick, session: ONE_THREAD });
    using set = engine.references(references);
    const steps: unknown[] = [];
    await engine.colorize(
      set,
      request({ steps: 10, onStage: (stage, step, of) => stage === "denoise" && steps.push([step, of]) }),
    );
    expect(steps).toEqual([[1, 1]]);
  });

  it("lets a hint change the picture", async () => {
    await using engine = await Engine.open({ model: TINY_MODEL, session: ONE_THREAD });
    using set = engine.references(references);
    const plain = await engine.colorize(set, request());
    const hinted = await engine.colorize(set, request({ hints: [{ x: 40, y: 60, color: [255, 0, 0] }] }));
    expect(Buffer.compare(plain.image.data, hinted.image.data)).not.toBe(0);
    await expect(engine.colorize(set, request({ hints: [{ x: 4000, y: 0, color: [0, 0, 0] }] }))).rejects.toMatchObject(
      { code: "ERR_ARGUMENT" },
    );
  });

  it("cancels between steps with the signal's reason and goes on with other pages", async () => {
    await using engine = await Engine.open({ model: TINY_MODEL, session: ONE_THREAD });
    using set = engine.references(references);
    const controller = new AbortController();
    const reason = new Error("enough");
    const cancelled = engine.colorize(
      set,
      request({
        steps: 100,
        signal: controller.signal,
        onStage: (stage, step) => stage === "denoise" && step === 3 && controller.abort(reason),
      }),
    );
    await expect(cancelled).rejects.toBe(reason);
    await expect(engine.colorize(set, request({ signal: AbortSignal.abort(reason) }))).rejects.toBe(reason);
    expect((await engine.colorize(set, request())).image.width).toBeGreaterThan(0);
  });

  it("close() waits for pages, destroy() cancels them, both may be called twice and free everything", async () => {
    const engine = await Engine.open({ model: TINY_MODEL, session: ONE_THREAD });
    const set = engine.references(references);
    const work = engine.colorize(set, request());
    await Promise.all([engine.close(), engine.close()]);
    expect((await work).image.width).toBeGreaterThan(0);
    await expect(engine.colorize(set, request())).rejects.toMatchObject({ code: "ERR_STATE" });
    set.dispose();

    const other = await Engine.open({ model: TINY_MODEL, session: ONE_THREAD });
    const otherSet = other.references(references);
    const doomed = other.colorize(otherSet, request({ steps: 500 }));
    doomed.catch(() => undefined);
    const reason = new Error("stop");
    await Promise.all([other.destroy(reason), other.destroy()]);
    await expect(doomed).rejects.toBe(reason);
    otherSet.dispose();
    await expect.poll(() => liveCounts()).toMatchObject({ sessions: 0, tensors: 0, bindings: 0, runs: 0, leases: 0 });
  });

  it("refuses a style the model lacks and a folder that is no model", async () => {
    await using engine = await Engine.open({ model: TINY_MODEL, session: ONE_THREAD });
    using set = engine.references(references);
    await expect(engine.colorize(set, request({ style: "shadow" as "line" }))).rejects.toMatchObject({
      code: "ERR_ARGUMENT",
      message: expect.stringContaining('"shadow"'),
    });
    await expect(Engine.open({ model: folder })).rejects.toMatchObject({ code: "ERR_MODEL_NOT_FOUND" });
  });
});
