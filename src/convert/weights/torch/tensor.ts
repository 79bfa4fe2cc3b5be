/**
 * Tensors and storages of a PyTorch checkpoint: described while it is unpickled, read from the file when they are asked
 * for.
 */
import { elementCount } from "../../../onnx/tensor-data.js";
import { decodeFloats, ELEMENT_BYTES, type WeightDtype } from "../element-types.js";
import { PickleFault, PickleTuple, kindOf } from "./pickle-values.js";

/** A tensor's memory; several tensors may lie in one. */
export interface TorchStorage {
  /** Its name in the file. */
  readonly key: string;
  /** Undefined for a storage of bytes, whose tensors say their own. */
  readonly dtype: WeightDtype | undefined;
  /** Elements, or bytes where the dtype is undefined. */
  readonly elements: number;
}

/** A view into a storage. Sizes are in elements. */
export interface TorchTensor {
  readonly storage: TorchStorage;
  readonly dtype: WeightDtype;
  readonly dims: readonly number[];
  readonly strides: readonly number[];
  readonly offset: number;
}

/** PyTorch's own limit of axes. */
const MOST_AXES = 64;
/** A tensor of more elements (4 GiB as float32) is refused: strides of zero make any size out of one number. */
const MAX_TENSOR_ELEMENTS = 2 ** 30;

/** Checks a view and makes the tensor. Throws PickleFault. */
export function tensorOf(
  storage: unknown,
  offset: unknown,
  dims: unknown,
  strides: unknown,
  dtype?: WeightDtype,
): TorchTensor {
  if (!isStorage(storage)) throw new PickleFault(`it makes a tensor of ${kindOf(storage)}, not of a storage`);
  const type = dtype ?? storage.dtype;
  if (type === undefined) throw new PickleFault(`the storage ${storage.key} has no dtype`);
  const [sizes, steps] = [wholeNumbers(dims, "sizes"), wholeNumbers(strides, "strides")];
  const [start] = wholeNumbers(new PickleTuple([offset]), "offset");
  if (sizes.length !== steps.length)
    throw new PickleFault(`a tensor has ${sizes.length} sizes and ${steps.length} strides`);
  const shape = `a tensor of [${sizes.join(", ")}] with strides [${steps.join(", ")}] at ${start}`;
  if (!(elementCount(sizes) <= MAX_TENSOR_ELEMENTS))
    throw new PickleFault(`${shape} has more than ${MAX_TENSOR_ELEMENTS} elements`);
  const tensor = { storage, dtype: type, dims: sizes, strides: steps, offset: start! };
  const available = storage.dtype === undefined ? storage.elements / ELEMENT_BYTES[type] : storage.elements;
  if (endOf(tensor) > available)
    throw new PickleFault(`${shape} reaches outside its storage ${storage.key} of ${available} elements`);
  return tensor;
}

const storages = new WeakSet<object>();

/** Marks a storage, so that a pickle cannot pass a container off as one. */
export function storageOf(storage: TorchStorage): TorchStorage {
  storages.add(storage);
  return storage;
}

function isStorage(value: unknown): value is TorchStorage {
  return typeof value === "object" && value !== null && storages.has(value);
}

/** True for what `tensorOf` made. */
export function isTensor(value: unknown): value is TorchTensor {
  return typeof value === "object" && value !== null && "storage" in value && isStorage(value.storage);
}

function wholeNumbers(value: unknown, what: string): number[] {
  const items = value instanceof PickleTuple ? value.items : undefined;
  if (items !== undefined && items.length > MOST_AXES)
    throw new PickleFault(`a tensor has ${items.length} ${what}; at most ${MOST_AXES} are read`);
  if (items === undefined || !items.every((item) => Number.isSafeInteger(item) && (item as number) >= 0)) {
    throw new PickleFault(
      `a tensor's ${what} are ${items === undefined ? kindOf(value) : `[${items.map((item) => (typeof item === "number" ? item : kindOf(item))).join(", ")}]`}; they must be whole numbers of 0 or more`,
    );
  }
  return items as number[];
}

/** The first element behind the view. */
function endOf({ dims, strides, offset }: TorchTensor): number {
  if (dims.includes(0)) return offset;
  return dims.reduce((last, size, axis) => last + (size - 1) * strides[axis]!, offset) + 1;
}

function isContiguous({ dims, strides }: TorchTensor): boolean {
  let step = 1;
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    if (dims[axis] !== 1 && strides[axis] !== step) return false;
    step *= dims[axis]!;
  }
  return true;
}

/**
 * The tensor's values, row major. `read` gives bytes of its storage: only those between its first and last element are
 * asked for.
 */
export function readTensor(
  tensor: TorchTensor,
  read: (storage: TorchStorage, byteOffset: number, byteLength: number) => Uint8Array,
): Float32Array {
  const { dtype, dims, strides, offset, storage } = tensor;
  const count = elementCount(dims);
  if (count === 0) return new Float32Array(0);
  const size = ELEMENT_BYTES[dtype];
  const span = decodeFloats(dtype, read(storage, offset * size, (endOf(tensor) - offset) * size));
  if (isContiguous(tensor)) return span;
  const values = new Float32Array(count);
  const index = Array<number>(dims.length).fill(0);
  for (let at = 0, from = 0; at < count; at++) {
    values[at] = span[from]!;
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < dims[axis]!) break;
      from -= dims[axis]! * strides[axis]!;
      index[axis] = 0;
    }
  }
  return values;
}
