/**
 * Constant tensors of a graph: described at once, their bytes made only when a file is written, so that a large model
 * is never in memory whole.
 */
import { ModelError } from "../errors.js";
import { DATA_TYPE, type ElementType } from "./schema.js";

/** A constant whose bytes come on demand. */
export interface TensorData {
  /** Unique among a model's tensors of different content. */
  readonly name: string;
  readonly dtype: ElementType;
  readonly dims: readonly number[];
  /** Length of what `bytes()` gives. */
  readonly byteLength: number;
  /** Whether it belongs to all styles of a package: see `WeightFile`. */
  readonly shared?: boolean;
  /** Little-endian content, row major. Called once per file written. */
  bytes(): Uint8Array;
  /**
   * Gives the content in the place of `bytes()`, for what cannot be made at once. Such a graph is written to a file.
   */
  readonly load?: () => Promise<Uint8Array>;
}

/** The content of a tensor. */
export async function contentOf(tensor: TensorData): Promise<Uint8Array> {
  return tensor.load === undefined ? tensor.bytes() : await tensor.load();
}

const ELEMENT_BYTES: Record<ElementType, number> = {
  float32: 4,
  uint8: 1,
  int32: 4,
  int64: 8,
  bool: 1,
  float16: 2,
  float64: 8,
};

/** Number of elements of a shape; 1 for a scalar. */
export function elementCount(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/**
 * A constant of float values stored as `dtype` (float32 or float16, rounded to nearest even).
 * `values` is called when the bytes are needed and must give `elementCount(dims)` numbers, else ERR_MODEL_GRAPH; a
 * number that float16 does not reach is an ERR_MODEL_WEIGHTS.
 */
export function floatTensor(
  name: string,
  dims: readonly number[],
  dtype: "float32" | "float16",
  values: () => Float32Array,
): TensorData {
  const count = elementCount(dims);
  return {
    name,
    dtype,
    dims,
    byteLength: count * ELEMENT_BYTES[dtype],
    bytes: () => {
      const data = values();
      if (data.length !== count)
        throw new ModelError(
          "ERR_MODEL_GRAPH",
          `the tensor ${name} of shape [${dims.join(", ")}] got ${data.length} values; it needs ${count}`,
        );
      const stored = dtype === "float32" ? data : toHalves(data, name);
      return new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
    },
  };
}

/** A constant of int64 values. */
export function int64Tensor(name: string, dims: readonly number[], values: readonly number[]): TensorData {
  const data = BigInt64Array.from(values, BigInt);
  if (data.length !== elementCount(dims))
    throw new ModelError(
      "ERR_MODEL_GRAPH",
      `the tensor ${name} of shape [${dims.join(", ")}] got ${data.length} values`,
    );
  return { name, dtype: "int64", dims, byteLength: data.byteLength, bytes: () => new Uint8Array(data.buffer) };
}

/** TensorProto.DataType of a constant. */
export function dataTypeOf(tensor: TensorData): number {
  return DATA_TYPE[tensor.dtype];
}

const floatView = new Float32Array(1);
const bitsView = new Uint32Array(floatView.buffer);

/** IEEE 754 half precision bits of a number, rounded to nearest even; too large becomes infinity. */
export function toFloat16(value: number): number {
  floatView[0] = value;
  const bits = bitsView[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x47800000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    // Subnormal: a multiple of 2^-24. Scaling by 2^24 is exact in a double, so one rounding happens.
    const scaled = Math.abs(floatView[0]) * 2 ** 24;
    const floor = Math.floor(scaled);
    const rest = scaled - floor;
    return sign | (rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor);
  }
  // Rebias the exponent (127 to 15) and round the 13 dropped bits; a carry runs into the exponent as it should.
  return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
}

/** Half precision bits of numbers; one that half precision does not reach is an ERR_MODEL_WEIGHTS. */
export function toHalves(values: Float32Array, name: string): Uint16Array {
  const bits = new Uint16Array(values.length);
  for (let index = 0; index < values.length; index++) {
    const half = toFloat16(values[index]!);
    if ((half & 0x7fff) === 0x7c00)
      throw new ModelError(
        "ERR_MODEL_WEIGHTS",
        `the tensor ${name} contains ${values[index]}, which overflows float16 (largest value 65504)`,
        { remedy: "build the package with --precision fp32" },
      );
    bits[index] = half;
  }
  return bits;
}

/** The number that half precision bits stand for. */
export function fromFloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
