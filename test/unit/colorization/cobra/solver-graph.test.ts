/** The solver's graph against the plain formulas: the same latents, bit by bit. */
import { describe, expect, it } from "vitest";
import { InferenceSession, Tensor } from "../../../../src/binding/index.js";
import { buildSolver, coefficientDims, solverTables } from "../../../../src/colorization/cobra/solver-graph.js";
import { solverSteps, type SolverStep } from "../../../../src/colorization/cobra/solver.js";
import { modelBytes } from "../../../../src/onnx/model-file.js";
import { Solver } from "../../../support/plain-solver.js";

const DIMS = [2, 3, 5];
const COUNT = 30;

/** Values like a network's, with what rounds oddly among them: zeros of both signs, tiny and large ones. */
function values(seed: number): Float32Array {
  const odd = [0, -0, 1e-38, -3e-39, 1e20, -1e20];
  return Float32Array.from({ length: COUNT }, (_, i) => odd[i] ?? 3 * Math.sin(seed * 12.9898 + i * 78.233));
}

const bits = (array: Float32Array): number[] => [...new Uint32Array(array.buffer, array.byteOffset, array.length)];

interface Page {
  latent: Float32Array;
  previous: Float32Array;
}

/** One step of a batch through the graph. */
async function step(
  session: InferenceSession,
  pages: readonly Page[],
  outputs: readonly Float32Array[],
  steps: readonly SolverStep[],
): Promise<Page[]> {
  const join = (arrays: readonly Float32Array[]): Tensor =>
    Tensor.from("float32", Float32Array.from(arrays.flatMap((array) => [...array])), [arrays.length, ...DIMS]);
  const { coefficients, choice } = solverTables(steps.map((one) => [one]));
  const { next, clean } = await session.run({
    latent: join(pages.map(({ latent }) => latent)),
    output: join(outputs),
    previous: join(pages.map(({ previous }) => previous)),
    coefficients: Tensor.from("float64", coefficients, coefficientDims(pages.length)),
    choice: Tensor.from("int32", choice, [pages.length]),
  });
  const part = (tensor: Tensor, page: number): Float32Array =>
    (tensor.data as Float32Array).slice(page * COUNT, (page + 1) * COUNT);
  return pages.map((_, page) => ({ latent: part(next!, page), previous: part(clean!, page) }));
}

const nothing = (): Float32Array => new Float32Array(COUNT).fill(Number.NaN);

describe.each(["epsilon", "sample"] as const)("a network that predicts %s", (prediction) => {
  it.each([1, 2, 3, 10, 37])("%i steps, bit by bit", async (count) => {
    using session = await InferenceSession.create(modelBytes(buildSolver(prediction, "float64")));
    const solver = new Solver(count, { predictionType: prediction });
    const steps = solverSteps(count);
    expect(steps.map(({ timestep }) => timestep)).toEqual([...solver.timesteps]);
    let plain = values(1);
    let [page] = [{ latent: values(1), previous: nothing() }];
    for (const [index, one] of steps.entries()) {
      const output = values(index + 2);
      plain = solver.step(plain, output, index) as Float32Array<ArrayBuffer>;
      page = (await step(session, [page], [output], [one]))[0]! as typeof page;
      expect(bits(page.latent)).toEqual(bits(plain));
    }
  });

  it("pages of a batch may be at different steps of different schedules", async () => {
    using session = await InferenceSession.create(modelBytes(buildSolver(prediction, "float64")));
    const counts = [4, 10, 3];
    const solvers = counts.map((count) => new Solver(count, { predictionType: prediction }));
    const schedules = counts.map((count) => solverSteps(count));
    const plain = counts.map((_, page) => values(page));
    let pages: Page[] = plain.map((latent) => ({ latent, previous: nothing() }));
    // The second page has taken five steps, and the last one none, when they meet.
    const begun = [1, 5, 0];
    for (const [page, steps] of begun.entries())
      for (let index = 0; index < steps; index++) {
        const output = values(100 + page + 10 * index);
        plain[page] = solvers[page]!.step(plain[page]!, output, index);
        const [taken] = await step(session, [pages[page]!], [output], [schedules[page]![index]!]);
        pages[page] = taken!;
      }
    for (let index = 0; index < 3; index++) {
      const outputs = counts.map((_, page) => values(200 + page + 10 * index));
      const steps = begun.map((taken, page) => schedules[page]![taken + index]!);
      pages = await step(session, pages, outputs, steps);
      for (const [page, taken] of begun.entries()) {
        plain[page] = solvers[page]!.step(plain[page]!, outputs[page]!, taken + index);
        expect(bits(pages[page]!.latent)).toEqual(bits(plain[page]!));
      }
    }
  });

  it("in single precision the latents are those of double precision to 1e-5", async () => {
    using single = await InferenceSession.create(modelBytes(buildSolver(prediction, "float32")));
    const solver = new Solver(10, { predictionType: prediction });
    let [plain, latent, previous] = [values(1).subarray(6), values(1).subarray(6), nothing().subarray(6)];
    const dims = [1, 2, 3, 4];
    for (const [index, one] of solverSteps(10).entries()) {
      const output = values(index + 2).subarray(6);
      plain = solver.step(plain, output, index) as typeof plain;
      const { coefficients, choice } = solverTables([[one]]);
      const { next, clean } = await single.run({
        latent: Tensor.from("float32", latent, dims),
        output: Tensor.from("float32", output, dims),
        previous: Tensor.from("float32", previous, dims),
        coefficients: Tensor.from("float32", Float32Array.from(coefficients), coefficientDims(1)),
        choice: Tensor.from("int32", choice, [1]),
      });
      [latent, previous] = [next!.data as typeof latent, clean!.data as typeof latent];
      const largest = plain.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
      plain.forEach((value, i) => expect(Math.abs(latent[i]! - value)).toBeLessThan(1e-5 * largest));
    }
  });
});
