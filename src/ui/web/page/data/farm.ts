/** The farm as the server last told it; undefined where the server colours by itself. */
import { computed, signal } from "@preact/signals";
import type { Farm } from "../../api/farm.js";
import { server } from "./store.js";

const told = signal<Farm | undefined>(undefined);

/** The farm, or undefined where there is none or nothing is known yet. */
export const farm = computed(() => (hasFarm.value ? told.value : undefined));

/** Whether a farm colours the server's pages. */
export const hasFarm = computed(() => server.value?.farm !== undefined);

/** Takes over what the server said of the farm. */
export function putFarm(now: Farm): void {
  told.value = now;
}
