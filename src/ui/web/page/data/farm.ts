/** The farm as the server last told it; undefined where the server colours by itself. */
import { computed, signal } from "@preact/signals";
import type { Farm } from "../../api/farm.js";
import { present, Reports } from "./order.js";
import { server } from "./store.js";

const told = signal<Farm | undefined>(undefined);
const reports = new Reports();

/** The farm, or undefined where there is none or nothing is known yet. */
export const farm = computed(() => (hasFarm.value ? told.value : undefined));

/** Whether a farm colours the server's pages. */
export const hasFarm = computed(() => server.value?.farm !== undefined);

/** Takes over what the server said of the farm. @param moment when it was asked for; events: now */
export function putFarm(now: Farm, moment = present()): void {
  if (reports.take("", moment)) told.value = now;
}

/** Takes over the farm from the answer to a request that has just been made. */
export async function takeFarm(answer: Promise<Farm>): Promise<void> {
  const asked = present();
  putFarm(await answer, asked);
}
