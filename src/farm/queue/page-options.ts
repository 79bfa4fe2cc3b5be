/** Options with which a page's job is queued: its priority, and how often it is tried. */
import type { JobsOptions } from "bullmq";
import { bullPriority } from "./priority.js";

/** A page is tried so often when its worker fails for reasons that are not the page's. */
export const ATTEMPTS = 3;

/** @param priority from 0; higher goes first */
export function pageOptions(priority: number): JobsOptions & { readonly priority: number } {
  return {
    priority: bullPriority(priority),
    attempts: ATTEMPTS,
    backoff: { type: "exponential", delay: 2000 },
    removeOnComplete: true,
    removeOnFail: true,
  };
}
