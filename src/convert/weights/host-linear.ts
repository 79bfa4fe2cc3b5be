/**
 * Linear layers on the host, for what is constant in a graph and therefore computed while it is built. Sums are in
 * doubles.
 */
import type { Weights } from "../../onnx/weights.js";

/** A linear layer as a function. Its weights are noted as used at once and read when the outer function is called. */
export function hostLinear(w: Weights, inSize: number, outSize: number): () => (x: Float32Array) => Float32Array {
  const weight = w.tensor("weight", [outSize, inSize]);
  const bias = w.tensor("bias", [outSize]);
  return () => {
    const [matrix, offset] = [weight.data(), bias.data()];
    return (x) =>
      Float32Array.from({ length: outSize }, (_, row) => {
        let sum = offset[row]!;
        for (let column = 0; column < inSize; column++) sum += matrix[row * inSize + column]! * x[column]!;
        return sum;
      });
  };
}

/** x * sigmoid(x). */
export function hostSilu(values: Float32Array): Float32Array {
  return values.map((x) => x / (1 + Math.exp(-x)));
}
