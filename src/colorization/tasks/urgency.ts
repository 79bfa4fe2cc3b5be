/** Which worker tasks go first: a device must not stand idle while a worker inks. */
import type { Tasks } from "./table.js";

/** What comes after the networks, so that no device waits for it. */
const AFTER_NETWORKS: ReadonlySet<keyof Tasks> = new Set([
  "finishPicture",
  "joinTiles",
  "composeInk",
  "composeLayers",
  "encode",
  "encodeLayers",
  "encodePsd",
]);

/** Whether a device may be idle until a task of a page's pipeline is done. */
export function isForDevice(task: keyof Tasks): boolean {
  return !AFTER_NETWORKS.has(task);
}
