/** The solver's graph, and the solver on the host, against the plain formulas: the same latents, bit by bit. */
import { describe, expect, it } from "vitest";
import { InferenceSession, runSteps, Tensor } from "../../../../src/binding/index.js";
import { buildSolver, coefficientDims, solverTables } from "../../../../src/colorization/cobra/solver-graph.js";
import { solverSteps, type SolverStep } from "../../../../src/colorization/cobra/solver.js";
import { GraphBuilder } from "../../../../src/onnx/graph-builder.js";
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

type Prediction = "epsilon" | "sample";

/** A solver; a step takes a batch, and gives its latents and clean latents. */
interface Stepper extends Disposable {
  step(pages: readonly Page[], outputs: readonly Float32Array[], steps: readonly SolverStep[]): Promise<Page[]>;
}

const joined = (arrays: readonly Float32Array[]): Float32Array =>
  Float32Array.from(arrays.flatMap((array) => [...array]));

function pagesOf(latent: Float32Array, clean: Float32Array): Page[] {
  const part = (all: Float32Array, page: number): Float32Array => all.slice(page * COUNT, (page + 1) * COUNT);
  return Array.from({ length: latent.length / COUNT }, (_, page) => ({
    latent: part(latent, page),
    previous: part(clean, page),
  }));
}

async function graphSolver(prediction: Prediction): Promise<Stepper> {
  const session = await InferenceSession.create(modelBytes(buildSolver(prediction, "float64")));
  return {
    step: async (pages, outputs, steps) => {
      const tensor = (arrays: readonly Float32Array[]): Tensor =>
        Tensor.from("float32", joined(arrays), [arrays.length, ...DIMS]);
      const { coefficients, choice } = solverTables(steps.map((one) => [one]));
      const { next, clean } = await session.run({
        latent: tensor(pages.map(({ latent }) => latent)),
        output: tensor(outputs),
        previous: tensor(pages.map(({ previous }) => previous)),
        coefficients: Tensor.from("float64", coefficients, coefficientDims(pages.length)),
        choice: Tensor.from("int32", choice, [pages.length]),
      });
      return pagesOf(next!.data as Float32Array, clean!.data as Float32Array);
    },
    [Symbol.dispose]: () => session.dispose(),
  };
}

/** A network that gives its input as its output. */
function sameValues(): Uint8Array {
  const g = new GraphBuilder("same");
  const dims = ["B", ...DIMS];
  g.output("noise", g.node("Identity", [g.input("given", "float32", dims)]), "float32", dims);
  return modelBytes(g.build());
}

async function hostSolver(prediction: Prediction): Promise<Stepper> {
  const session = await InferenceSession.create(sameValues());
  return {
    step: async (pages, outputs, steps) => {
      const dims = [pages.length, ...DIMS];
      const tensor = (arrays?: readonly Float32Array[]): Tensor => {
        const made = Tensor.alloc("float32", dims);
        if (arrays !== undefined) (made.data as Float32Array).set(joined(arrays));
        return made;
      };
      const solver = {
        prediction,
        latent: tensor(pages.map(({ latent }) => latent)),
        output: tensor(),
        previous: tensor(pages.map(({ previous }) => previous)),
        coefficients: Tensor.alloc("float64", coefficientDims(pages.length)),
        choice: Tensor.alloc("int32", [pages.length]),
        next: tensor(),
        clean: tensor(),
      };
      using binding = session.bind({ given: tensor(outputs) }, { noise: solver.output });
      const { coefficients, choice } = solverTables(steps.map((one) => [one]));
      const tables = [
        { tensor: solver.coefficients, rows: coefficients },
        { tensor: solver.choice, rows: choice },
      ];
      await runSteps({ rounds: [[binding]], solvers: [solver], tables, steps: 1 }).done;
      return pagesOf(solver.next.data as Float32Array, solver.clean.data as Float32Array);
    },
    [Symbol.dispose]: () => session.dispose(),
  };
}

const SOLVERS = { "the graph": graphSolver, "the host's": hostSolver } as const;
const CASES = (Object.keys(SOLVERS) as (keyof typeof SOLVERS)[]).flatMap((which) =>
  (["epsilon", "sample"] as const).map((prediction) => [which, prediction] as const),
);

const nothing = (): Float32Array => new Float32Array(COUNT).fill(Number.NaN);

describe.each(CASES)("%s solver of a network that predicts %s", (which, prediction) => {
  it.each([1, 2, 3, 10, 37])("%i steps, bit by bit", async (count) => {
    using stepper = await SOLVERS[which](prediction);
    const solver = new Solver(count, { predictionType: prediction });
    const steps = solverSteps(count);
    expect(steps.map(({ timestep }) => timestep)).toEqual([...solver.timesteps]);
    let plain = values(1);
    let [page] = [{ latent: values(1), previous: nothing() }];
    for (const [index, one] of steps.entries()) {
      const output = values(index + 2);
      plain = solver.step(plain, output, index) as Float32Array<ArrayBuffer>;
      page = (await stepper.step([page], [output], [one]))[0]! as typeof page;
      expect(bits(page.latent)).toEqual(bits(plain));
    }
  });

  it("pages of a batch may be at different steps of different schedules", async () => {
    using stepper = await SOLVERS[which](prediction);
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
        const [taken] = await stepper.step([pages[page]!], [output], [schedules[page]![index]!]);
        pages[page] = taken!;
      }
    for (let index = 0; index < 3; index++) {
      const outputs = counts.map((_, page) => values(200 + page + 10 * index));
      const steps = begun.map((taken, page) => schedules[page]![taken + index]!);
      pages = await stepper.step(pages, outputs, steps);
      for (const [page, taken] of begun.entries()) {
        plain[page] = solvers[page]!.step(plain[page]!, outputs[page]!, taken + index);
        expect(bits(pages[page]!.latent)).toEqual(bits(plain[page]!));
      }
    }
  });
});

describe.each(["epsilon", "sample"] as const)("a network that predicts %s", (prediction) => {
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
