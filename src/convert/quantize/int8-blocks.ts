/**
 * Weights as 8-bit integers in blocks, as ONNX Runtime's MatMulNBits takes them: each run of `BLOCK` values along a
 * column has one scale. Every provider computes with float activations.
 */
import { fromFloat16, toFloat16 } from "../../onnx/tensor-data.js";

/** Values that share a scale. */
export const BLOCK = 32;
/** What the integers are stored around: MatMulNBits' default zero point for 8 bits. */
const ZERO_POINT = 128;
const LARGEST = 127;

/** A matrix [rows, columns] in blocks. */
export interface BlockMatrix {
  /** [columns, blocks, BLOCK]; the last block of a column is filled up with zeros. */
  readonly values: Uint8Array;
  /** [columns, blocks]: value = scale * (stored - 128). */
  readonly scales: Float32Array;
}

/** Number of blocks in a column of so many rows. */
export function blocksOf(rows: number): number {
  return Math.ceil(rows / BLOCK);
}

/**
 * Quantizes the right side of a MatMul, [rows, columns] in row-major order. Values of a block of zeros are zero.
 * @param dtype what scales are stored as; values are rounded with the scale as it is stored
 */
export function toBlocks(
  matrix: Float32Array,
  rows: number,
  columns: number,
  dtype: "float32" | "float16",
): BlockMatrix {
  const blocks = blocksOf(rows);
  const values = new Uint8Array(columns * blocks * BLOCK).fill(ZERO_POINT);
  const scales = new Float32Array(columns * blocks);
  const largest = new Float32Array(columns);
  for (let block = 0; block < blocks; block++) {
    const [from, to] = [block * BLOCK, Math.min(rows, (block + 1) * BLOCK)];
    largest.fill(0);
    for (let row = from; row < to; row++)
      for (let column = 0, at = row * columns; column < columns; column++, at++) {
        const size = Math.abs(matrix[at]!);
        if (size > largest[column]!) largest[column] = size;
      }
    for (let column = 0; column < columns; column++) {
      const exact = largest[column]! / LARGEST;
      scales[column * blocks + block] = dtype === "float32" ? exact : fromFloat16(toFloat16(exact));
    }
    for (let column = 0; column < columns; column++) {
      const scale = scales[column * blocks + block]!;
      if (scale === 0) continue;
      const start = (column * blocks + block) * BLOCK - from;
      for (let row = from; row < to; row++) {
        const rounded = Math.round(matrix[row * columns + column]! / scale);
        values[start + row] = ZERO_POINT + Math.max(-LARGEST, Math.min(LARGEST, rounded));
      }
    }
  }
  return { values, scales };
}
