/** Unpacks one deflated entry to a size known beforehand, on the libuv pool, never to one byte more. */
import { inflateRaw } from "node:zlib";
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
        if (systemCode(error) === "ERR_BUFFER_TOO_LARGE")
          reject(
            new Error(`its size lies: it unpacks to more than the ${sizeBytes} bytes it is said to have`, {
              cause: error,
            }),
          );
        else if (error !== null) reject(new Error(`its data is damaged (${messageOf(error)})`, { cause: error }));
        else if (output.byteLength !== sizeBytes)
          reject(new Error(`its size lies: it unpacks to ${output.byteLength} bytes but is said to have ${sizeBytes}`));
        else resolve(owned(output));
      },
    );
  });
}

/** The same bytes; copied when they are only a part of their ArrayBuffer. */
function owned(bytes: Buffer): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = bytes;
  return byteOffset === 0 && byteLength === buffer.byteLength && buffer instanceof ArrayBuffer
    ? new Uint8Array(buffer)
    : new Uint8Array(bytes);
}
