// A folder of another file system than that of temporary files: memory, where the system has it.
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const MEMORY = "/dev/shm";

/** Whether there is one. */
export function hasOtherDisk(): boolean {
  try {
    const folder = mkdtempSync(join(MEMORY, "cobra-probe-"));
    const isOther = statSync(folder).dev !== statSync(tmpdir()).dev;
    rmSync(folder, { recursive: true });
    return isOther;
  } catch {
    return false;
  }
}

/** Makes a new folder there. */
export function otherDisk(): string {
  return mkdtempSync(join(MEMORY, "cobra-disk-"));
}
