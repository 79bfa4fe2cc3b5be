/** Priorities of worker tasks: a device must not be idle while a worker inks, or prepares a page that may wait. */
import type { Tasks } from "./table.js";

/** What a page is in the middle of when it is on a device. */
const ON_DEVICE: ReadonlySet<keyof Tasks> = new Set([
  "prepareReference",
  "signedPlanes",
  "seededNoise",
  "prepareConditions",
  "prepareDecoded",
]);

/** Whether a device may be idle until a task is done. */
export function isForDevice(task: keyof Tasks): boolean {
  return ON_DEVICE.has(task);
}
