/** The small models of the binding's tests. */
import { onnxModel, type OnnxType } from "./tiny-onnx.js";

/** `y = x + x` (bool: `x and x`, uint8: `max(x, x)`) for any size of one dtype; dims [n, m]. */
export function doubling(dtype: OnnxType, dims: readonly (number | string)[] = ["n", "m"]): Uint8Array {
  const op = dtype === "bool" ? "And" : dtype === "uint8" ? "Max" : "Add";
  return onnxModel({
    nodes: [{ op, inputs: ["x", "x"], outputs: ["y"] }],
    inputs: [{ name: "x", dtype, dims }],
    outputs: [{ name: "y", dtype, dims }],
  });
}

/** `sum = a + b`, `product = a * b`, both [n, 4] float32. */
export function sumAndProduct(): Uint8Array {
  const dims = ["n", 4];
  return onnxModel({
    nodes: [
      { op: "Add", inputs: ["a", "b"], outputs: ["sum"] },
      { op: "Mul", inputs: ["a", "b"], outputs: ["product"] },
    ],
    inputs: [
      { name: "a", dtype: "float32", dims },
      { name: "b", dtype: "float32", dims },
    ],
    outputs: [
      { name: "sum", dtype: "float32", dims },
      { name: "product", dtype: "float32", dims },
    ],
  });
}

/** A two-layer perceptron with seeded weights: [n, 16] -> [n, 8]. */
export function perceptron(): Uint8Array {
  const weights = (count: number, step: number): Float32Array =>
    Float32Array.from({ length: count }, (_, i) => Math.sin(i * step) / 4);
  return onnxModel({
    nodes: [
      { op: "MatMul", inputs: ["x", "w1"], outputs: ["h1"] },
      { op: "Relu", inputs: ["h1"], outputs: ["h2"] },
      { op: "MatMul", inputs: ["h2", "w2"], outputs: ["h3"] },
      { op: "Softmax", inputs: ["h3"], outputs: ["y"], attributes: { axis: 1 } },
    ],
    inputs: [{ name: "x", dtype: "float32", dims: ["n", 16] }],
    outputs: [{ name: "y", dtype: "float32", dims: ["n", 8] }],
    constants: [
      { name: "w1", dtype: "float32", dims: [16, 32], data: weights(512, 0.7) },
      { name: "w2", dtype: "float32", dims: [32, 8], data: weights(256, 1.3) },
    ],
  });
}

/** Joins [n, 4] and [m, 4] float32 along axis 0: for tensors without elements. */
export function joining(): Uint8Array {
  return onnxModel({
    nodes: [{ op: "Concat", inputs: ["a", "b"], outputs: ["y"], attributes: { axis: 0 } }],
    inputs: [
      { name: "a", dtype: "float32", dims: ["n", 4] },
      { name: "b", dtype: "float32", dims: ["m", 4] },
    ],
    outputs: [{ name: "y", dtype: "float32", dims: ["k", 4] }],
  });
}

/** Fails at run time for an index outside the table: `y = table[index]`. */
export function lookup(): Uint8Array {
  return onnxModel({
    nodes: [{ op: "Gather", inputs: ["table", "index"], outputs: ["y"] }],
    inputs: [{ name: "index", dtype: "int64", dims: ["n"] }],
    outputs: [{ name: "y", dtype: "float32", dims: ["n"] }],
    constants: [{ name: "table", dtype: "float32", dims: [4], data: Float32Array.of(10, 20, 30, 40) }],
  });
}

/** Multiplies a [64, 64] matrix `rounds` times: as long as one likes, and terminable between rounds. */
export function busy(): Uint8Array {
  const dims = [64, 64];
  const identity = Float32Array.from({ length: 4096 }, (_, i) => (i % 65 === 0 ? 1 : 0));
  return onnxModel({
    nodes: [
      {
        op: "Loop",
        inputs: ["rounds", "", "x"],
        outputs: ["y"],
        attributes: {
          body: {
            nodes: [
              { op: "MatMul", inputs: ["state", "w"], outputs: ["next"] },
              { op: "Identity", inputs: ["condition"], outputs: ["again"] },
            ],
            inputs: [
              { name: "round", dtype: "int64", dims: [] },
              { name: "condition", dtype: "bool", dims: [] },
              { name: "state", dtype: "float32", dims },
            ],
            outputs: [
              { name: "again", dtype: "bool", dims: [] },
              { name: "next", dtype: "float32", dims },
            ],
          },
        },
      },
    ],
    inputs: [
      { name: "rounds", dtype: "int64", dims: [] },
      { name: "x", dtype: "float32", dims },
    ],
    outputs: [{ name: "y", dtype: "float32", dims }],
    constants: [{ name: "w", dtype: "float32", dims, data: identity }],
  });
}

/** Multiplies x [n, n] by itself once: one long node, for heavy single operators. */
export function squaring(): Uint8Array {
  return onnxModel({
    nodes: [{ op: "MatMul", inputs: ["x", "x"], outputs: ["y"] }],
    inputs: [{ name: "x", dtype: "float32", dims: ["n", "n"] }],
    outputs: [{ name: "y", dtype: "float32", dims: ["n", "n"] }],
  });
}

/** `y = x + c` with a constant of 1 MiB, [512, 512] float32: a session that leaks is seen. */
export function weighty(): Uint8Array {
  const dims = [512, 512];
  return onnxModel({
    nodes: [{ op: "Add", inputs: ["x", "c"], outputs: ["y"] }],
    inputs: [{ name: "x", dtype: "float32", dims }],
    outputs: [{ name: "y", dtype: "float32", dims }],
    constants: [{ name: "c", dtype: "float32", dims, data: new Float32Array(512 * 512).fill(1) }],
  });
}
