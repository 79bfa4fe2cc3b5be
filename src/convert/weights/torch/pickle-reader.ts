/** Reads the plain values of a pickle: numbers, texts and bytes, each within limits. */
import { PickleFault } from "./pickle-values.js";
import type { PickleInput } from "./pickle-input.js";

/** Longest name of a module or class. */
const MAX_LINE_BYTES = 4096;
/** A text of a checkpoint is a name. */
const MAX_VALUE_BYTES = 2 ** 20;
const MAX_LONG_BYTES = 1024;
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Every method throws PickleFault for what is cut off, too long or of another form. */
export class PickleReader {
  readonly #input: PickleInput;

  constructor(input: PickleInput) {
    this.#input = input;
  }

  /** Bytes read so far. */
  get position(): number {
    return this.#input.position;
  }

  bytes(count: number): Uint8Array {
    const bytes = this.#input.take(count);
    if (bytes === undefined) throw new PickleFault(`it ends in the middle, at byte ${this.#input.position}`);
    return bytes;
  }

  #view(count: number): DataView {
    const bytes = this.bytes(count);
    return new DataView(bytes.buffer, bytes.byteOffset, count);
  }

  uint(size: 1 | 2 | 4): number {
    const view = this.#view(size);
    return size === 1 ? view.getUint8(0) : size === 2 ? view.getUint16(0, true) : view.getUint32(0, true);
  }

  int32(): number {
    return this.#view(4).getInt32(0, true);
  }

  length8(): number {
    const length = this.#view(8).getBigUint64(0, true);
    if (length > BigInt(Number.MAX_SAFE_INTEGER)) throw new PickleFault(`it claims a value of ${length} bytes`);
    return Number(length);
  }

  float(): number {
    return this.#view(8).getFloat64(0, false);
  }

  text(length: number): string {
    const bytes = this.#value(length);
    try {
      return UTF8.decode(bytes);
    } catch {
      throw new PickleFault(`it has a text that is not UTF-8, before byte ${this.#input.position}`);
    }
  }

  latin(length: number): string {
    return Buffer.from(this.#value(length)).toString("latin1");
  }

  copy(length: number): Uint8Array {
    return new Uint8Array(this.#value(length));
  }

  /** The bytes of a text or of a value of bytes. */
  #value(length: number): Uint8Array {
    if (length > MAX_VALUE_BYTES && this.#input.position + length <= this.#input.end)
      throw new PickleFault(`it has a text or bytes of ${length} bytes; at most ${MAX_VALUE_BYTES} are read`);
    return this.bytes(length);
  }

  /** A little-endian integer in two's complement: a number where that is exact, else a bigint. */
  long(length: number): number | bigint {
    if (length < 0 || length > MAX_LONG_BYTES) throw new PickleFault(`it claims a whole number of ${length} bytes`);
    const bytes = this.bytes(length);
    let value = 0n;
    for (let index = length - 1; index >= 0; index--) value = (value << 8n) | BigInt(bytes[index]!);
    return small(length === 0 ? 0n : BigInt.asIntN(8 * length, value));
  }

  line(): string {
    const line = this.#input.line(MAX_LINE_BYTES);
    if (line === undefined) throw new PickleFault(`it has a text line without an end at byte ${this.#input.position}`);
    return Buffer.from(line).toString("utf8");
  }

  /** A line as a whole number; protocol 0 writes true and false so too. */
  wholeNumber(): number | bigint | boolean {
    const text = this.line();
    if (text === "00") return false;
    if (text === "01") return true;
    if (!/^-?\d{1,400}L?$/u.test(text))
      throw new PickleFault(`it has ${JSON.stringify(text.slice(0, 40))} for a whole number`);
    return small(BigInt(text.replace("L", "")));
  }

  /** A line with a text in quotes, as protocol 0 has it. */
  quoted(): string {
    const text = this.line();
    const inner = /^'(.*)'$/su.exec(text)?.[1] ?? /^"(.*)"$/su.exec(text)?.[1];
    if (inner === undefined || inner.includes("\\"))
      throw new PickleFault(`it has ${JSON.stringify(text.slice(0, 40))} for a quoted text`);
    return inner;
  }
}

function small(value: bigint): number | bigint {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
}
