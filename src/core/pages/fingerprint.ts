/**
 * What decides a picture, as one hash: two runs whose fingerprints are equal give the same picture of the same page.
 */
import { createHash } from "node:crypto";
import type { OutputSettings, PageSettings } from "../../config/batch-config.js";
import { VERSION } from "../version.js";

/** SHA-256 in hex, computed off the main thread. */
export async function sha256(bytes: Uint8Array): Promise<string> {
  return Buffer.from(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>)).toString("hex");
}

/** The same of what may be larger than memory, with its size. */
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

/**
 * @param references the contents of the batch's references as a hash
 * @param own what the page has of its own, contents in place of paths; see `ownContents`
 */
export function pageFingerprint(
  settings: PageSettings & OutputSettings,
  modelHash: string,
  references: string,
  own: Readonly<Record<string, unknown>> = {},
): string {
  const { referenceImages, colorHints: _byContent, ...plain } = settings;
  const others = referenceImages === undefined ? references : "own";
  return createHash("sha256")
    .update(JSON.stringify([VERSION, modelHash, others, Object.entries({ ...plain, ...own }).sort()]))
    .digest("hex");
}
