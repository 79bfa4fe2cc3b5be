/** Golden cases scheduler/*. */
import { describe, expect, it } from "vitest";
import { alphasCumprod, solverTimesteps } from "../../../src/colorization/cobra/solver.js";
import { Solver } from "../../support/plain-solver.js";
import { maxDifference, readTensors } from "../../support/golden-maths.js";

const tensors = readTensors("scheduler.safetensors");

/** Largest absolute difference over the largest value (at least 1). */
function relative(a: ArrayLike<number>, b: Float32Array): number {
  return maxDifference(a, b) / b.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
}

describe("scheduler", () => {
  it("tables", () => {
    const alphas = alphasCumprod();
    expect(relative(alphas, tensors.floats("out/tables/alphas_cumprod"))).toBeLessThan(1e-5);
    expect(
      relative(
        alphas.map((a) => Math.sqrt((1 - a) / a)),
        tensors.floats("out/tables/sigmas"),
      ),
    ).toBeLessThan(1e-5);
  });

  it("timesteps of 1 to 100 steps", () => {
    const all = tensors.integers("out/all_timesteps/timesteps");
    for (let steps = 1; steps <= 100; steps++) {
      expect(Array.from(solverTimesteps(steps))).toEqual(all.slice((steps - 1) * 100, (steps - 1) * 100 + steps));
    }
  });

  it.each([1, 2, 4, 6, 10, 20])("%i steps from latents to latents", (steps) => {
    const name = `out/steps_${steps}`;
    const solver = new Solver(steps);
    expect(Array.from(solver.timesteps)).toEqual(tensors.integers(`${name}/timesteps`));
    expect(relative(solver.sigmas, tensors.floats(`${name}/sigmas`))).toBeLessThan(1e-5);
    const c = tensors.floats("in/steps_1/c");
    let sample = tensors.floats("in/steps_1/x0");
    const size = sample.length;
    const nth = (key: string, i: number): Float32Array =>
      tensors.floats(`${name}/${key}`).slice(i * size, (i + 1) * size);
    expect(maxDifference(nth("latents", 0), sample)).toBe(0);
    solver.timesteps.forEach((t, i) => {
      const noise = sample.map((x, j) => 0.3 * x + 0.1 * Math.sin(t) * c[j]!);
      expect(maxDifference(noise, nth("eps", i))).toBeLessThan(1e-4);
      expect(relative(solver.predictClean(sample, noise, i), nth("x0_pred", i))).toBeLessThan(1e-4);
      sample = solver.step(sample, noise, i);
      expect(relative(sample, nth("latents", i + 1))).toBeLessThan(1e-4);
    });
    expect(solver.nextIndex).toBe(steps);
  });

  it("takes the clean latents as they are with prediction type sample", () => {
    const noise = new Solver(4);
    const clean = new Solver(4, { predictionType: "sample" });
    let [a, b] = [tensors.floats("in/steps_1/x0"), tensors.floats("in/steps_1/x0")];
    for (let i = 0; i < 4; i++) {
      const output = a.map((x) => 0.3 * x);
      const x0 = noise.predictClean(a, output, i);
      [a, b] = [noise.step(a, output, i), clean.step(b, x0, i)];
      expect(maxDifference(a, b)).toBe(0);
    }
  });
});
