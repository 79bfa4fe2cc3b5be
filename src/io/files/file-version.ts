/** Tells whether a file is still the one that was read, without reading it. */
import type { BigIntStats } from "node:fs";

/** Differs for another file in the same place, also where its size or its time of change was kept. */
export function fileVersion({ mtimeNs, ctimeNs, ino }: BigIntStats): string {
  return `${mtimeNs} ${ctimeNs} ${ino}`;
}
