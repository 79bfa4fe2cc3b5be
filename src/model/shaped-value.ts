/** A value of a graph as far as its shape and small content are known. */
import type { TensorProto } from "../onnx/schema.js";
import { elementCount } from "../onnx/tensor-data.js";

/** The shape of a value and, if it is small and known, its elements. */
export interface ShapedValue {
  readonly dims: readonly number[];
  readonly numbers?: readonly number[];
}

/** Tensors of more elements are not computed. */
export const MAX_NUMBERS = 64;

/** A constant of the graph. */
export function tensorValue({ dims, dataType, rawData }: TensorProto): ShapedValue {
  const elements = elementCount(dims);
  if (elements > MAX_NUMBERS || rawData === undefined || rawData.length === 0) return { dims };
  const view = new DataView(rawData.buffer, rawData.byteOffset, rawData.byteLength);
  const read: Readonly<Record<number, (at: number) => number>> = {
    1: (at) => view.getFloat32(at * 4, true),
    6: (at) => view.getInt32(at * 4, true),
    7: (at) => Number(view.getBigInt64(at * 8, true)),
  };
  const reader = read[dataType];
  return reader === undefined
    ? { dims }
    : { dims, numbers: Array.from({ length: elements }, (_, index) => reader(index)) };
}
