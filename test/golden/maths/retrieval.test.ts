/** Golden cases retrieval/0 (from stored embeddings), get_rate/0 and process_image/0. */
import { describe, expect, it } from "vitest";
import { crop, resize, type PixelImage } from "../../../src/binding/pixels/pixels.js";
import { CLIP_RGB } from "../../../src/binding/pixels/planes.js";
import { COBRA_BUCKETS, nearestBucket } from "../../../src/model/buckets.js";
import {
  clipPixels,
  cosineSimilarity,
  fitReference,
  halfSize,
  quadrantCrops,
  referencePatches,
  retrievePatches,
  topColumns,
} from "../../../src/colorization/cobra/retrieval.js";
import { expectSamePictures, maxDifference, readRgb, readTensors, unstack } from "../../support/golden-maths.js";

const tensors = readTensors("retrieval.safetensors");
const [WIDTH, HEIGHT, TOP_K, DIMENSION] = [64, 96, 3, 16];

function batch(pictures: readonly PixelImage<3>[]): Float32Array {
  const size = 3 * 28 * 28;
  const all = new Float32Array(pictures.length * size);
  pictures.forEach((picture, i) => clipPixels(picture, 28, CLIP_RGB, all.subarray(i * size, (i + 1) * size)));
  return all;
}

describe("retrieval/0", () => {
  it("makes the crops, the patches and the encoder's input", async () => {
    const query = resize(await readRgb("images/retrieval_query.png"), WIDTH, HEIGHT);
    expectSamePictures(query, await readRgb("images/retrieval/mid_query_resized.png"));
    const crops = quadrantCrops(query);
    expectSamePictures(crops, unstack(await readRgb("images/retrieval/mid_query_crops.png"), 4));
    expect(maxDifference(batch(crops), tensors.floats("mid/query_pixel_values"))).toBe(0);

    const full = await Promise.all(
      [0, 1, 2].map(async (i) => fitReference(await readRgb(`images/retrieval_ref_${i}.png`), WIDTH, HEIGHT)),
    );
    expectSamePictures(full, unstack(await readRgb("images/retrieval/mid_ref_full.png"), 3));
    const patches = full.flatMap((reference) => referencePatches(reference));
    expectSamePictures(
      patches.filter((_, i) => i % 5 !== 0),
      unstack(await readRgb("images/retrieval/mid_ref_crops.png"), 12),
    );
    expect(maxDifference(batch(patches), tensors.floats("mid/ref_pixel_values"))).toBe(0);

    const chosen = retrievePatches(
      tensors.floats("out/query_embeds"),
      tensors.floats("out/ref_embeds"),
      DIMENSION,
      TOP_K,
    );
    expect(chosen.flat()).toEqual(tensors.integers("out/top_k"));
    const halves = chosen.flat().map((patch) => halfSize(patches[patch]!, WIDTH, HEIGHT));
    expectSamePictures(halves, unstack(await readRgb("images/retrieval/out_selected.png"), 12));
  });

  it("ranks all patches", () => {
    const similarity = cosineSimilarity(
      tensors.floats("out/query_embeds"),
      tensors.floats("out/ref_embeds"),
      DIMENSION,
    );
    expect(maxDifference(similarity, tensors.floats("out/similarity"))).toBeLessThan(1e-5);
    expect(topColumns(similarity, 15, 15).flat()).toEqual(tensors.integers("out/order"));
    expect(topColumns(similarity, 15, 99).flat()).toEqual(tensors.integers("out/order"));
  });
});

describe("get_rate/0", () => {
  it("takes the bucket of the original for 64 sizes", () => {
    const sizes = tensors.integers("in/get_rate/sizes_wh");
    const buckets = Array.from({ length: 64 }, (_, i) =>
      nearestBucket(sizes[2 * i]!, sizes[2 * i + 1]!, COBRA_BUCKETS),
    );
    expect(buckets.flatMap(({ width, height }) => [width, height])).toEqual(tensors.integers("out/get_rate/bucket_wh"));
  });

  it("knows the 15 sizes in the original's order", () => {
    expect(COBRA_BUCKETS.map(({ width, height }) => `${width}x${height}`).join(" ")).toBe(
      "800x800 768x896 704x928 672x960 640x1024 608x1056 576x1088 576x1184 896x768 928x704 960x672 1024x640 1056x608 1088x576 1184x576",
    );
  });
});

describe("process_image/0", () => {
  it.each(
    [
      [240, 330, 96, 132],
      [240, 110, 48, 64],
      [60, 330, 64, 48],
      [240, 330, 48, 64],
      [240, 330, 48, 64],
    ].map((sizes, index) => ({ sizes, index })),
  )("case $index", async ({ sizes: [sourceWidth, sourceHeight, width, height], index }) => {
    const source = crop(await readRgb("images/retrieval_ref_0.png"), 0, 0, sourceWidth!, sourceHeight!);
    expectSamePictures(
      fitReference(source, width!, height!),
      await readRgb(`images/retrieval/out_process_image_result_${index}.png`),
    );
  });
});
