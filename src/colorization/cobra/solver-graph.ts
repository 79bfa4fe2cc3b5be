/**
 * The solver as a graph, so that latents stay where they are between the steps. Every page of a batch has numbers of
 * its own, so pages may be at different steps.
 */
import { GraphBuilder, type Graph, type Value } from "../../onnx/graph-builder.js";
import { DATA_TYPE } from "../../onnx/schema.js";
import type { SolverStep } from "./solver.js";

const COEFFICIENTS = ["a", "s", "keep", "gain", "slope"] as const;

/**
 * `latent`, `output` (the network's), `previous` (clean latents of the step before) float32 [B, C, h, w],
 * `coefficients` [5, B, 1, 1, 1], `choice` int32 [B] (see `solverTables`) -> `next`, `clean` float32 [B, C, h, w].
 *
 * In double precision, with float32 latents and clean latents, the values are those of the plain formulas to the bit.
 */
export function buildSolver(prediction: "epsilon" | "sample", precision: "float64" | "float32"): Graph {
  const g = new GraphBuilder("solver");
  const dims = ["B", "C", "h", "w"];
  const [latent, output, previous] = ["latent", "output", "previous"].map((name) => g.input(name, "float32", dims)) as [
    Value,
    Value,
    Value,
  ];
  const coefficients = g.input("coefficients", precision, [COEFFICIENTS.length, "B", 1, 1, 1]);
  const cast = (value: Value, to: keyof typeof DATA_TYPE): Value => g.node("Cast", [value], { to: DATA_TYPE[to] });
  const [a, s, keep, gain, slope] = COEFFICIENTS.map((_, index) =>
    g.node("Gather", [coefficients, g.int64(index)], { axis: 0 }),
  ) as [Value, Value, Value, Value, Value];
  const choice = g.input("choice", "int32", ["B"]);
  const x = cast(latent, precision);
  const clean =
    prediction === "sample"
      ? output
      : cast(g.node("Div", [g.node("Sub", [x, g.node("Mul", [s, cast(output, precision)])]), a]), "float32");
  const c = cast(clean, precision);
  const first = g.node("Add", [g.node("Mul", [keep, x]), g.node("Mul", [gain, c])]);
  const change = g.node("Sub", [c, cast(previous, precision)]);
  const second = g.node("Add", [first, g.node("Mul", [slope, change])]);
  // Rows are chosen by a Gather, which copies them; ONNX Runtime's Where adds, and loses the sign of zeros.
  const results = g.node("Concat", [clean, cast(first, "float32"), cast(second, "float32")], { axis: 0 });
  g.output("next", g.node("Gather", [results, choice], { axis: 0 }), "float32", dims);
  g.output("clean", clean, "float32", dims);
  return g.build();
}

/** What the denoiser and the solver are told before each step, by rows: for all pages of a batch. */
export interface SolverTables {
  /** [steps, B]. */
  readonly timesteps: Float32Array;
  /** [steps, 5, B]. */
  readonly coefficients: Float64Array;
  /** [steps, B]: which row each page takes of clean latents, first order and second order, B rows each. */
  readonly choice: Int32Array;
}

/** Tables of a batch from each page's next steps, as many for each. */
export function solverTables(pages: readonly (readonly SolverStep[])[]): SolverTables {
  const steps = pages[0]?.length ?? 0;
  const timesteps = new Float32Array(steps * pages.length);
  const coefficients = new Float64Array(steps * COEFFICIENTS.length * pages.length);
  const choice = new Int32Array(steps * pages.length);
  pages.forEach((page, row) =>
    page.forEach((step, index) => {
      const result = step.isLast ? 0 : step.isFirst ? 1 : 2;
      choice[index * pages.length + row] = result * pages.length + row;
      timesteps[index * pages.length + row] = step.timestep;
      COEFFICIENTS.forEach((name, k) => {
        coefficients[(index * COEFFICIENTS.length + k) * pages.length + row] = step[name];
      });
    }),
  );
  return { timesteps, coefficients, choice };
}

/** Dims of `coefficients` for a batch of B pages. */
export function coefficientDims(pages: number): number[] {
  return [COEFFICIENTS.length, pages, 1, 1, 1];
}
