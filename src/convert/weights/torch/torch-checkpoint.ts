/**
 * Opens PyTorch checkpoints (`.pth .bin .pt`) as weight sources, without PyTorch: the ZIP format and the one before it.
 * The pickle inside may name tensors and plain containers only; a tensor's bytes are read when it is asked for.
 */
import type { FileHandle } from "node:fs/promises";
import { messageOf, ModelError } from "../../../errors.js";
import { openFile } from "../../../io/files/read-file.js";
import { readFully } from "../file-bytes.js";
import { foreignFile } from "../foreign-file.js";
import type { WeightSource } from "../../../onnx/weights.js";
import { quotedName } from "../../../text/shown.js";
import { LEGACY_START, readLegacyLayout } from "./legacy-layout.js";
import { PickleDict, PickleFault, PickleList, PickleTuple } from "./pickle-values.js";
import { isTensor, readTensor, type TorchTensor } from "./tensor.js";
import { readZipLayout, type TorchLayout } from "./zip-layout.js";

/** Containers inside containers, and values in all of them: more is a forged file. */
const MAX_DEPTH = 32;
const MAX_VISITS = 2_000_000;
/** Far more characters than a key of any state dict has. */
const MAX_KEY = 4096;

/** The name of the tensor in a file that holds nothing else. */
export const LONE_TENSOR = "tensor";

/** An open checkpoint. Dispose it when its tensors are read. Errors are ModelError ERR_MODEL_WEIGHTS. */
export class TorchCheckpoint implements WeightSource, AsyncDisposable {
  readonly #file: FileHandle;
  readonly #places: TorchLayout["places"];
  readonly #tensors: ReadonlyMap<string, TorchTensor>;

  private constructor(
    readonly origin: string,
    file: FileHandle,
    layout: TorchLayout,
  ) {
    this.#file = file;
    this.#places = layout.places;
    this.#tensors = tensorsOf(layout.root);
  }

  /**
   * Opens a file and checks it whole, its tensors' values apart. Tensors in nested containers are named by their path,
   * "state_dict.block0.weight"; a lone tensor is called `LONE_TENSOR`.
   */
  static async open(path: string): Promise<TorchCheckpoint> {
    const file = await openFile(path).catch((cause: unknown) => {
      throw new ModelError("ERR_MODEL_WEIGHTS", `${path} cannot be opened (${messageOf(cause)})`, {
        cause,
        remedy: "check the path",
      });
    });
    try {
      return new TorchCheckpoint(path, file, await readLayout(file, path));
    } catch (cause) {
      await file.close();
      if (!(cause instanceof PickleFault)) throw cause;
      throw new ModelError("ERR_MODEL_WEIGHTS", `${path} cannot be read as a PyTorch checkpoint: ${cause.message}`, {
        cause,
        remedy: cause.remedy,
      });
    }
  }

  names(): readonly string[] {
    return [...this.#tensors.keys()];
  }

  dims(name: string): readonly number[] | undefined {
    return this.#tensors.get(name)?.dims;
  }

  read(name: string): Float32Array {
    const tensor = this.#tensors.get(name);
    if (tensor === undefined)
      throw new ModelError("ERR_MODEL_WEIGHTS", `${this.origin} has no tensor ${quotedName(name)}`);
    return readTensor(tensor, (storage, byteOffset, byteLength) => {
      const bytes = new Uint8Array(byteLength);
      readFully(this.#file.fd, bytes, this.#places.get(storage)! + byteOffset, this.origin);
      return bytes;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

async function readLayout(file: FileHandle, path: string): Promise<TorchLayout> {
  const { size } = await file.stat();
  const start = new Uint8Array(Math.min(size, 512));
  readFully(file.fd, start, 0, path);
  const read = (target: Uint8Array, position: number): void => readFully(file.fd, target, position, path);
  const begins = (text: string | Uint8Array): boolean => Buffer.from(text).equals(start.subarray(0, text.length));
  if (begins("PK\x03\x04")) return readZipLayout(file, size, path, read);
  if (begins(LEGACY_START)) return readLegacyLayout(size, read);
  throw new PickleFault(
    foreignFile(start) ??
      "it begins neither like a ZIP archive nor like PyTorch's older format; it is damaged or another kind of file",
  );
}

/** Tensors by their path. Keys that are no text or number are refused, values that are no tensor are left out. */
function tensorsOf(root: unknown): Map<string, TorchTensor> {
  const tensors = new Map<string, TorchTensor>();
  let visits = 0;
  const visit = (value: unknown, path: string, depth: number): void => {
    if (++visits > MAX_VISITS || depth > MAX_DEPTH)
      throw new PickleFault(`its containers hold more than ${MAX_VISITS} values or lie more than ${MAX_DEPTH} deep`);
    const inner = (key: string | number): string => (path === "" ? String(key) : `${path}.${key}`);
    if (isTensor(value)) {
      const name = path === "" ? LONE_TENSOR : path;
      if (tensors.has(name)) throw new PickleFault(`it has two tensors called ${quotedName(name)}`);
      tensors.set(name, value);
    } else if (value instanceof PickleDict) {
      for (const [key, item] of value.entries) {
        if (typeof key === "string" && key.length > MAX_KEY)
          throw new PickleFault(
            `it has the key ${quotedName(key)} of ${key.length} characters; at most ${MAX_KEY} are read`,
          );
        if (typeof key === "string" || typeof key === "number") visit(item, inner(key), depth + 1);
      }
    } else if (value instanceof PickleList || value instanceof PickleTuple) {
      for (const [index, item] of value.items.entries()) visit(item, inner(index), depth + 1);
    }
  };
  visit(root, "", 0);
  if (tensors.size === 0) throw new PickleFault("it holds no tensor");
  return tensors;
}
