/**
 * Reads safetensors files (format: github.com/huggingface/safetensors, README "Format"): 8 bytes of header length, a
 * JSON header with dtype, shape and data offsets of every tensor, then the data. The header is checked whole on
 * opening; a tensor's bytes are read when asked for, so memory is bounded by the largest tensor.
 */
import { closeSync, fstatSync, readFileSync } from "node:fs";
import { z } from "zod";
import { messageOf, ModelError } from "../../errors.js";
import { elementCount } from "../../onnx/tensor-data.js";
import { decodeFloats, ELEMENT_BYTES, type WeightDtype } from "./element-types.js";
import { openPlainFile, readFully } from "./file-bytes.js";
import { foreignFile } from "./foreign-file.js";
import type { WeightSource } from "../../onnx/weights.js";
import { parseJson } from "../../text/parse-json.js";
import { quotedName } from "../../text/shown.js";

/** The format's own limit of the header's length. */
const MAX_HEADER_BYTES = 100_000_000;
const MOST_ISSUES = 20;

const dtypeNames = Object.keys(ELEMENT_BYTES) as [WeightDtype, ...WeightDtype[]];
const size = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
/** Far more axes than any tensor has. */
const MOST_AXES = 64;
const entrySchema = z.object({
  dtype: z.enum(dtypeNames),
  shape: z.array(size).max(MOST_AXES),
  data_offsets: z.tuple([size, size]),
});

/** One tensor of the header. */
interface Entry {
  readonly dtype: WeightDtype;
  readonly dims: readonly number[];
  /** From the start of the file. */
  readonly offset: number;
  readonly byteLength: number;
}

/** An open file. Dispose it when the graphs made from it are written. Errors are ModelError ERR_MODEL_WEIGHTS. */
export class SafetensorsFile implements WeightSource, Disposable {
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #read: (target: Uint8Array, position: number) => void;
  readonly #close: () => void;

  private constructor(
    readonly origin: string,
    fileBytes: number,
    read: (target: Uint8Array, position: number) => void,
    close: () => void,
  ) {
    this.#read = read;
    this.#close = close;
    this.#entries = this.#readHeader(fileBytes);
  }

  /** Opens a file; its header is read and checked. */
  static open(path: string): SafetensorsFile {
    let descriptor: number;
    try {
      descriptor = openPlainFile(path);
    } catch (cause) {
      throw new ModelError("ERR_MODEL_WEIGHTS", `${path} cannot be opened (${messageOf(cause)})`, { cause });
    }
    const close = (): void => closeSync(descriptor);
    try {
      const read = (target: Uint8Array, position: number): void => readFully(descriptor, target, position, path);
      return new SafetensorsFile(path, fstatSync(descriptor).size, read, close);
    } catch (error) {
      close();
      throw error;
    }
  }

  /** Reads a file that lies in memory; the bytes are not copied. */
  static fromBytes(bytes: Uint8Array, origin: string): SafetensorsFile {
    return new SafetensorsFile(
      origin,
      bytes.length,
      (target, position) => target.set(bytes.subarray(position, position + target.length)),
      () => {},
    );
  }

  names(): readonly string[] {
    return [...this.#entries.keys()];
  }

  dims(name: string): readonly number[] | undefined {
    return this.#entries.get(name)?.dims;
  }

  /** A tensor's dtype; undefined when there is none. */
  dtype(name: string): WeightDtype | undefined {
    return this.#entries.get(name)?.dtype;
  }

  read(name: string): Float32Array {
    return decodeFloats(this.#entry(name).dtype, this.bytes(name));
  }

  /** A tensor's bytes as they are stored (little-endian), in memory of their own. */
  bytes(name: string): Uint8Array {
    const entry = this.#entry(name);
    const target = new Uint8Array(entry.byteLength);
    this.#read(target, entry.offset);
    return target;
  }

  [Symbol.dispose](): void {
    this.#close();
  }

  #entry(name: string): Entry {
    const entry = this.#entries.get(name);
    if (entry === undefined)
      throw new ModelError("ERR_MODEL_WEIGHTS", `${this.origin} has no tensor ${quotedName(name)}`);
    return entry;
  }

  #readHeader(fileBytes: number): Map<string, Entry> {
    if (fileBytes < 8) return this.#refuse(`it has ${fileBytes} bytes; a safetensors file has at least 8`);
    const lengthBytes = new Uint8Array(8);
    this.#read(lengthBytes, 0);
    const headerBytes = Number(new DataView(lengthBytes.buffer).getBigUint64(0, true));
    if (headerBytes > Math.min(MAX_HEADER_BYTES, fileBytes - 8)) {
      const start = new Uint8Array(Math.min(fileBytes, 512));
      this.#read(start, 0);
      if (start[0] === 0x50 && start[1] === 0x4b)
        return this.#refuse("it is a ZIP archive, such as PyTorch's checkpoints", "name it .bin, .pt or .pth");
      return this.#refuse(
        foreignFile(start) ??
          `its header claims ${headerBytes} bytes, of ${fileBytes - 8} in the file; it is truncated or another format`,
      );
    }
    const header = new Uint8Array(headerBytes);
    this.#read(header, 8);
    const entries = this.#parse(header, 8 + headerBytes, fileBytes);
    // Tensors must tile the data: overlaps and gaps are signs of a forged or damaged file.
    let end = 8 + headerBytes;
    for (const [name, entry] of [...entries].sort(
      ([, a], [, b]) => a.offset - b.offset || a.byteLength - b.byteLength,
    )) {
      if (entry.offset !== end)
        return this.#refuse(`the tensor ${quotedName(name)} begins at byte ${entry.offset}, expected ${end}`);
      end += entry.byteLength;
    }
    if (end !== fileBytes)
      return this.#refuse(
        `its tensors end at byte ${end}, the file has ${fileBytes}; it is truncated or has something appended`,
      );
    return entries;
  }

  #parse(header: Uint8Array, dataStart: number, fileBytes: number): Map<string, Entry> {
    let json: unknown;
    try {
      json = parseJson(new TextDecoder("utf-8", { fatal: true }).decode(header), { maxLength: MAX_HEADER_BYTES });
    } catch (cause) {
      return this.#refuse(`its header is not JSON (${messageOf(cause)})`);
    }
    if (typeof json !== "object" || json === null || Array.isArray(json))
      return this.#refuse("its header is not a JSON object");
    const entries = new Map<string, Entry>();
    for (const [name, value] of Object.entries(json)) {
      if (name === "__metadata__") continue;
      const result = entrySchema.safeParse(value);
      if (!result.success)
        return this.#refuse(
          `the tensor ${quotedName(name)} has a bad entry: ${result.error.issues
            .slice(0, MOST_ISSUES)
            .map((issue) => `${issue.path.join(".")}: ${issue.message}`)
            .join("; ")}`,
        );
      const { dtype, shape: dims, data_offsets: offsets } = result.data;
      const byteLength = elementCount(dims) * ELEMENT_BYTES[dtype];
      if (offsets[1] - offsets[0] !== byteLength)
        return this.#refuse(
          `the tensor ${quotedName(name)} of ${dtype} [${dims.join(", ")}] needs ${byteLength} bytes and has ${offsets[1] - offsets[0]}`,
        );
      if (dataStart + offsets[1] > fileBytes)
        return this.#refuse(
          `the tensor ${quotedName(name)} ends at byte ${dataStart + offsets[1]}, the file has ${fileBytes}; it is truncated`,
        );
      entries.set(name, { dtype, dims, offset: dataStart + offsets[0], byteLength });
    }
    return entries;
  }

  #refuse(reason: string, remedy?: string): never {
    throw new ModelError("ERR_MODEL_WEIGHTS", `${this.origin} is not a valid safetensors file: ${reason}`, { remedy });
  }
}

/** Reads a small safetensors file whole. */
export function loadSafetensors(path: string): SafetensorsFile {
  return SafetensorsFile.fromBytes(readFileSync(path), path);
}
