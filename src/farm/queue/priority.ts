/**
 * Priorities of chapters: higher goes first, as everywhere in this program. In a file of its own, so that reading flags
 * loads nothing else.
 */

/** From 0. */
export const MOST_PRIORITY = 1000;

/** BullMQ's priorities: lower goes first, and 0 before all of them. */
export function bullPriority(priority: number): number {
  return 1 + MOST_PRIORITY - priority;
}
