/** Unpacks one deflated entry to a size known beforehand, on the libuv pool, never to one byte more. */
import { Readable } from "node:stream";
import { constants, createInflateRaw, inflateRaw, inflateRawSync } from "node:zlib";
import { types } from "node:util";
import { messageOf, systemCode } from "../../errors.js";

/**
 * The unpacked bytes in an ArrayBuffer of exactly their size. Rejects with an Error whose message ends the sentence
 * "the entry is refused: …" when the data is damaged or has another size.
 */
export function inflate(packed: Uint8Array, sizeBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  return new Promise((resolve, reject) => {
    inflateRaw(
      packed,
      { chunkSize: Math.max(sizeBytes, 64), maxOutputLength: Math.max(sizeBytes, 1) },
      (error, output) => {
        if (systemCode(error) === "ERR_BUFFER_TOO_LARGE") reject(tooMuch(sizeBytes, error));
        else if (error !== null) reject(damaged(error));
        else if (output.byteLength !== sizeBytes) reject(tooLittle(sizeBytes, output.byteLength));
        else resolve(owned(output));
      },
    );
  });
}

/** The same piece by piece. */
export async function* inflateChunks(packed: AsyncIterable<Uint8Array>, sizeBytes: number): AsyncGenerator<Uint8Array> {
  let done = 0;
  const source = Readable.from(packed);
  const unpacker = source.pipe(createInflateRaw());
  source.on("error", (error) => unpacker.destroy(error));
  try {
    for await (const chunk of unpacker as AsyncIterable<Uint8Array>) {
      done += chunk.byteLength;
      if (done > sizeBytes) throw tooMuch(sizeBytes);
      yield chunk;
    }
  } catch (error) {
    throw systemCode(error)?.startsWith("Z_") === true ? damaged(error) : error;
  } finally {
    source.destroy();
    unpacker.destroy();
  }
  if (done !== sizeBytes) throw tooLittle(sizeBytes, done);
}

/**
 * The first unpacked bytes of the first packed ones, at most `maxBytes`. Throws where they are damaged.
 * @param packed a few kilobytes, which unpack to a thousand times as much at most
 */
export function inflateHead(packed: Uint8Array, maxBytes: number): Uint8Array {
  return inflateRawSync(packed, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, maxBytes);
}

function damaged(cause: unknown): Error {
  return new Error(`its data is damaged (${messageOf(cause)})`, { cause });
}

function tooMuch(sizeBytes: number, cause?: unknown): Error {
  return new Error(`wrong size in the archive: it unpacks to more than the declared ${sizeBytes} bytes`, { cause });
}

function tooLittle(sizeBytes: number, actualBytes: number): Error {
  return new Error(`wrong size in the archive: it unpacks to ${actualBytes} bytes, not the declared ${sizeBytes}`);
}

/** The same bytes; copied when they are only a part of their ArrayBuffer. */
function owned(bytes: Buffer): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = bytes;
  return byteOffset === 0 && byteLength === buffer.byteLength && types.isArrayBuffer(buffer)
    ? new Uint8Array(buffer)
    : new Uint8Array(bytes);
}
