/**
 * The structure of an output archive, made by yazl entry by entry: headers, directory, ZIP64. Entries are stored
 * without compression, in the order they are added, with fixed times and modes, so that the same entries give the same
 * bytes. Where they go is the caller's.
 */
import { createRequire } from "node:module";
import { ZipFile } from "yazl";
import { crc32 } from "../../binding/checksum.js";

export class ZipWriter {
  readonly #zip = new ZipFile();
  #chunks: Uint8Array[] = [];
  #fault: unknown;

  constructor() {
    this.#zip.on("error", (error: unknown) => (this.#fault ??= error));
    this.#zip.outputStream.on("data", (chunk: Uint8Array) => this.#chunks.push(chunk));
  }

  /**
   * Adds an entry and resolves to the archive's next bytes, among them `bytes` itself, not copied. One call at a time.
   */
  async add(name: string, bytes: Uint8Array): Promise<Uint8Array[]> {
    withKnownCrc(crc32(bytes), () =>
      this.#zip.addBuffer(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), name, entryOptions()),
    );
    const chunks = await this.#written();
    releaseEntry(this.#zip);
    return chunks;
  }

  /** The archive's last bytes. Nothing can be added afterwards. */
  async end(): Promise<Uint8Array[]> {
    this.#zip.end();
    return this.#written();
  }

  /** All that yazl has written so far; it passes through a stream, which takes a few turns of the event loop. */
  async #written(): Promise<Uint8Array[]> {
    const { outputStream } = this.#zip as unknown as {
      outputStream: { writableLength: number; readableLength: number };
    };
    do {
      await new Promise(setImmediate);
      if (this.#fault !== undefined) throw this.#fault;
    } while (outputStream.writableLength + outputStream.readableLength > 0);
    const chunks = this.#chunks;
    this.#chunks = [];
    return chunks;
  }
}

/** Stored, and with one fixed time; local, as ZIP times are, so the bytes do not depend on the time zone. */
function entryOptions(): { compress: false; mtime: Date; forceDosTimestamp: true; mode: number } {
  return { compress: false, mtime: new Date(2000, 0, 1), forceDosTimestamp: true, mode: 0o100644 };
}

/**
 * yazl keeps the bytes of each entry until the archive ends, in the closure that wrote them; written ones are let go.
 */
function releaseEntry(zip: ZipFile): void {
  const last = (zip as unknown as { entries: { doFileDataPump: unknown }[] }).entries.at(-1);
  if (last !== undefined) last.doFileDataPump = undefined;
}

interface CrcModule {
  unsigned(bytes: Uint8Array): number;
}

/**
 * The package that yazl has its CRC-32 from; undefined where it is not found, as in a bundle: then yazl's own is used.
 */
const yazlCrc: CrcModule | undefined = (() => {
  try {
    return createRequire(createRequire(import.meta.url).resolve("yazl"))("buffer-crc32") as CrcModule;
  } catch {
    return undefined;
  }
})();

/**
 * While `action` runs, which must not wait, yazl's CRC-32 of an entry is `crc`, which is known already. yazl counts it
 * in JavaScript, one byte at a time, which was most of the time of writing an archive, and has no option for one that
 * is known. A yazl that counts otherwise is not disturbed.
 */
function withKnownCrc(crc: number, action: () => void): void {
  if (yazlCrc === undefined) return action();
  const { unsigned } = yazlCrc;
  yazlCrc.unsigned = () => crc;
  try {
    action();
  } finally {
    yazlCrc.unsigned = unsigned;
  }
}
