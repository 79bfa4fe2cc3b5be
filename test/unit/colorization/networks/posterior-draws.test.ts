/** Several draws of one picture in a run, beside the same draws in runs of their own. */
import { expect, it } from "vitest";
import { Networks } from "../../../../src/colorization/networks/networks.js";
import { openModelPackage } from "../../../../src/model/package.js";
import { TINY_MODEL } from "../../../support/shared-models.js";

const wave = (count: number, shift: number): Float32Array =>
  Float32Array.from({ length: count }, (_, at) => Math.sin(shift + 0.37 * at));

it.each([TINY_MODEL, "models/default"])("have the bytes of single draws: %s", async (directory) => {
  using networks = new Networks(await openModelPackage(directory, { verify: false }), { intraOpThreads: 2 });
  const { buckets, latent } = networks.model.manifest;
  const [width, height] = buckets[0]!;
  const count = (latent.channels * width * height) / latent.downscale ** 2;
  const picture = wave(3 * width * height, 1);
  const noise = [wave(count, 2), wave(count, 3)] as const;
  using both = await networks.encodeImage(picture, width, height, Float32Array.from([...noise[0], ...noise[1]]));
  expect(both.dims).toEqual([2, latent.channels, height / latent.downscale, width / latent.downscale]);
  for (const [row, one] of noise.entries()) {
    using alone = await networks.encodeImage(picture, width, height, one);
    using drawn = both.view(row * count, alone.dims);
    expect(Buffer.compare(bytesOf(drawn.data), bytesOf(alone.data))).toBe(0);
  }
});

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
