/**
 * Element types of weight files under the names of the safetensors format, and their values as float32. All are
 * little-endian.
 */
import { fromFloat16 } from "../../onnx/tensor-data.js";

/** Bytes of an element. */
export const ELEMENT_BYTES = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
} as const;
/** An element type. */
export type WeightDtype = keyof typeof ELEMENT_BYTES;

/**
 * Stored elements as float32. `bytes` holds whole elements and begins at a multiple of 8 in its buffer; float32 is not
 * copied.
 */
export function decodeFloats(dtype: WeightDtype, bytes: Uint8Array): Float32Array {
  const { buffer, byteOffset } = bytes;
  const count = bytes.byteLength / ELEMENT_BYTES[dtype];
  switch (dtype) {
    case "F32":
      return new Float32Array(buffer, byteOffset, count);
    case "F64":
      return Float32Array.from(new Float64Array(buffer, byteOffset, count));
    case "F16":
      return fromHalves(new Uint16Array(buffer, byteOffset, count));
    case "BF16":
      return fromUpperHalves(new Uint16Array(buffer, byteOffset, count));
    case "I64":
      return Float32Array.from(new BigInt64Array(buffer, byteOffset, count), Number);
    case "I32":
      return Float32Array.from(new Int32Array(buffer, byteOffset, count));
    case "I16":
      return Float32Array.from(new Int16Array(buffer, byteOffset, count));
    case "I8":
      return Float32Array.from(new Int8Array(buffer, byteOffset, count));
    case "U8":
      return Float32Array.from(bytes);
    case "BOOL":
      return Float32Array.from(bytes, (value) => (value === 0 ? 0 : 1));
  }
}

let halves: Float32Array | undefined;

function fromHalves(stored: Uint16Array): Float32Array {
  halves ??= Float32Array.from({ length: 65536 }, (_, bits) => fromFloat16(bits));
  const values = new Float32Array(stored.length);
  for (let index = 0; index < stored.length; index++) values[index] = halves[stored[index]!]!;
  return values;
}

/** bfloat16 is the upper half of a float32. */
function fromUpperHalves(stored: Uint16Array): Float32Array {
  const bits = new Uint32Array(stored.length);
  for (let index = 0; index < stored.length; index++) bits[index] = stored[index]! << 16;
  return new Float32Array(bits.buffer);
}
