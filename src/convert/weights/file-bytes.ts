/**
 * Reads exact byte ranges of weight files, synchronously: graphs ask for one tensor after another while they are
 * written.
 */
import { readSync } from "node:fs";
import { ModelError } from "../../errors.js";

// One call of the system reads less than 2 GiB.
const MAX_READ_BYTES = 2 ** 30;

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
