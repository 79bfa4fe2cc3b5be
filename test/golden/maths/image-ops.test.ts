/** Golden cases image_ops/*, clip_processor/* and line_extractor/sketch_*: all exact, the arithmetic being PIL's. */
import { beforeAll, describe, expect, it } from "vitest";
import { resize, toGray, type PixelImage } from "../../../src/binding/pixels/pixels.js";
import { fromPlanar, SIGNED_RGB, toPlanar } from "../../../src/binding/pixels/planes.js";
import { nearestBucket } from "../../../src/model/buckets.js";
import { hintMaskPlane, layHints, markSquares, type ColorHint } from "../../../src/colorization/cobra/hint-squares.js";
import { lineExtractorInput, linePicture, styledLine } from "../../../src/colorization/cobra/line-style.js";
import { clipCrop, clipPixels } from "../../../src/colorization/cobra/retrieval.js";
import { expectSamePictures, maxDifference, readGray, readRgb, readTensors } from "../../support/golden-maths.js";

const tensors = readTensors("image_ops.safetensors");
let source: PixelImage<3>;
beforeAll(async () => {
  source = await readRgb("images/ops.png");
});

describe("image_ops", () => {
  it("gray", async () => {
    expectSamePictures(toGray(source), await readGray("images/image_ops/out_gray_L.png"));
  });

  it.each([
    [45, 35],
    [64, 48],
    [135, 105],
    [31, 77],
    [200, 16],
  ])("resize to %i x %i, RGB and gray", async (width, height) => {
    expectSamePictures(
      resize(source, width, height),
      await readRgb(`images/image_ops/out_resize_${width}x${height}_rgb.png`),
    );
    expectSamePictures(
      resize(toGray(source), width, height),
      await readGray(`images/image_ops/out_resize_${width}x${height}_L.png`),
    );
  });

  it("hints", async () => {
    const hints: ColorHint[] = [
      { x: 40, y: 30, color: [220, 40, 60] },
      { x: 93, y: 5, color: [30, 90, 200] },
      { x: 12, y: 63, color: [9, 200, 33] },
    ];
    const background = await readRgb("images/image_ops/out_hints_hint_color.png");
    const want = background.data.slice();
    const mask = await readGray("images/image_ops/out_hints_hint_mask.png");
    // The golden's background is the picture itself; take it from the result and wipe the squares, so that they have to
    // be drawn again.
    mask.data.forEach((value, i) => value && background.data.fill(7, 3 * i, 3 * i + 3));
    const drawn = layHints(background, markSquares(background.width, background.height, hints));
    expectSamePictures(drawn.mask, mask);
    expect(maxDifference(drawn.picture.data, want)).toBe(0);
    expectSamePictures(resize(drawn.mask, 12, 8), await readGray("images/image_ops/out_hints_hint_mask_small.png"));
    expect(maxDifference(hintMaskPlane(drawn.mask), tensors.floats("out/hints/mask_tensor"))).toBe(0);
  });

  it("picture to planes", async () => {
    const planes = toPlanar(await readRgb("images/image_ops/in_prepare_image_image.png"), SIGNED_RGB);
    expect(maxDifference(planes, tensors.floats("out/prepare_image/tensor"))).toBe(0);
  });

  it("planes to 8 bit, both roundings", () => {
    const x = tensors.floats("in/to_8bit/x");
    expect(Array.from(fromPlanar(x, 12, 1, 1).data)).toEqual(tensors.integers("out/to_8bit/pipeline"));
    expect(Array.from(fromPlanar(x, 12, 1, 1, { rounding: "truncate" }).data)).toEqual(
      tensors.integers("out/to_8bit/high_resolution"),
    );
  });
});

describe("clip_processor", () => {
  it.each([0, 1])("picture %i", async (index) => {
    const picture = await readRgb(`images/clip_${index}.png`);
    expectSamePictures(clipCrop(picture), await readRgb(`images/image_encoder/out_processor${index}_crop_8bit.png`));
  });

  it("pixel values", async () => {
    const values = clipPixels(await readRgb("images/clip_0.png")).filter((_, i) => i % 37 === 0);
    expect(
      maxDifference(
        values,
        readTensors("image_encoder_maths.safetensors").floats("out/processor0/pixel_values_every_37th"),
      ),
    ).toBe(0);
  });
});

describe.each([
  ["sketch_line", "line"],
  ["sketch_shadow", "line + shadow"],
] as const)("line_extractor/%s", (name, style) => {
  it("goes from the page to the network's input and from its raw output to the line picture", async () => {
    const lines = readTensors("line_extractor_maths.safetensors");
    const page = await readRgb("images/line_page.png");
    const bucket = nearestBucket(
      page.width,
      page.height,
      [
        [96, 96],
        [64, 96],
        [96, 64],
      ].map(([width, height]) => ({ width: width!, height: height! })),
    );
    expect([bucket.width, bucket.height]).toEqual(lines.integers(`out/${name}/resolution_wh`));
    const resized = resize(page, bucket.width, bucket.height);
    expectSamePictures(resized, await readRgb(`images/line_extractor/in_${name}_resized_rgb.png`));
    const gray = toGray(resized);
    expectSamePictures(gray, await readGray(`images/line_extractor/in_${name}_resized_gray.png`));
    const input = lineExtractorInput(gray);
    expect(maxDifference(input.data, lines.floats(`in/${name}/padded`))).toBe(0);
    const line = linePicture(lines.floats(`in/${name}/raw`), input, gray.width, gray.height);
    expectSamePictures(line, await readGray(`images/line_extractor/out_${name}_extracted_lines.png`));
    expectSamePictures(styledLine(style, line, gray), await readGray(`images/line_extractor/out_${name}_sketch.png`));
  });
});
