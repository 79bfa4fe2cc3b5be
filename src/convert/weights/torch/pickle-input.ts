/** The bytes that an unpickler reads: a window over a file or over memory that gives nothing beyond its end. */

/** Reads `target.length` bytes from `position` on. */
export type ReadAt = (target: Uint8Array, position: number) => void;

const WINDOW_BYTES = 64 * 1024;

/** See the file's head. */
export class PickleInput {
  #window: Uint8Array = new Uint8Array(0);
  #windowStart = 0;

  /** `position` is that of the next byte, from the start of the file; `end` the first byte that may not be read. */
  constructor(
    readonly read: ReadAt,
    public position: number,
    readonly end: number,
  ) {}

  /** The next `count` bytes, valid until the next call. Undefined when fewer are left. */
  take(count: number): Uint8Array | undefined {
    if (count > this.end - this.position) return undefined;
    if (this.position < this.#windowStart || this.position + count > this.#windowStart + this.#window.length)
      this.#fill(Math.min(Math.max(count, WINDOW_BYTES), this.end - this.position));
    const start = this.position - this.#windowStart;
    this.position += count;
    return this.#window.subarray(start, start + count);
  }

  /** The bytes before the next line feed, which is passed. Undefined when none is left within `limit` bytes. */
  line(limit: number): Uint8Array | undefined {
    const start = this.position;
    const available = Math.min(limit, this.end - start);
    const bytes = this.take(available);
    const length = bytes?.indexOf(10) ?? -1;
    if (bytes === undefined || length < 0) return undefined;
    this.position = start + length + 1;
    return bytes.subarray(0, length);
  }

  #fill(count: number): void {
    const window = new Uint8Array(count);
    this.read(window, this.position);
    this.#window = window;
    this.#windowStart = this.position;
  }
}
