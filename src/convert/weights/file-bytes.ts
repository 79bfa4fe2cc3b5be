/**
 * Reads exact byte ranges of weight files, synchronously: graphs ask for one tensor after another while they are
 * written.
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { ModelError } from "../../errors.js";
import { assertIsFile, OPEN_TO_READ } from "../../io/files/read-file.js";

// One call of the system reads less than 2 GiB.
const MAX_READ_BYTES = 2 ** 30;

/**
 * Opens a file. Throws the system's error, or an `Error` for what is no file: a pipe could be waited for, and a device
 * never ends.
 */
export function openPlainFile(path: string): number {
  const descriptor = openSync(path, OPEN_TO_READ);
  try {
    assertIsFile(fstatSync(descriptor));
    return descriptor;
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

/** A small file whole. Throws as `openPlainFile`, and a `RangeError` for one of more than `maxBytes`. */
export function readSmallFile(path: string, maxBytes: number): Buffer {
  const descriptor = openPlainFile(path);
  try {
    const { size } = fstatSync(descriptor);
    if (size > maxBytes) throw new RangeError(`it has ${size} bytes, more than ${maxBytes}`);
    const bytes = Buffer.alloc(size);
    readFully(descriptor, bytes, 0, path);
    return bytes;
  } finally {
    closeSync(descriptor);
  }
}

/** Fills `target` from `position`. Throws ERR_MODEL_WEIGHTS when the file ends first. */
export function readFully(descriptor: number, target: Uint8Array, position: number, path: string): void {
  for (let done = 0; done < target.length;) {
    const count = readSync(descriptor, target, done, Math.min(target.length - done, MAX_READ_BYTES), position + done);
    if (count === 0)
      throw new ModelError(
        "ERR_MODEL_WEIGHTS",
        `${path} ended at byte ${position + done}: it was cut while being read`,
        { remedy: "get it again" },
      );
    done += count;
  }
}
