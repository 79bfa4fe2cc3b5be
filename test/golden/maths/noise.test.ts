/** Golden cases rng_cuda/* and philox/*. */
import { describe, expect, it } from "vitest";
import { cudaNormal, NoiseGenerator } from "../../../src/colorization/cobra/noise.js";
import { philox4x32 } from "../../../src/colorization/cobra/philox.js";
import { maxDifference, readTensors } from "../../support/golden-maths.js";

const tensors = readTensors("rng.safetensors");

describe("philox", () => {
  it.each([
    ["zeros", [0, 0, 0, 0], [0, 0]],
    ["ones", [4294967295, 4294967295, 4294967295, 4294967295], [4294967295, 4294967295]],
    ["mixed", [608135816, 2242054355, 320440878, 57701188], [2752067618, 698298832]],
  ])("%s", (name, counter, key) => {
    const words = new Uint32Array(4);
    philox4x32(counter[0]!, counter[1]!, counter[2]!, counter[3]!, key[0]!, key[1]!, words);
    expect(Array.from(words)).toEqual(tensors.integers(`out/philox_${name}/words`));
  });
});

describe("rng_cuda", () => {
  it("gives the published values", () => {
    expect(maxDifference(cudaNormal(0, 0, 12), tensors.floats("out/published/values"))).toBeLessThan(2e-6);
  });

  it.each([0, 1, 42, 123456789012])("two small calls, seed %i", (seed) => {
    const generator = new NoiseGenerator(seed);
    expect(maxDifference(generator.normal(256), tensors.floats(`out/small_${seed}/first`))).toBeLessThan(5e-6);
    expect(maxDifference(generator.normal(256), tensors.floats(`out/small_${seed}/second`))).toBeLessThan(5e-6);
  });

  it("two calls of a latent's size, all values", () => {
    const generator = new NoiseGenerator(42n);
    expect(maxDifference(generator.normal(40960), tensors.floats("out/large_42/first"))).toBeLessThan(5e-6);
    expect(maxDifference(generator.normal(40960), tensors.floats("out/large_42/second"))).toBeLessThan(5e-6);
  });

  it.each([0, 1, 123456789012])("two calls of a latent's size, places and sums, seed %i", (seed) => {
    const generator = new NoiseGenerator(seed);
    const positions = tensors.integers(`in/large_${seed}/positions`);
    for (const call of ["first", "second"]) {
      const values = generator.normal(40960);
      expect(
        maxDifference(
          positions.map((i) => values[i]!),
          tensors.floats(`out/large_${seed}/${call}_at`),
        ),
      ).toBeLessThan(5e-6);
      const [sum, squares] = tensors.floats(`out/large_${seed}/${call}_sums`);
      expect(Math.abs(values.reduce((a, v) => a + v, 0) - sum!)).toBeLessThan(1e-4 * Math.max(1, Math.abs(sum!)));
      expect(Math.abs(values.reduce((a, v) => a + v * v, 0) - squares!)).toBeLessThan(1e-4 * squares!);
    }
  });

  it.each([
    [1, 3000],
    [2, 700],
  ])("more values than %i blocks have threads", (maxBlocks, count) => {
    const generator = new NoiseGenerator(1, { maxBlocks });
    expect(maxDifference(generator.normal(count), tensors.floats(`out/capped_${maxBlocks}/first`))).toBeLessThan(5e-6);
    expect(maxDifference(generator.normal(40), tensors.floats(`out/capped_${maxBlocks}/second`))).toBeLessThan(5e-6);
  });
});
