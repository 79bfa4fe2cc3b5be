/** Finds the buffers of a message, so that they move between threads instead of being copied. */
import { types } from "node:util";

const MAX_DEPTH = 6;

/**
 * The ArrayBuffers behind all typed arrays in a plain value. Left out (and so copied): views of a part of their buffer,
 * which others may share (Node's pool), and shared memory.
 */
export function transferables(value: unknown): ArrayBuffer[] {
  const found = new Set<ArrayBuffer>();
  collect(value, found, 0);
  return [...found];
}

function collect(value: unknown, found: Set<ArrayBuffer>, depth: number): void {
  if (typeof value !== "object" || value === null || depth > MAX_DEPTH) return;
  if (ArrayBuffer.isView(value)) {
    const { buffer } = value;
    if (types.isArrayBuffer(buffer) && value.byteLength === buffer.byteLength && value.byteLength > 0)
      found.add(buffer);
    return;
  }
  for (const item of Array.isArray(value) ? value : Object.values(value)) collect(item, found, depth + 1);
}
