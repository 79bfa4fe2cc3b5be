/** SHA-256 without stopping the event loop. */
import { createHash } from "node:crypto";

/** Hashing so much takes a millisecond or two, and less than the copy that another thread would take of it. */
const AT_ONCE_BYTES = 2 ** 20;

/** Of bytes, in hex; of many, computed off the main thread. */
export async function sha256(bytes: Uint8Array): Promise<string> {
  if (bytes.byteLength <= AT_ONCE_BYTES) return createHash("sha256").update(bytes).digest("hex");
  return Buffer.from(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>)).toString("hex");
}

/** Of what may be larger than memory, with its size. */
export async function sha256OfChunks(
  chunks: AsyncIterable<Uint8Array>,
): Promise<{ readonly sha256: string; readonly sizeBytes: number }> {
  const hash = createHash("sha256");
  let sizeBytes = 0;
  for await (const chunk of chunks) {
    hash.update(chunk);
    sizeBytes += chunk.byteLength;
  }
  return { sha256: hash.digest("hex"), sizeBytes };
}
