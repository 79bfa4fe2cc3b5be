/** Tensors: typed, shaped memory on the host or on a session's device. */
import { types } from "node:util";
import { BatchProcessingError, ResourceError, ValidationError } from "../../errors.js";
import { guarded, toEngineError } from "../faults.js";
import { runJob } from "./jobs.js";
import { loadAddon } from "../load.js";
import { loadRuntime } from "./runtime.js";
import { Device } from "./device.js";
import { deviceOwnerOf, type DeviceOwner } from "./device-owner.js";
import type { Dtype, NativeSession, NativeTensor, TensorData } from "../types.js";

type ArrayClass = { readonly BYTES_PER_ELEMENT: number; readonly name: string; new (length: number): TensorData };

const ARRAYS: Readonly<Record<Dtype, ArrayClass>> = {
  float32: Float32Array,
  float16: Uint16Array,
  float64: Float64Array,
  int64: BigInt64Array,
  int32: Int32Array,
  uint8: Uint8Array,
  bool: Uint8Array,
};

function arrayClass(dtype: Dtype): ArrayClass {
  const known = Object.hasOwn(ARRAYS, dtype) ? ARRAYS[dtype] : undefined;
  if (!known)
    throw new ValidationError(
      "ERR_TENSOR_DTYPE",
      `"${String(dtype)}" is not a dtype; the dtypes are ${Object.keys(ARRAYS).join(", ")}`,
    );
  return known;
}

const tagOf = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag)!.get!;

/** Which typed array a value is, of whatever realm: a test runner's contexts have a `Float32Array` of their own. */
function classNameOf(value: unknown): string | undefined {
  return tagOf.call(value) as string | undefined;
}

/** Elements of a shape. @throws ValidationError `ERR_TENSOR_DIMS` where a dim is not a whole number of 0 or more. */
function elementCount(dims: readonly number[]): number {
  if (!Array.isArray(dims))
    throw new ValidationError("ERR_TENSOR_DIMS", `dims must be an array of whole numbers, but are ${String(dims)}`);
  const count = dims.reduce((product: number, dim: number) => {
    if (!Number.isSafeInteger(dim) || dim < 0)
      throw new ValidationError(
        "ERR_TENSOR_DIMS",
        `dims [${dims.join(", ")}] hold ${dim}; every dim must be a whole number of 0 or more`,
      );
    return product * dim;
  }, 1);
  if (!Number.isSafeInteger(count))
    throw new ValidationError(
      "ERR_TENSOR_DIMS",
      `dims [${dims.join(", ")}] describe more elements than can be addressed`,
    );
  return count;
}

/** Says of a want of memory how much was wanted. */
function withSize(
  fault: BatchProcessingError,
  dims: readonly number[],
  bytes: number,
  place: string,
): BatchProcessingError {
  if (fault.code !== "ERR_OUT_OF_MEMORY") return fault;
  return new ResourceError(
    "ERR_OUT_OF_MEMORY",
    `cannot allocate ${Math.ceil(bytes / 2 ** 20)} MiB on ${place} for a tensor of shape [${dims.join(", ")}]`,
    { cause: fault, remedy: "use a smaller batch or image" },
  );
}

/**
 * A tensor. Host tensors made by `from` share the caller's array and keep it alive; where its buffer was transferred or
 * shrunk, using the tensor gives `ERR_DISPOSED`. `dispose()` frees device memory and the memory of outputs at once
 * (arrays read from `data` of such a tensor become empty) and may be called while a run is in flight: the run keeps the
 * memory until it is over. A tensor that is forgotten is freed by the garbage collector, late.
 */
export class Tensor implements Disposable {
  readonly dtype: Dtype;
  readonly dims: readonly number[];
  /** Where the memory is. */
  readonly device: Device;
  readonly byteLength: number;
  #native: NativeTensor | undefined;
  #data: TensorData | undefined;

  private constructor(native: NativeTensor, dtype: Dtype, dims: readonly number[], device: Device, data?: TensorData) {
    this.#native = native;
    this.#data = data;
    this.dtype = dtype;
    this.dims = Object.freeze([...dims]);
    this.device = device;
    this.byteLength = elementCount(dims) * arrayClass(dtype).BYTES_PER_ELEMENT;
  }

  /**
   * A host tensor over the caller's array: both see each other's writes. Each run and copy takes the array's contents
   * with it, because the array's memory may be transferred or resized at any time. An array over a `SharedArrayBuffer`
   * is used in place, and so is memory of `alloc`: write to it only between runs.
   * @throws ValidationError `ERR_TENSOR_DTYPE` where the array's class is not the dtype's, `ERR_TENSOR_DIMS` where the
   * dims do not describe exactly its elements.
   */
  static from(dtype: Dtype, data: TensorData, dims: readonly number[]): Tensor {
    const wanted = arrayClass(dtype);
    if (classNameOf(data) !== wanted.name) {
      const got = Object.prototype.toString.call(data).slice(8, -1);
      throw new ValidationError("ERR_TENSOR_DTYPE", `a ${dtype} tensor needs a ${wanted.name}, but got a ${got}`);
    }
    const count = elementCount(dims);
    if (count !== data.length) {
      throw new ValidationError(
        "ERR_TENSOR_DIMS",
        `dims [${dims.join(", ")}] describe ${count} elements, but the array has ${data.length}`,
      );
    }
    const native = guarded(() => loadAddon().addon.tensorFromHost(dtype, data, dims));
    return new Tensor(native, dtype, dims, Device.of("cpu"), data);
  }

  /**
   * A new tensor of zeros on the host.
   * @throws ResourceError `ERR_OUT_OF_MEMORY`; ValidationError `ERR_TENSOR_DTYPE`, `ERR_TENSOR_DIMS`
   */
  static alloc(dtype: Dtype, dims: readonly number[]): Tensor {
    const bytes = elementCount(dims) * arrayClass(dtype).BYTES_PER_ELEMENT;
    try {
      return Tensor.adopt(loadAddon().addon.tensorOnHost(dtype, dims));
    } catch (error) {
      throw withSize(toEngineError(error), dims, bytes, "the host");
    }
  }

  /**
   * A new tensor on a device, or on a session's, allocated on the device's thread: zeros on a CPU device, undefined
   * contents elsewhere. Memory without addresses (WebGPU) is a session's.
   * @throws ResourceError `ERR_OUT_OF_MEMORY`; ValidationError `ERR_TENSOR_DTYPE`, `ERR_TENSOR_DIMS`; InferenceError
   * `ERR_DEVICE_LOST`; `ERR_DISPOSED` for a disposed session
   */
  static async allocOn(where: Device | DeviceOwner, dtype: Dtype, dims: readonly number[]): Promise<Tensor> {
    const bytes = elementCount(dims) * arrayClass(dtype).BYTES_PER_ELEMENT;
    const place = where instanceof Device ? where.name : deviceOwnerOf(where);
    const addon = loadRuntime();
    try {
      return Tensor.adopt(await runJob<NativeTensor>((settle) => addon.tensorOnDevice(dtype, dims, place, settle)));
    } catch (error) {
      throw withSize(toEngineError(error), dims, bytes, where instanceof Device ? where.name : "the session's device");
    }
  }

  /**
   * A tensor on a device, or on a session's, with a copy of the array's contents. The copy goes through page-locked
   * memory beside the runs of the device; on a CPU device it lies in a leased slice of aligned memory.
   * @throws as `from` and `allocOn`
   */
  static async upload(
    where: Device | DeviceOwner,
    dtype: Dtype,
    data: TensorData,
    dims: readonly number[],
  ): Promise<Tensor> {
    using checked = Tensor.from(dtype, data, dims);
    const place = where instanceof Device ? where.name : deviceOwnerOf(where);
    const addon = loadRuntime();
    const slice = Tensor.adopt(guarded(() => addon.tensorInSlab(dtype, data, checked.dims, place)));
    const device = where instanceof Device ? where : Device.of((place as NativeSession).describe().device);
    if (device.onHost) return slice;
    try {
      const native = slice.native("an upload");
      return Tensor.adopt(await runJob<NativeTensor>((settle) => addon.uploadTensor(native, place, settle)));
    } finally {
      slice.dispose();
    }
  }

  /** Wraps a tensor of the addon. For src/binding only. */
  static adopt(native: NativeTensor): Tensor {
    const { dtype, dims, device } = native.describe();
    return new Tensor(native, dtype, dims, Device.of(device));
  }

  /** True after `dispose()`. */
  get disposed(): boolean {
    return this.#native === undefined;
  }

  /**
   * The elements of a host tensor, in place: float16 as 16-bit patterns, bool as 0 and 1.
   * @throws ValidationError `ERR_TENSOR_DEVICE` on a device; BatchProcessingError `ERR_DISPOSED`.
   */
  get data(): TensorData {
    const native = this.native("reading its data");
    this.#data ??= guarded(() => native.data());
    return this.#data;
  }

  /**
   * A tensor over a part of this one's memory, which stays alive with it.
   * @param elementOffset first element of the part; 0 where the device's memory has no addresses
   * @throws ValidationError `ERR_TENSOR_DIMS` where the part reaches outside; `ERR_TENSOR_DEVICE`; `ERR_DISPOSED`
   */
  view(elementOffset: number, dims: readonly number[]): Tensor {
    const native = this.native("a view");
    const count = elementCount(dims);
    const length = this.byteLength / arrayClass(this.dtype).BYTES_PER_ELEMENT;
    if (!Number.isSafeInteger(elementOffset) || elementOffset < 0 || elementOffset + count > length) {
      throw new ValidationError(
        "ERR_TENSOR_DIMS",
        `a view of [${dims.join(", ")}] from element ${elementOffset} reaches outside a tensor of ${length} elements`,
      );
    }
    const part = guarded(() => native.view(elementOffset, dims));
    // The addon makes no arrays over shared memory.
    if (!types.isSharedArrayBuffer(this.#data?.buffer)) return Tensor.adopt(part);
    const data = this.#data.subarray(elementOffset, elementOffset + count);
    return new Tensor(part, this.dtype, dims, this.device, data);
  }

  /**
   * Copies this tensor's elements into another tensor of the same dtype and element count, in any direction between the
   * host and a device.
   * @throws ValidationError `ERR_TENSOR_DTYPE`, `ERR_TENSOR_DIMS`; InferenceError `ERR_RUN`; `ERR_DISPOSED`
   */
  async copyTo(target: Tensor): Promise<void> {
    const from = this.native("a copy");
    const to = target.native("a copy");
    if (target.dtype !== this.dtype)
      throw new ValidationError(
        "ERR_TENSOR_DTYPE",
        `a ${this.dtype} tensor cannot be copied into a ${target.dtype} tensor`,
      );
    if (target.byteLength !== this.byteLength) {
      throw new ValidationError(
        "ERR_TENSOR_DIMS",
        `[${this.dims.join(", ")}] cannot be copied into [${target.dims.join(", ")}]: the element counts differ`,
      );
    }
    const addon = loadRuntime();
    await runJob<undefined>((settle) => addon.copyTensor(from, to, settle));
  }

  /**
   * This tensor on the host: a copy of device memory in a leased slice of page-locked memory, or a view (no copy) where
   * it is on the host already. Dispose of both.
   */
  async toHost(): Promise<Tensor> {
    if (this.device.onHost) return this.view(0, this.dims);
    const native = this.native("a copy");
    return Tensor.adopt(
      await runJob<NativeTensor>((settle) => loadRuntime().downloadTensor(native, "", false, settle)),
    );
  }

  /** Gives the memory back. Idempotent; safe while a run uses the tensor. */
  dispose(): void {
    this.#native?.dispose();
    this.#native = undefined;
    this.#data = undefined;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /**
   * The addon's tensor, for src/binding only. @throws BatchProcessingError `ERR_DISPOSED` naming what was wanted of it.
   */
  native(use: string): NativeTensor {
    if (!this.#native)
      throw new BatchProcessingError(
        "ERR_DISPOSED",
        `the ${this.dtype} tensor [${this.dims.join(", ")}] was disposed before ${use}`,
        { remedy: "keep it until its last use" },
      );
    return this.#native;
  }
}
