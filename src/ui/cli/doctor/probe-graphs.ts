/**
 * Small graphs of the operators that the networks are made of, with inputs and expected outputs, to see whether an
 * execution provider really computes: libraries that load may still fail at the first convolution.
 */
import { GraphBuilder, type Value } from "../../../onnx/graph-builder.js";
import { modelBytes } from "../../../onnx/model-file.js";
import { attention } from "../../../onnx/ops.js";

interface Operand {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

/** One operator, ready to be run: inputs in the order of the graph's, and the expected output "y". */
export interface Probe {
  readonly operator: "Conv" | "MatMul" | "attention";
  readonly graph: Uint8Array;
  readonly inputs: Readonly<Record<string, Operand>>;
  readonly expected: Float32Array;
}

/** How far an output may be off: providers compute products with 10 bits of mantissa at the least. */
export const PROBE_TOLERANCE = 0.02;

/** All probes. */
export function probes(): Probe[] {
  return [convProbe(), matMulProbe(), attentionProbe()];
}

function convProbe(): Probe {
  const [x, w] = [operand([1, 2, 5, 5]), operand([3, 2, 3, 3])];
  const expected = new Float32Array(3 * 5 * 5);
  for (let out = 0; out < 3; out++)
    for (let row = 0; row < 5; row++)
      for (let column = 0; column < 5; column++)
        for (let tap = 0; tap < 2 * 3 * 3; tap++) {
          const [channel, v, u] = [Math.floor(tap / 9), row + (Math.floor(tap / 3) % 3) - 1, column + (tap % 3) - 1];
          if (v < 0 || u < 0 || v > 4 || u > 4) continue;
          expected[(out * 5 + row) * 5 + column]! += x.data[(channel * 5 + v) * 5 + u]! * w.data[out * 18 + tap]!;
        }
  const attributes = { kernel_shape: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1] };
  return probe("Conv", { x, w }, [1, 3, 5, 5], expected, (g, [a, b]) => g.node("Conv", [a, b], attributes));
}

function matMulProbe(): Probe {
  const [a, b] = [operand([4, 6]), operand([6, 5])];
  const expected = product(a.data, b.data, 4, 6, 5);
  return probe("MatMul", { a, b }, [4, 5], expected, (g, [left, right]) => g.node("MatMul", [left, right]));
}

function attentionProbe(): Probe {
  const [queries, keys, heads, size] = [4, 6, 2, 4];
  const [query, key, value] = [queries, keys, keys].map((tokens) => operand([1, tokens, heads * size])) as [
    Operand,
    Operand,
    Operand,
  ];
  const expected = new Float32Array(queries * heads * size);
  for (let head = 0; head < heads; head++)
    for (let q = 0; q < queries; q++) {
      const at = (tokens: Operand, token: number, i: number): number =>
        tokens.data[token * heads * size + head * size + i]!;
      const range = Array.from({ length: size }, (_, i) => i);
      const scores = Array.from({ length: keys }, (_, k) =>
        Math.exp(range.reduce((sum, i) => sum + at(query, q, i) * at(key, k, i), 0) / Math.sqrt(size)),
      );
      const sum = scores.reduce((total, score) => total + score, 0);
      for (const i of range)
        expected[q * heads * size + head * size + i] = scores.reduce(
          (total, score, k) => total + (score / sum) * at(value, k, i),
          0,
        );
    }
  const dims = [1, queries, heads * size];
  return probe("attention", { query, key, value }, dims, expected, (g, [q, k, v]) => attention(g, q!, k!, v!, heads));
}

function probe(
  operator: Probe["operator"],
  inputs: Readonly<Record<string, Operand>>,
  dims: readonly number[],
  expected: Float32Array,
  build: (g: GraphBuilder, inputs: readonly Value[]) => Value,
): Probe {
  const g = new GraphBuilder(`probe_${operator}`);
  const values = Object.entries(inputs).map(([name, input]) => g.input(name, "float32", input.dims));
  g.output("y", build(g, values), "float32", dims);
  return { operator, graph: modelBytes(g.build()), inputs, expected };
}

/** Values from -0.625 to 0.625 that look irregular and are the same every time. */
function operand(dims: readonly number[]): Operand {
  const length = dims.reduce((count, size) => count * size, 1);
  return { dims, data: Float32Array.from({ length }, (_, i) => (((i * 7 + length) % 11) - 5) / 8) };
}

function product(a: Float32Array, b: Float32Array, rows: number, inner: number, columns: number): Float32Array {
  return Float32Array.from({ length: rows * columns }, (_, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    let sum = 0;
    for (let k = 0; k < inner; k++) sum += a[row * inner + k]! * b[k * columns + column]!;
    return sum;
  });
}
