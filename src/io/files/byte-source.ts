/**
 * Random access to bytes: a file, a part of a file, or memory. Archives are read through it, so a nested archive costs
 * no copy.
 */
import type { FileHandle } from "node:fs/promises";

export interface ByteSource {
  readonly sizeBytes: number;
  /**
   * Exactly these bytes in an ArrayBuffer of their own (so it can be transferred). Rejects when they reach past the
   * end.
   */
  read(position: number, lengthBytes: number): Promise<Uint8Array<ArrayBuffer>>;
  /** The same for two ranges, the second right after the first, by one call of the system where there is one. */
  readPair(
    position: number,
    firstBytes: number,
    secondBytes: number,
  ): Promise<[Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>]>;
}

/** What one call of the system reads; Node ends the process for more than 2 GiB. */
const READ_BYTES = 2 ** 30;

/** An open file, as far as it is read. */
export interface ReadableFile {
  read(target: Uint8Array, offset: number, length: number, position: number): Promise<{ readonly bytesRead: number }>;
}

/** Fills a buffer from a file; short when the file ends early. */
export async function readFully(file: ReadableFile, target: Uint8Array, position: number): Promise<number> {
  let done = 0;
  while (done < target.byteLength) {
    const { bytesRead } = await file.read(
      target,
      done,
      Math.min(READ_BYTES, target.byteLength - done),
      position + done,
    );
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done;
}

function checkRange(source: ByteSource, position: number, lengthBytes: number): void {
  if (position < 0 || lengthBytes < 0 || position + lengthBytes > source.sizeBytes) {
    throw new RangeError(`bytes ${position} to ${position + lengthBytes} lie outside of ${source.sizeBytes} bytes`);
  }
}

/** A range of an open file. The caller owns the handle and closes it after the last read. */
export class FileRange implements ByteSource {
  constructor(
    readonly file: FileHandle,
    readonly start: number,
    readonly sizeBytes: number,
  ) {}

  async read(position: number, lengthBytes: number): Promise<Uint8Array<ArrayBuffer>> {
    checkRange(this, position, lengthBytes);
    const bytes = new Uint8Array(lengthBytes);
    await this.#fill(bytes, position);
    return bytes;
  }

  async readPair(
    position: number,
    firstBytes: number,
    secondBytes: number,
  ): Promise<[Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>]> {
    checkRange(this, position, firstBytes + secondBytes);
    const first = new Uint8Array(firstBytes);
    const second = new Uint8Array(secondBytes);
    const small = firstBytes + secondBytes <= READ_BYTES;
    const { bytesRead } = small ? await this.file.readv([first, second], this.start + position) : { bytesRead: 0 };
    if (bytesRead < firstBytes) await this.#fill(first.subarray(bytesRead), position + bytesRead);
    const done = Math.max(0, bytesRead - firstBytes);
    if (done < secondBytes) await this.#fill(second.subarray(done), position + firstBytes + done);
    return [first, second];
  }

  async #fill(target: Uint8Array, position: number): Promise<void> {
    if ((await readFully(this.file, target, this.start + position)) < target.byteLength)
      throw new RangeError("the file became shorter while it was read");
  }
}

/** Bytes in memory. */
export class MemoryRange implements ByteSource {
  readonly #bytes: Uint8Array;
  readonly sizeBytes: number;
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.sizeBytes = bytes.byteLength;
  }

  async read(position: number, lengthBytes: number): Promise<Uint8Array<ArrayBuffer>> {
    checkRange(this, position, lengthBytes);
    return new Uint8Array(this.#bytes.subarray(position, position + lengthBytes));
  }

  async readPair(
    position: number,
    firstBytes: number,
    secondBytes: number,
  ): Promise<[Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>]> {
    return [await this.read(position, firstBytes), await this.read(position + firstBytes, secondBytes)];
  }
}

/** A part of another source, without a copy. */
export class SubRange implements ByteSource {
  constructor(
    readonly parent: ByteSource,
    readonly start: number,
    readonly sizeBytes: number,
  ) {}

  async read(position: number, lengthBytes: number): Promise<Uint8Array<ArrayBuffer>> {
    checkRange(this, position, lengthBytes);
    return this.parent.read(this.start + position, lengthBytes);
  }

  async readPair(
    position: number,
    firstBytes: number,
    secondBytes: number,
  ): Promise<[Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>]> {
    checkRange(this, position, firstBytes + secondBytes);
    return this.parent.readPair(this.start + position, firstBytes, secondBytes);
  }
}

/** A part of a source. Its `start` counts from the source that is no part of another. */
export function subRange(source: ByteSource, start: number, sizeBytes: number): SubRange {
  return source instanceof SubRange
    ? new SubRange(source.parent, source.start + start, sizeBytes)
    : new SubRange(source, start, sizeBytes);
}
